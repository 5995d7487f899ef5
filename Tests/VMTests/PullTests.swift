import Foundation
import TestSupport
import Testing

/// However the objects come to a disk, its repository is the same, and an update brings only what is
/// missing.
extension VirtualMachineTests {
    @Suite struct PullTests {
        let environment: VMEnvironment

        init() throws { environment = try VMEnvironment.shared.get() }

        @Test func bothPullsLeaveTheSameRepository() throws {
            let created = try environment.userFolder()
            let updated = try environment.userFolder()
            var listings: [String: [String]] = [:]
            for (pull, other) in [("pack", "9p"), ("9p", "pack")] {
                let first = "\(created.path)/\(pull)"
                try build(created, VMEnvironment.ref, into: first, ["--pull", pull])
                let disk = "\(first)/current/tiny-main.qcow2"
                listings["create", default: []].append(try listing(disk))
                // Across: a disk made one way is updated the other way.
                let second = "\(updated.path)/\(other)"
                let events = try build(
                    updated,
                    VMEnvironment.nextRef,
                    into: second,
                    ["--pull", other, "--from", disk, "--json"]
                )
                let next = try listing("\(second)/current/tiny-next.qcow2")
                listings["update", default: []].append(next)
                if other == "pack" { try expectOnlyWhatIsMissing(events, first: disk, next) }
            }
            for (name, found) in listings {
                let lines = found.map { Set($0.split(separator: "\n")) }
                #expect(lines[0].count > 300)
                let difference = lines[0].symmetricDifference(lines[1]).sorted()
                #expect(difference.isEmpty, "\(name): \(difference.prefix(10))")
            }
            #expect(try leftovers(created.path) == [])
            #expect(try leftovers(updated.path) == [])
        }

        /// The pack holds what the disk lacked, and the commit.
        private func expectOnlyWhatIsMissing(
            _ events: String,
            first disk: String,
            _ next: String
        ) throws {
            let before = objects(in: try listing(disk))
            let new = objects(in: next).subtracting(before)
            let last = try #require(
                events.split(separator: "\n").last { $0.contains("\"total_objects\"") }
            )
            let event = try JSONDecoder().decode(PullEvent.self, from: Data(last.utf8))
            #expect(event.phase == "pull")
            #expect(event.objects == new.count)
            #expect(event.total_objects == new.count)
            #expect(new.count < 40 && new.count > 10)
        }

        private struct PullEvent: Decodable {
            var phase: String
            var objects: Int
            var total_objects: Int
        }

        private func objects(in listing: String) -> Set<Substring> {
            Set(
                listing.split(separator: "\n").compactMap { line in
                    line.range(of: " /objects/").map { line[$0.upperBound...] }
                }.filter { $0.contains(".") }
            )
        }

        /// Objects checked by the commit's own `ostree fsck` in the guest.
        @discardableResult
        private func build(
            _ folder: ScratchFolder,
            _ ref: String,
            into images: String,
            _ more: [String]
        ) throws -> String {
            let result = try runCommand(
                OrdinaryUser.prefix + environment.build(into: images, ref: ref)
                    + ["--accel", VMEnvironment.quickAccelerator, "--fsck"] + more,
                environment: userVariables(folder)
            )
            try #require(result.status == 0, "\(result.output)\n\(result.errors)")
            return result.output
        }

        private func listing(_ disk: String) throws -> String {
            let result = try runCommand([
                VMEnvironment.root + "/scripts/repository-listing", disk,
            ])
            try #require(result.status == 0, "\(result.errors)")
            return result.output
        }
    }
}
