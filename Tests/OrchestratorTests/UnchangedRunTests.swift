import DiskImage
import OSTree
import Synchronization
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

/// Runs that have nothing to build: what is there already, and what cannot be begun.
@Suite struct UnchangedRunTests {
    private let sample: SampleRepository
    private let scratch: ScratchFolder
    private let output: FilePath

    init() throws {
        sample = try SampleRepository(SampleTree.canonical)
        scratch = try ScratchFolder()
        output = FilePath(scratch.file("images"))
    }

    private final class Events: RunReporter {
        let all = Mutex<[RunEvent]>([])
        func report(_ event: RunEvent) { all.withLock { $0.append(event) } }

        var alreadyCreated: [String] {
            all.withLock { events in
                events.compactMap {
                    if case .alreadyCreated(let build, _) = $0 { build } else { nil }
                }
            }
        }
    }

    private func disk(_ target: String, build: String? = nil, ref: String = "os/sample")
        -> BuildRequest
    {
        var request = BuildRequest(
            repository: FilePath(sample.path),
            ref: ref,
            osname: "os",
            output: output,
            buildName: build
        )
        request.target = target
        return request
    }

    private func run(_ disks: [BuildRequest], _ events: Events = Events()) throws {
        let tools = Tools(launcher: "/nowhere", agent: "/nowhere")
        let context = RunContext(tools: tools, reporter: events, cancellation: Cancellation())
        try Run(context).run(RunRequest(disks: disks))
    }

    /// Publishes a build of what the disks' plans say, as an earlier run did.
    private func publish(
        _ name: String,
        _ disks: [BuildRequest],
        as identity: KeyPath<BuildPlan, Checksum> = \.identity
    ) throws {
        let records = try disks.map { disk in
            let plan = try BuildPlan(disk)
            try scratch.write("images/\(name)/\(plan.diskFileName)", "disk")
            return sampleDisk(plan.diskFileName, identity: plan[keyPath: identity].hex)
        }
        try sampleBuild(name, published: 1, disks: records).write(to: output.appending(name))
        try? removeFile(output.appending("current"))
        try scratch.link("images/current", to: name)
    }

    private func report(of disk: BuildRequest) -> FilePath {
        FailureReport.path(of: disk.diskFileName, in: output)
    }

    @Test("a build's name is no answer to what cannot be begun", arguments: [true, false])
    func aPublishedNameWithAFailure(alone: Bool) throws {
        let wrong = disk("wrong", build: "named", ref: "os/none")
        let good = disk("good", build: "named")
        try publish("named", [good])
        try publish("newer", [good])
        let events = Events()
        let error = #expect(throws: BuildError.self) {
            try run(alone ? [wrong] : [good, wrong], events)
        }
        #expect(error?.exitCode == 4)
        #expect(events.alreadyCreated == [])
        #expect(try symlinkTarget(output.appending("current")) == "newer")
        #expect(fileExists(report(of: wrong)))
        #expect(try directoryNames(output.appending("named")).count == 2)
    }

    @Test func whatIsThereAlreadyHasNoReport() throws {
        let good = disk("good", build: "named")
        try publish("named", [good])
        var unmounted = good
        unmounted.repository = "/nowhere"
        #expect(throws: BuildError.self) { try run([unmounted]) }
        #expect(fileExists(report(of: good)))
        let events = Events()
        try run([good], events)
        #expect(events.alreadyCreated == ["named"])
        #expect(!fileExists(report(of: good)))
    }

    @Test(
        "a disk that auto made in the VM is the same only by the same VM",
        arguments: [true, false]
    )
    func theVMOfAuto(named: Bool) throws {
        var first = disk("os/sample")
        first.bootstrap.ref = "os/sample"
        var second = first
        second.bootstrap = BootstrapOptions(root: .image)
        let plan = try BuildPlan(first)
        let name = BuildRecord.name(of: [BuildRecord.Member(plan, identity: plan.identityInVM)])
        let build = named ? name : "earlier"
        try publish(build, [first], as: \.identityInVM)
        let events = Events()
        try run([first], events)
        #expect(events.alreadyCreated == [build])
        // There is nothing to build it with here.
        #expect(throws: BuildError.self) { try run([second], events) }
        #expect(events.alreadyCreated == [build])
    }

    @Test("as the current build has it", arguments: [true, false])
    func aCarriedDiskHasNoReport(alone: Bool) throws {
        let (good, wrong) = (disk("good"), disk("wrong", ref: "os/none"))
        try publish("earlier", [good])
        var unmounted = good
        unmounted.repository = "/nowhere"
        #expect(throws: BuildError.self) { try run([unmounted]) }
        #expect(fileExists(report(of: good)))
        if alone {
            let events = Events()
            try run([good], events)
            #expect(events.alreadyCreated == ["earlier"])
        } else {
            #expect(throws: BuildError.self) { try run([good, wrong]) }
            #expect(fileExists(report(of: wrong)))
        }
        #expect(!fileExists(report(of: good)))
    }
}
