import GuestProtocol
import SystemIO
import SystemPackage

/// Checks file systems side by side: each takes one processor.
struct FileSystemChecks: Sendable {
    let channel: ControlChannel
    let id: RequestID
    /// Milliseconds; 0 is no limit.
    let timeLimit: UInt32

    /// - Parameter partitions: how they are called, and their nodes.
    func run(_ partitions: [(name: String, node: String)]) throws(Failure) {
        var ends: [Latch<Result<Void, Failure>>] = []
        for (name, node) in partitions {
            let end = Latch<Result<Void, Failure>>()
            try Failure.naming("start a thread") { () throws(Errno) in
                _ = try Thread(name: "check") {
                    end.set(Result { () throws(Failure) in try check(name, node) })
                }
            }
            ends.append(end)
        }
        // All of them end before the answer does, whatever comes of the first.
        for result in ends.map({ $0.wait() }) { try result.get() }
    }

    private func check(_ name: String, _ node: String) throws(Failure) {
        // Children of others are not this one's to reap: `reapsOrphans` is off.
        var runner = CommandRunner(timeLimit: timeLimit)
        runner.wake = channel.cancellation.rawValue
        runner.isCancelled = { channel.isCancelled(id) }
        var output: [UInt8] = []
        runner.output = { output += $1 }
        defer { send(output) }
        try runner.check(RunCommand(arguments: ["e2fsck", "-fn", node]), step: "check \(name)")
    }

    private func send(_ output: [UInt8]) {
        var rest = output[...]
        while !rest.isEmpty {
            let piece = rest.prefix(ControlProtocol.outputChunk)
            channel.send(.output(id, .standardOutput, Array(piece)))
            rest = rest.dropFirst(piece.count)
        }
    }
}
