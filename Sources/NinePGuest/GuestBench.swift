import CLinux
import GuestAgent
import GuestProtocol
import SystemIO
import SystemPackage

/// The guest's init process for `ninep-bench guest`: does one task after another as the host sends
/// them, and answers each with a line, until the host has no more.
package enum GuestBench {
    /// Of the virtio socket: where tasks come from.
    package static let port: UInt32 = 5643

    package static func run() -> CInt {
        InitProcess.run("ninep-bench-guest") { startup in
            do {
                for warning in startup.warnings { throw BenchEnd(reason: warning) }
                let stream = try connectToHost(port: port, timeLimit: 0)
                try serve(stream)
                return "done"
            } catch let failure as Failure {
                return failure.lineForConsole
            } catch {
                return "\(error)"
            }
        }
    }

    private struct BenchEnd: Error, CustomStringConvertible {
        let reason: String
        var description: String { reason }
    }

    private static func serve(_ stream: borrowing OwnedFD) throws {
        var input: [UInt8] = []
        while true {
            let piece = try readSome(stream.rawValue, limit: 4096)
            if piece.isEmpty { return }
            input += piece
            while let end = input.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: input[..<end], as: UTF8.self)
                input.removeSubrange(...end)
                try writeAll(stream.rawValue, Array((answer(line) + "\n").utf8))
            }
        }
    }

    private static func answer(_ line: String) -> String {
        guard let task = GuestTask(line: line) else { return "error: no task: \(line)" }
        do throws(Failure) {
            return try GuestMeasurement.figures(of: task).line
        } catch {
            return "error: \(error.lineForConsole)"
        }
    }
}
