import Foundation
import TestSupport
import Testing

/// A small machine gets through a whole pull over 9P, whose client needs each message's buffer in one
/// piece of memory.
extension VirtualMachineTests {
    @Suite struct MemoryTests {
        let environment: VMEnvironment
        let folder: ScratchFolder
        static let debian = ProcessInfo.processInfo.environment["BUILDDISKS_DEBIAN"]

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        private func pull(
            _ repository: String,
            ref: String,
            memory: Int,
            size: String
        ) throws {
            let images = folder.path + "/images"
            let built = try runCommand(
                OrdinaryUser.prefix + [
                    environment.builddisks, "build", "--repo", repository, "--ref", ref,
                    "--osname", "small", "--output", images, "--size", size, "--method", "vm",
                    "--pull", "9p", "--memory", String(memory), "--accel", "tcg", "--quiet",
                ],
                environment: userVariables(folder)
            )
            try #require(built.status == 0, "\(built.errors)")
            let disk = built.output.trimmingCharacters(in: .whitespacesAndNewlines)
            for referee in [["referees", disk], ["compare-ownership", disk, repository, ref]] {
                let verdict = try runCommand(
                    [VMEnvironment.root + "/scripts/" + referee[0]] + referee.dropFirst()
                )
                #expect(verdict.status == 0, "\(verdict.output)\n\(verdict.errors)")
            }
            #expect(try leftovers(folder.path) == [])
        }

        @Test func theSmallTree() throws {
            try pull(environment.repository, ref: VMEnvironment.ref, memory: 320, size: "1G")
        }

        @Test(.enabled(if: debian != nil, "part of make test-full"))
        func theDebianTree() throws {
            // The cache belongs to whoever runs the tests; the ordinary user needs a copy to read.
            let repository = folder.path + "/debian"
            let copied = try runCommand([
                "cp", "-a", "--reflink=auto", try #require(Self.debian), repository,
            ])
            try #require(copied.status == 0, "\(copied.errors)")
            _ = try runCommand(["chmod", "-R", "a+rX", repository])
            let refs = try SampleRepository.ostree("refs", "--repo=\(repository)")
            let ref = try #require(
                refs.split(separator: "\n").first { $0.hasSuffix("/standard") }
            )
            try pull(repository, ref: String(ref), memory: 512, size: "4G")
        }
    }
}
