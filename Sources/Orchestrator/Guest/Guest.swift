package import GuestProtocol
import SystemPackage

/// A booted guest as the build's steps see it: each method is one step that worked, or throws.
package struct Guest {
    package let channel: GuestChannel
    /// `uname -r` of the guest.
    package let kernelRelease: String
    /// What the machine has, in MiB.
    let memory: Int

    /// Runs a program of the commit and expects exit status 0.
    /// - Parameters:
    ///   - step: for messages, "pull the commit".
    ///   - limit: in seconds.
    package func run(
        _ step: String,
        limit: Double,
        _ arguments: [String]
    ) throws(BuildError) {
        _ = try output(step, limit: limit, arguments)
    }

    /// The same, for the program's output: its last 8 KiB.
    package func output(
        _ step: String,
        limit: Double = 60,
        _ arguments: [String]
    ) throws(BuildError) -> String {
        let (completion, _) = try channel.perform(
            .run(RunCommand(arguments: arguments)),
            step: step,
            limit: limit
        )
        guard case .command(let status, let tail) = completion else {
            throw BuildError(.fault, "cannot \(step): the agent gave another kind of answer")
        }
        let text = String(decoding: tail, as: UTF8.self)
        if status.isSuccess { return text }
        let lines = text.split(whereSeparator: \.isNewline).suffix(20).map(String.init)
        var error = BuildError(
            lines.contains { isNoSpace($0) } ? .space : .guest,
            "cannot \(step): `\(arguments.joined(separator: " "))` in the guest: \(status)",
            hint: lines.contains { isNoSpace($0) }
                ? "The commit does not fit on the disk: choose a larger --size." : nil,
            details: lines
        )
        error.command = arguments.joined(separator: " ")
        throw error
    }

    /// Any other request; its answer carries nothing.
    package func perform(
        _ request: Request,
        _ step: String,
        limit: Double = 60
    ) throws(BuildError) {
        _ = try channel.perform(request, step: step, limit: limit)
    }

    /// A request that is answered with a number.
    func count(_ request: Request, _ step: String) throws(BuildError) -> UInt64 {
        guard case .listed(let count) = try channel.perform(request, step: step, limit: 60).0 else {
            throw BuildError(.fault, "cannot \(step): the agent gave another kind of answer")
        }
        return count
    }

    /// Mounts one of our 9P exports.
    func mountView(
        _ export: String,
        at target: String,
        _ step: String
    ) throws(BuildError) {
        try perform(
            .mountView(
                MountView(
                    port: VMServices.port,
                    aname: export,
                    messageSize: VMServices.messageSize(memory: memory),
                    target: target
                )
            ),
            step
        )
    }

    /// Switches the machine off and waits for its end.
    package func powerOff() throws(BuildError) {
        try perform(.powerOff, "switch the guest off", limit: 60)
        try channel.waitForPowerOff(limit: 30)
    }
}
