import CLinux
import GuestAgent
import GuestProtocol
import SystemIO
import SystemPackage

/// Carries out tasks: each on a mount of its own, so that nothing is cached at its start.
enum GuestMeasurement {
    private static let target = "/tmp/tree"

    static func figures(of task: GuestTask) throws(Failure) -> GuestFigures {
        try mount(task)
        return try Failure.naming("measure", task.line) { () throws(Errno) in
            let result = Result { () throws(Errno) in try measure(task) }
            try syscall { unsafe umount2(target, 0) }
            return try result.get()
        }
    }

    private static func mount(_ task: GuestTask) throws(Failure) {
        try Failure.naming("make", target) { () throws(Errno) in
            try makeDirectories(FilePath(target))
        }
        let options = "version=9p2000.L,\(task.options)"
        switch task.transport {
        case .device(let tag): try mount(tag, "trans=virtio,\(options)")
        case .socket(let port):
            // The kernel takes its own reference to the stream.
            let stream = try connectToHost(port: port, timeLimit: 0)
            let descriptor = stream.rawValue
            try mount("socket", "trans=fd,rfdno=\(descriptor),wfdno=\(descriptor),\(options)")
        }
    }

    private static func mount(_ source: String, _ data: String) throws(Failure) {
        try Failure.naming("mount", "\(source) (\(data))") { () throws(Errno) in
            try mountFileSystem(source, target, type: "9p", flags: UInt(MS_RDONLY), data: data)
        }
    }

    private static func measure(_ task: GuestTask) throws(Errno) -> GuestFigures {
        var reader = TreeReader(
            readsContent: task.workload != .list,
            isChecking: task.isChecking
        )
        let path = FilePath(target).appending(task.path)
        let before = SystemLoad()
        let start = monotonicSeconds()
        switch task.workload {
        case .sequential: try reader.read(try OwnedFD.open(path, O_RDONLY))
        case .list, .files:
            try reader.visit(folder: try OwnedFD.open(path, O_RDONLY | O_DIRECTORY))
        }
        let end = monotonicSeconds()
        let after = SystemLoad()
        var figures = reader.figures
        figures.nanoseconds = UInt64((end - start) * 1e9)
        figures.busyNanoseconds = after.busyNanoseconds &- before.busyNanoseconds
        figures.interrupts = after.interrupts &- before.interrupts
        return figures
    }
}

/// What /proc/stat says (proc(5)).
private struct SystemLoad {
    private(set) var busyNanoseconds: UInt64 = 0
    private(set) var interrupts: UInt64 = 0

    init() {
        let text = String(decoding: (try? readFile("/proc/stat")) ?? [], as: UTF8.self)
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().map { UInt64($0) ?? 0 }
            switch words.first {
            // user, nice, system, idle, iowait, irq, softirq; in hundredths of a second.
            case "cpu" where numbers.count >= 7:
                let busy = numbers[0] + numbers[1] + numbers[2] + numbers[5] + numbers[6]
                busyNanoseconds = busy * 10_000_000
            case "intr": interrupts = numbers.first ?? 0
            default: break
            }
        }
    }
}
