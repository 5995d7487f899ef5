import Foundation
import TestSupport
import Testing

/// SIGKILL in place of each system call that publishes a disk and removes the build before, one after
/// another.
extension VirtualMachineTests {
    @Suite struct PublicationSweepTests {
        let environment: VMEnvironment
        let folder: ScratchFolder
        var images: String { folder.path + "/images" }

        /// Calls that can change a file or say how one is: what happens between two of them is seen
        /// by nobody. Reading the disk for its checksum comes before anything is published.
        private static let calls =
            "openat,close,write,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,symlink,"
            + "symlinkat,link,linkat,mkdir,rmdir,newfstatat,statx,getdents64,flock,fcntl,ftruncate,"
            + "fchmod,chmod,readlink,exit_group"

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        /// `make test-full` tries all of them, CI those which change a name.
        @Test(.timeLimit(.minutes(30))) func killedInPlaceOfEachCall() throws {
            let old = ["--build", "old", "--karg", "old"]
            let new = ["--build", "new", "--keep", "1"]
            #expect(try build(old).status == 0)
            let log = folder.path + "/log"
            let reference = try build(new, tracer: ["-o", log, "-e", "trace=\(Self.calls)"])
            try #require(reference.status == 0, "\(reference.errors)")
            let lines = try trace(log)
            let first = try #require(
                lines.lastIndex { $0.hasPrefix("openat") && $0.contains(".build.json.") }
            )
            let isFull = ProcessInfo.processInfo.environment["BUILDDISKS_FULL"] != nil
            let changing = ["rename", "symlink", "unlink", "rmdir"]
            let chosen = (first..<lines.count).filter { index in
                isFull || changing.contains { lines[index].hasPrefix($0) }
            }
            #expect(chosen.count >= (isFull ? 25 : 4), "\(lines[first...])")
            for index in chosen {
                try restore(old)
                let call = lines[index]
                // strace counts each call by its name.
                let name = String(call.prefix { $0 != "(" })
                let number = lines[...index].count { $0.hasPrefix(name + "(") }
                let killed = try build(
                    new,
                    tracer: [
                        "-o", log, "-e", "trace=\(Self.calls)", "-e",
                        "inject=\(name):signal=KILL:when=\(number)",
                    ]
                )
                #expect(killed.status != 0, "not killed at \(call)")
                let last = try trace(log).last ?? ""
                #expect(last.hasPrefix(name + "("), "killed at \(last), not at \(call)")
                #expect(try processes(of: folder.path) == [], "\(call)")
                // A whole earlier or later state: `current` names a whole build.
                let state = try PublishedState(images)
                #expect(["old", "new"].contains(state.current), "\(call)")
                let next = try build(new)
                #expect(next.status == 0, "\(call): \(next.errors)")
                let final = try PublishedState(images)
                #expect(final.builds == ["new"] && final.current == "new", "\(call)")
                #expect(try leftovers(folder.path) == [], "\(call)")
            }
        }

        /// As before the new build: the old one is `current`.
        private func restore(_ old: [String]) throws {
            try FileManager.default.removeItem(atPath: images)
            #expect(try build(old).status == 0)
        }

        /// A raw disk written without a VM or any other program, so that all of the publication is
        /// on the main thread, the only one that strace follows here.
        private func build(_ more: [String], tracer: [String] = []) throws -> CommandResult {
            try runCommand(
                OrdinaryUser.prefix
                    + (tracer.isEmpty ? [] : ["taskset", "-c", "0", "strace"] + tracer)
                    + environment.build(into: images, size: "400M", method: "compose")
                    + ["--format", "raw", "--quiet"] + more,
                environment: userVariables(folder)
            )
        }

        /// The calls of a log, without signals and ends.
        private func trace(_ log: String) throws -> [String] {
            try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
                .map(String.init).filter { !$0.hasPrefix("+++") && !$0.hasPrefix("---") }
        }
    }
}
