import TestSupport
import Testing

@testable import Orchestrator

/// What is shown of a console between two marks.
@Suite struct MarkedOutputTests {
    private static let marks = MarkedOutput.Marks(begin: Array("<<a".utf8), end: Array("<<b".utf8))

    /// What is shown of a text that comes in pieces of one size, and what was hidden before.
    private func show(
        _ text: String,
        _ marks: MarkedOutput.Marks?,
        pieces: Int
    ) -> (shown: String, hidden: String, phase: MarkedOutput.Phase) {
        var output = MarkedOutput(marks: marks)
        var rest = Array(text.utf8)[...]
        var shown: [UInt8] = []
        while !rest.isEmpty {
            shown += output.take(Array(rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
        }
        return (
            String(decoding: shown, as: UTF8.self), String(decoding: output.hidden, as: UTF8.self),
            output.phase
        )
    }

    @Test(arguments: [1, 2, 3, 4, 100])
    func onlyThePart(pieces: Int) {
        let result = show("kernel <a<<<athe < <<shell <<<bdone", Self.marks, pieces: pieces)
        #expect(result.shown == "the < <<shell <")
        #expect(result.hidden == "kernel <a<")
        #expect(result.phase == .after)
    }

    /// A prompt is shown although it may go on.
    @Test func whatIsNoMarkIsNotHeldBack() {
        var output = MarkedOutput(marks: Self.marks)
        #expect(output.take(Array("<<a# ".utf8)) == Array("# ".utf8))
        #expect(output.phase == .within)
    }

    @Test func withoutMarksAllIsShown() {
        #expect(show("all <<a of <<b it", nil, pieces: 3).shown == "all <<a of <<b it")
    }

    /// The agent shows its commands on the console: that must not look like a mark.
    @Test func theScriptHoldsNoMark() {
        let command = ShellScript(terminal: "/dev/ttyS0", typist: .terminal(size: (24, 80))).command
        let script = command.joined(separator: " ")
        let result = show(script, ShellScript.marks, pieces: script.utf8.count)
        #expect(result.phase == .before)
        #expect(script.contains("stty rows 24 cols 80"))
    }

    /// The marks are what a shell makes of the script.
    @Test func aShellWritesTheMarks() throws {
        let command = ShellScript(terminal: "/dev/null", typist: .file).command
        let session = try #require(command.last)
            .replacing(#"/bin/sh "$0""#, with: "echo part; (exit 7)")
        let result = try runCommand(["/bin/sh", "-c", session])
        #expect(result.status == 7)
        let shown = show(result.output, ShellScript.marks, pieces: 5)
        #expect(shown.shown == "part\n")
        #expect(shown.phase == .after)
    }
}
