import GuestProtocol
import Testing

@testable import Orchestrator

/// What `builddisks shell` makes of what the agent and the console tell.
@Suite struct ShellEndTests {
    private func end(
        _ answer: Result<GuestProtocol.ExitStatus, BuildError>,
        _ console: Result<SerialConsole.End, BuildError>,
        _ phase: MarkedOutput.Phase = .after
    ) -> ShellEnd {
        ShellEnd(
            answer: answer.map { .init(status: $0, output: Array("sh: no terminal\n".utf8)) },
            conversation: .init(end: console, phase: phase, hidden: Array("kernel\n".utf8))
        )
    }

    private static let interrupted = BuildError(.interrupted(2), "interrupted")
    private static let unwritable = BuildError(.host, "cannot write to standard output")

    @Test func theShellsOwn() throws {
        #expect(try end(.success(.exited(7)), .success(.partOver)).code() == 7)
        #expect(try end(.success(.signalled(9)), .success(.partOver)).code() == 137)
        // Killed with the one that writes its end.
        #expect(try end(.success(.signalled(9)), .success(.partOver), .within).code() == 137)
        #expect(try end(.success(.exited(7)), .success(.userLeft), .within).code() == 0)
        #expect(try end(.failure(Self.interrupted), .success(.userLeft), .within).code() == 0)
    }

    @Test func neverBegun() {
        let error = #expect(throws: BuildError.self) {
            try end(.success(.exited(2)), .success(.partOver), .before).code()
        }
        #expect(error?.kind == .guest)
        #expect(error?.details == ["sh: no terminal", "console: kernel"])
    }

    @Test func interruptions() {
        func failure(
            _ console: Result<SerialConsole.End, BuildError>,
            _ phase: MarkedOutput.Phase
        ) -> BuildError? {
            #expect(throws: BuildError.self) {
                try end(.failure(Self.interrupted), console, phase).code()
            }
        }
        // Its last word was said, and the answer not waited for.
        #expect(failure(.success(.partOver), .after)?.kind == .interrupted(2))
        #expect(failure(.failure(Self.interrupted), .within)?.kind == .interrupted(2))
        #expect(failure(.success(.guestEnded), .within)?.kind == .guest)
        #expect(failure(.failure(Self.unwritable), .within)?.kind == .host)
    }

    /// Lost output is no success, whatever the shell says.
    @Test func lostOutput() {
        for console: Result<SerialConsole.End, BuildError> in [
            .failure(Self.unwritable), .success(.guestEnded), .failure(Self.interrupted),
        ] {
            #expect(throws: BuildError.self) {
                try end(.success(.exited(0)), console, .within).code()
            }
        }
    }

    /// The boot's lines belong to a failure before the shell, and to no other.
    @Test func linesOfTheBoot() {
        let broken = BuildError(.guest, "broke", hint: "The previous disk is untouched.")
        for (phase, details) in [(MarkedOutput.Phase.before, ["console: kernel"]), (.within, [])] {
            let error = #expect(throws: BuildError.self) {
                try end(.failure(broken), .success(.guestEnded), phase).code()
            }
            #expect(error?.message == "broke")
            #expect(error?.hint == nil)
            #expect(error?.details == details)
        }
    }
}
