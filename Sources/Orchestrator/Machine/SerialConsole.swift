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
    package enum End: Sendable { case guestEnded, userLeft }

    /// Passes keys and output until the guest ends or the user types Ctrl-].
    package func interact() throws(BuildError) -> End {
        let terminal = RawTerminal()
        let end = try pass()
        // Not earlier: the terminal is put back when this value goes.
        _ = consume terminal
        return end
    }

    private func pass() throws(BuildError) -> End {
        var inputs = [cancellation.descriptor, descriptor.rawValue, STDIN_FILENO]
        while true {
            switch pollReadable(inputs, milliseconds: -1) {
            case 0:
                try cancellation.check()
            case 1:
                guard let bytes = try output() else { return .guestEnded }
                try? writeAll(STDOUT_FILENO, bytes)
            case 2:
                let keys = (try? readSome(STDIN_FILENO, limit: 256)) ?? []
                if keys.isEmpty { inputs.removeLast() }
                if keys.contains(Self.escapeByte) { return .userLeft }
                try? writeAll(descriptor.rawValue, keys)
            default:
                return .guestEnded
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
