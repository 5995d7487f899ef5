/// Why a request failed.
package struct Failure: Error, WireValue, CustomStringConvertible {
    package enum Kind: UInt8, WireValue {
        /// The request makes no sense (a path with `..`, no arguments); nothing was done.
        case invalidRequest = 1
        /// A system call failed; `errno` says how.
        case systemCall
        /// A program that the step needs is not in the commit.
        case commandMissing
        /// A program of the step ended with another status than 0.
        case commandFailed
        case timeLimit
        case cancelled
        /// No disk has that serial, or the disk has no such partition.
        case noSuchDevice
        /// What the host sent as a pack is none, or ended early.
        case badPack
    }

    package var kind: Kind
    /// What was being done: `mount`, `mke2fs`.
    package var step: String
    /// On what: a path, a device, a disk's serial. Empty when there is nothing to name.
    package var subject: String
    /// Linux errno; 0 when no system call failed.
    package var errno: Int32
    package var command: [String]
    package var status: ExitStatus?
    /// The command's last output.
    package var outputTail: [UInt8]

    package init(
        _ kind: Kind,
        step: String,
        subject: String = "",
        errno: Int32 = 0,
        command: [String] = [],
        status: ExitStatus? = nil,
        outputTail: [UInt8] = []
    ) {
        self.kind = kind
        self.step = step
        self.subject = subject
        self.errno = errno
        self.command = command
        self.status = status
        self.outputTail = outputTail
    }

    package init(from reader: inout WireReader) throws(WireError) {
        kind = try reader.value()
        step = try reader.string()
        subject = try reader.string()
        errno = try reader.integer()
        command = try reader.strings()
        status = try reader.optional()
        outputTail = try reader.blob()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(kind)
        writer.append(step)
        writer.append(subject)
        writer.append(errno)
        writer.append(command)
        writer.append(status)
        writer.append(outputTail)
    }

    /// One line, without the output; the host adds the errno's text.
    package var description: String {
        var text = step
        if !subject.isEmpty { text += " \(subject)" }
        switch kind {
        case .invalidRequest: text += ": invalid request"
        case .systemCall: text += ": errno \(errno)"
        case .commandMissing: text += ": program missing from the tree"
        case .commandFailed: text += ": \(status.map { "\($0)" } ?? "failed")"
        case .timeLimit: text += ": time limit"
        case .cancelled: text += ": cancelled"
        case .noSuchDevice: text += ": no such device"
        case .badPack: break
        }
        return command.isEmpty ? text : text + " (\(command.joined(separator: " ")))"
    }
}
