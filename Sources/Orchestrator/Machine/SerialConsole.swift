import CLinux
package import SystemIO
import SystemPackage

/// The user's terminal joined to a guest's serial console.
package struct SerialConsole {
    private let descriptor: SharedFD
    private let cancellation: Cancellation
    private let machine: any Machine

    /// Ctrl-], as telnet and virsh have it.
    package static let escapeByte: UInt8 = 0x1D

    package init(descriptor: SharedFD, machine: any Machine, cancellation: Cancellation) {
        self.descriptor = descriptor
        self.machine = machine
        self.cancellation = cancellation
    }

    /// Why it is over.
    package enum End: Sendable { case guestEnded, userLeft, partOver }

    /// Passes keys and output until the guest ends or the user types Ctrl-].
    package func interact() throws(BuildError) -> End {
        var all = MarkedOutput(marks: nil)
        return try interact(&all, ended: nil)
    }

    /// The same with a part of the guest's output, until that is over. Keys wait for its beginning, and the
    /// end of standard input is typed as Ctrl-D, again and again: what reads the first one may not be the
    /// last to read.
    /// - Parameter ended: set when nothing more is written to the part. What is under way still comes, and the
    ///   part is over with it, whether its end was seen or not.
    func interact(
        _ part: inout MarkedOutput,
        ended: Latch<Void>?
    ) throws(BuildError) -> End {
        let terminal = RawTerminal()
        let end = try pass(&part, ended)
        // Not earlier: the terminal is put back when this value goes.
        _ = consume terminal
        return end
    }

    private static let endOfInput: UInt8 = 0x04
    /// Keys that wait until the guest takes them; then no more are read.
    private static let mostWaiting = 1 << 16
    /// Seconds without output after which nothing is under way, where the part's end is not seen.
    private static let quietLimit = 5.0

    private func pass(
        _ part: inout MarkedOutput,
        _ ended: Latch<Void>?
    ) throws(BuildError) -> End {
        // In a file or pipe all bytes are the guest's.
        let hasEscape = isatty(STDIN_FILENO) != 0
        let typesEnd = part.phase == .before
        var waiting: [UInt8] = []
        var isAtEnd = false
        var nextEnd = 0.0
        var quietSince: Double?
        while true {
            if ended?.wait(milliseconds: 0) != nil {
                let since = quietSince ?? monotonicSeconds()
                if monotonicSeconds() - since > Self.quietLimit { return .partOver }
                quietSince = since
            }
            let mayType = part.phase == .within
            if mayType, typesEnd, isAtEnd, waiting.isEmpty, monotonicSeconds() >= nextEnd {
                // The first one ends a line that has no end.
                waiting = [Self.endOfInput, Self.endOfInput]
                nextEnd = monotonicSeconds() + 1
            }
            if mayType { try type(&waiting) }
            let readsKeys = !isAtEnd && waiting.count < Self.mostWaiting
            // A guest that takes no more keys is asked again soon.
            let patience: CInt = mayType && !waiting.isEmpty ? 20 : ended != nil ? 200 : -1
            let inputs = [
                cancellation.descriptor, descriptor.rawValue, readsKeys ? STDIN_FILENO : -1,
            ]
            switch pollReadable(inputs, milliseconds: patience) {
            case 0?:
                try cancellation.check()
            case 1?:
                guard let bytes = try output() else { return .guestEnded }
                try Self.show(part.take(bytes))
                // Not before: a slow reader of ours holds the guest back.
                quietSince = nil
                if part.phase == .after { return .partOver }
            case 2?:
                let keys = (try? readSome(STDIN_FILENO, limit: 4096)) ?? []
                isAtEnd = keys.isEmpty
                if hasEscape, keys.contains(Self.escapeByte) { return .userLeft }
                waiting += keys
            default: break
            }
        }
    }

    private static func show(_ bytes: [UInt8]) throws(BuildError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            do throws(Errno) {
                rest.removeFirst(try writeSome(STDOUT_FILENO, rest))
            } catch .wouldBlock {
                usleep(1000)
            } catch {
                throw StandardOutput.failure(error)
            }
        }
    }

    /// Types as much as the guest takes now.
    private func type(_ keys: inout [UInt8]) throws(BuildError) {
        while !keys.isEmpty {
            do throws(Errno) {
                keys.removeFirst(try writeSome(descriptor.rawValue, keys[...]))
            } catch .wouldBlock {
                return
            } catch {
                // Its end shows where its output is read.
                keys = []
            }
        }
    }

    /// Waits until the guest has said anything; it stays to be read.
    /// - Parameter limit: in seconds.
    func awaitFirstOutput(limit: Double) throws(BuildError) {
        let deadline = monotonicSeconds() + limit
        while monotonicSeconds() < deadline {
            switch pollReadable([cancellation.descriptor, descriptor.rawValue], milliseconds: 200) {
            case 0: try cancellation.check()
            case 1:
                guard let exit = machine.wait(milliseconds: 100) else { return }
                throw BuildError(
                    .host,
                    "QEMU ended at its start: \(exit.description)",
                    details: machine.errorOutput
                )
            default: break
            }
        }
        throw BuildError(
            .host,
            "the firmware said nothing within \(ProgressText.duration(limit))",
            details: machine.errorOutput
        )
    }

    /// Shows the guest's output until a text has come.
    /// - Parameter limit: in seconds.
    package func show(until text: String, limit: Double) throws(BuildError) {
        let wanted = Array(text.utf8)
        let deadline = monotonicSeconds() + limit
        var tail: [UInt8] = []
        while true {
            let left = deadline - monotonicSeconds()
            guard left > 0 else {
                throw BuildError(
                    .guest,
                    "\"\(text)\" did not appear within \(ProgressText.duration(limit))",
                    details: machine.errorOutput
                )
            }
            let ready = pollReadable(
                [cancellation.descriptor, descriptor.rawValue],
                milliseconds: CInt(max(1, min(1000, left * 1000)))
            )
            if ready == 0 { try cancellation.check() }
            guard ready == 1 else { continue }
            guard let bytes = try output() else {
                throw BuildError(
                    .guest,
                    "the guest ended before \"\(text)\" appeared",
                    details: machine.errorOutput
                )
            }
            try? writeAll(STDOUT_FILENO, bytes)
            tail += bytes
            if contains(tail, wanted) {
                try? writeAll(STDOUT_FILENO, "\n".utf8)
                return
            }
            tail.removeFirst(max(0, tail.count - wanted.count))
        }
    }

    /// What the guest wrote; nil at its end.
    private func output() throws(BuildError) -> [UInt8]? {
        do throws(Errno) {
            let bytes = try readSome(descriptor.rawValue, limit: 4096)
            return bytes.isEmpty ? nil : bytes
        } catch .wouldBlock {
            return []
        } catch .connectionReset {
            return nil
        } catch {
            throw BuildError(.guest, "the guest's console broke: \(error)")
        }
    }

    private func contains(_ bytes: [UInt8], _ wanted: [UInt8]) -> Bool {
        guard bytes.count >= wanted.count else { return false }
        return (0...(bytes.count - wanted.count)).contains {
            bytes[$0..<($0 + wanted.count)] == wanted[...]
        }
    }
}
