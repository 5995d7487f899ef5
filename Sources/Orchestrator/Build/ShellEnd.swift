import GuestProtocol

/// What a shell's end comes to: the agent tells of it, and so does the console.
struct ShellEnd {
    struct Answer {
        var status: ExitStatus
        /// The last that was written outside of the console.
        var output: [UInt8]
    }

    struct Conversation: Sendable {
        var end: Result<SerialConsole.End, BuildError>
        /// How far the shell's part of the console came.
        var phase: MarkedOutput.Phase
        /// The last of what the console had before that part.
        var hidden: [UInt8]
    }

    var answer: Result<Answer, BuildError>
    var conversation: Conversation

    /// The exit code: 128 and the signal's number where one ended the shell.
    func code() throws(BuildError) -> CInt {
        switch answer {
        case .success(let answer): try code(of: answer)
        case .failure(let error): try code(of: error)
        }
    }

    private func code(of answer: Answer) throws(BuildError) -> CInt {
        switch try conversation.end.get() {
        case .userLeft: return 0
        case .guestEnded: throw BuildError(.guest, "the guest ended before its shell's last words")
        case .partOver: break
        }
        if conversation.phase == .before {
            throw BuildError(
                .guest,
                "the shell did not begin: \(answer.status)",
                details: lastLines(of: answer.output, count: 20)
            )
            .with(console: lastLines(of: conversation.hidden, count: 30))
        }
        return switch answer.status {
        case .exited(let code): CInt(code)
        case .signalled(let signal): 128 + CInt(signal)
        }
    }

    private func code(of error: BuildError) throws(BuildError) -> CInt {
        var failure = error
        if error.isInterruption {
            // By the console, or by the user: then it was interrupted, too.
            switch conversation.end {
            case .success(.userLeft): return 0
            case .success(.guestEnded):
                failure = BuildError(.guest, "the guest ended before its shell did")
            // The shell had said its last word, and the user did not wait for the answer.
            case .success(.partOver): break
            case .failure(let reason): failure = reason
            }
        }
        // There is no disk of which it could speak.
        failure.hint = nil
        let lines = conversation.phase == .before ? conversation.hidden : []
        throw failure.with(console: lastLines(of: lines, count: 30))
    }
}

extension BuildError {
    /// The same, with the guest's last words.
    func with(console lines: [String]) -> BuildError {
        if isInterruption { return self }
        var error = self
        error.details += lines.map { "console: \($0)" }
        return error
    }
}
