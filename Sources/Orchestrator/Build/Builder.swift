import OSTree
import SystemIO
import SystemPackage

/// From a request to a published disk: plan, machine, steps, checks, publication. One build at a
/// time; nothing is published unless everything worked.
package struct Builder {
    let tools: Tools
    let reporter: any BuildReporter
    let cancellation: Cancellation

    package init(tools: Tools, reporter: any BuildReporter, cancellation: Cancellation) {
        self.tools = tools
        self.reporter = reporter
        self.cancellation = cancellation
    }

    package func build(_ request: BuildRequest) throws(BuildError) {
        let clock = PhaseClock(reporter)
        let plan = try BuildPlan(request)
        let output = try OutputFolder(request.output)
        let disk = output.folder(of: plan.name).appending(plan.diskFileName)
        if output.exists(plan.name) {
            if output.current != plan.name { try output.makeCurrent(plan.name) }
            reporter.report(.alreadyCreated(build: plan.name, disk: disk.string))
            return
        }
        reporter.report(
            .started(build: plan.name, target: request.ref, commit: plan.commit.checksum.hex)
        )
        let work = try output.makeWorkFolder(for: plan.name)
        var published = false
        defer { if !published { removeTree(work) } }
        let file = work.appending(plan.diskFileName)
        let method = method(for: plan)
        let result = try method.run(file, clock)
        try clock.run(.check) { () throws(BuildError) in
            try DiskFile.check(file, format: request.format, launcher: tools.launcher)
        }
        let summary = try clock.run(.publish) { () throws(BuildError) -> BuildSummary in
            try cancellation.check()
            let sha256 = try DiskFile.sha256(file)
            let status = try DiskFile.status(file)
            let summary = BuildSummary(
                build: plan.name,
                disk: disk.string,
                phases: clock.phases,
                totalSeconds: clock.totalSeconds,
                allocatedBytes: status.allocated,
                virtualBytes: request.size
            )
            let record = BuildRecord(
                plan: plan,
                summary: summary,
                result: result,
                sha256: sha256.hex
            )
            try record.write(to: work)
            try output.publish(work, as: plan.name)
            published = true
            return summary
        }
        var final = summary
        final.phases = clock.phases
        final.totalSeconds = clock.totalSeconds
        reporter.report(.finished(final))
    }

    private func method(for plan: BuildPlan) -> any DiskMethod {
        let vm = VMMethod(
            plan: plan,
            tools: tools,
            reporter: reporter,
            cancellation: cancellation
        )
        let compose = ComposeMethod(plan: plan, reporter: reporter, cancellation: cancellation)
        return switch plan.request.method {
        case .auto: AutomaticMethod(compose: compose, vm: vm, reporter: reporter)
        case .vm: vm
        case .compose: compose
        }
    }
}
