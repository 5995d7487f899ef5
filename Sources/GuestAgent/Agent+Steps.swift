import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

/// What each request does.
extension Agent {
    func perform(
        _ request: Request,
        id: RequestID,
        timeLimit: UInt32
    ) throws(Failure) -> Completion {
        let devices = BlockDevices(paths: paths)
        switch request {
        case .mountView(let view): try view.perform(timeLimit: timeLimit)
        case .enterRoot(let root):
            try root.perform(base: "/newroot")
            mounts.keepForever(root.view)
            warm(root.warming)
        case .writeSectors(let write): try write.perform(devices: devices)
        case .makeFileSystem(let make):
            try make.perform(devices: devices, runner: runner(id, timeLimit))
        case .mount(let mount):
            mounts.add(try mount.perform(devices: devices))
        case .seal(let targets): try mounts.seal(targets)
        case .run(let command):
            let result = try runner(id, timeLimit).run(command)
            return .command(result.status, outputTail: result.outputTail)
        case .makeEntries(let entries):
            for entry in entries { try entry.perform() }
        case .installExtlinux(let directory):
            let command = RunCommand(arguments: ["extlinux", "--install", directory])
            try runner(id, timeLimit).check(command, step: "install extlinux")
        case .checkFileSystems(let list):
            let nodes = try list.map { device throws(Failure) in
                (device.description, try devices.node(device).string)
            }
            try FileSystemChecks(channel: channel, id: id, timeLimit: timeLimit).run(nodes)
        case .listTree(let path, let readsContent):
            return .listed(try list(path, readsContent: readsContent, id: id))
        case .importPack(let pack):
            let channel = channel
            try pack.perform(timeLimit: timeLimit) { channel.isCancelled(id) }
        case .unreferencedCommits(let path):
            let repository = try BareRepository(FilePath(path), ref: nil)
            return .listed(
                try Failure.naming("list commits", path) { () throws(Errno) in
                    UInt64(try repository.unreferencedCommits().count)
                }
            )
        case .coverKernel(let sysroot, let osname):
            try cover.mount(sysroot: FilePath(sysroot), osname: osname)
        case .uncoverKernel: try cover.unmount()
        case .trim(let target): try trimFileSystem(target)
        case .addFiles(let request): try request.perform()
        case .resume(let resume): try resume.perform(paths: paths)
        case .statistics: return .statistics(ProcStatistics(paths: paths).read())
        case .powerOff: try leave()
        }
        return .done
    }

    /// One processor would only take the time from what comes next.
    private func warm(_ command: [String]) {
        guard !command.isEmpty, processorCount() > 1 else { return }
        _ = try? Thread(name: "warm") {
            _ = try? CommandRunner(timeLimit: 10_000).run(RunCommand(arguments: command))
        }
    }

    private func runner(_ id: RequestID, _ timeLimit: UInt32) -> CommandRunner {
        let channel = channel
        var runner = CommandRunner(timeLimit: timeLimit)
        runner.reapsOrphans = isInit
        runner.wake = channel.cancellation.rawValue
        runner.isCancelled = { channel.isCancelled(id) }
        runner.output = { channel.send(.output(id, $0, Array($1))) }
        return runner
    }

    private func list(
        _ path: String,
        readsContent: Bool,
        id: RequestID
    ) throws(Failure) -> UInt64 {
        let channel = channel
        return try TreeLister(root: path, readsContent: readsContent) { (entries) throws(Failure) in
            guard !channel.isCancelled(id) else {
                throw Failure(.cancelled, step: "list", subject: path)
            }
            if channel.send(.entries(id, entries)) { return }
            // Long attributes: one by one they fit, but for what the protocol cannot carry.
            for entry in entries where !channel.send(.entries(id, [entry])) {
                let name = String(decoding: entry.path, as: UTF8.self)
                throw Failure(.messageTooLong, step: "list", subject: name)
            }
        }.run()
    }

    /// Ends every other process, then unmounts all disks.
    private func leave() throws(Failure) {
        if isInit {
            kill(-1, SIGKILL)
            reapEndedChildren()
        }
        try mounts.unmountAll()
        sync()
    }
}
