import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

/// What the method `auto` finds out before it begins.
@Suite struct MethodChoiceTests {
    private final class EventList: BuildReporter {
        private let events = Mutex<[BuildEvent]>([])
        func report(_ event: BuildEvent) { events.withLock { $0.append(event) } }
        var count: Int { events.withLock { $0.count } }
    }

    private func prepare(
        libostree: String
    ) throws -> (Result<ComposeMethod.Prepared, ComposeMethod.NeedsVM>, events: Int) {
        let program = Array("\u{7f}ELF\0".utf8) + Array(libostree.utf8) + [0]
        let features = "\0libcurl inode64 initial-var composefs release\0"
        let sample = try SampleRepository(
            SampleTree.full + [
                .file("usr/bin/ostree", program),
                .file("usr/lib/libostree-1.so.1", Array(features.utf8)),
                .directory("usr/lib/modules"), .directory("usr/lib/modules/6.1.0"),
                .file("usr/lib/modules/6.1.0/vmlinuz", [1]),
            ]
        )
        let request = BuildRequest(
            repository: FilePath(sample.path),
            ref: "os/sample",
            osname: "demo",
            output: "/nowhere"
        )
        let events = EventList()
        let method = ComposeMethod(
            plan: try BuildPlan(request),
            reporter: events,
            cancellation: Cancellation(),
            processors: 1
        )
        return (try method.prepare(), events.count)
    }

    @Test func aCommitWithComposefsGoesToTheVMBeforeAnyPhase() throws {
        let (found, events) = try prepare(libostree: "2025.2")
        guard case .failure(let need) = found else {
            Issue.record("it was not refused")
            return
        }
        #expect(need.reason.contains("libostree 2025.2 writes a composefs image"))
        #expect(events == 0)
        // The same libostree when it did not yet.
        let (older, _) = try prepare(libostree: "2024.9")
        guard case .success = older else {
            Issue.record("it was refused")
            return
        }
    }

    @Test func aPhaseMayHaveBegunBeforeItIsTold() throws {
        let clock = PhaseClock(EventList())
        try clock.run(.compose, since: 0) { () throws(BuildError) in }
        #expect(clock.phases.count == 1 && clock.phases[0].seconds > 0)
    }
}
