import Testing

@testable import Orchestrator

/// As much of a terminal as our output needs: what it shows after some bytes.
private struct Terminal {
    private(set) var lines: [[Character]] = [[]]
    private var row = 0
    private var column = 0
    /// Letters of the control sequences that came.
    private(set) var sequences: Set<String> = []

    mutating func take(_ text: String) {
        var rest = Array(text)[...]
        while let character = rest.popFirst() {
            switch character {
            case "\r": column = 0
            case "\n":
                row += 1
                column = 0
                if row == lines.count { lines.append([]) }
            case "\u{1B}":
                #expect(rest.popFirst() == "[")
                var number = ""
                while let digit = rest.first, digit.isNumber {
                    number.append(digit)
                    rest.removeFirst()
                }
                let letter = rest.popFirst() ?? " "
                sequences.insert(String(letter))
                switch letter {
                case "A": row = max(0, row - (Int(number) ?? 1))
                case "K": lines[row] = Array(lines[row].prefix(column))
                case "J":
                    lines[row] = Array(lines[row].prefix(column))
                    lines.removeLast(lines.count - row - 1)
                default: Issue.record("unknown sequence \(letter)")
                }
            default:
                while lines[row].count <= column { lines[row].append(" ") }
                lines[row][column] = character
                column += 1
            }
        }
    }

    var text: [String] { lines.map { String($0).trimmingSuffix() } }
}

extension String {
    fileprivate func trimmingSuffix() -> String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}

@Suite struct ScreenTests {
    private var screen = Screen()
    private var terminal = Terminal()
    private var now = 0.0

    private mutating func send(_ event: RunEvent, after seconds: Double = 1, columns: Int = 100) {
        now += seconds
        screen.take(event, now: now)
        if let frame = screen.frame(columns: columns, now: now) { terminal.take(frame) }
    }

    private func progress(_ bytes: UInt64) -> BuildEvent {
        .progress(
            .pull,
            PhaseProgress(objects: 1, totalObjects: 4, bytes: bytes, totalBytes: 100_000_000)
        )
    }

    private var summary: DiskSummary { DiskSummary(sampleDisk("os-a.qcow2")) }

    @Test mutating func oneDisk() {
        send(.started(targets: ["a"], jobs: 1))
        send(.disk(target: "a", .started(ref: "os/a", commit: "0123456789abcdef")))
        send(.disk(target: "a", .phaseStarted(.pull)))
        send(.disk(target: "a", progress(10_000_000)))
        send(.disk(target: "a", progress(30_000_000)))
        #expect(
            terminal.text == [
                "Building from os/a (commit 0123456789ab)",
                "… Pulling the commit  2.0 s  ████░░░░░░░░░░░░  1/4 objects  30/100 MB  30 %  "
                    + "20.0 MB/s  4.7 s left",
            ]
        )
        send(.disk(target: "a", .phaseEnded(.pull, seconds: 3)))
        send(.disk(target: "a", .finished(summary)))
        send(.published(build: "b", disks: ["/i/b/os-a.qcow2"], seconds: 4))
        #expect(terminal.text[1] == "✓ Pulling the commit  3.0 s  4 objects  100 MB  33.3 MB/s")
        #expect(terminal.text.contains("Seconds per phase"))
        #expect(terminal.text.suffix(2) == ["/i/b/os-a.qcow2", ""])
    }

    @Test mutating func severalDisksHaveALineEach() {
        send(.started(targets: ["a", "long-name"], jobs: 2))
        for target in ["a", "long-name"] {
            send(.disk(target: target, .started(ref: "r", commit: "c")))
            send(.disk(target: target, .phaseStarted(.boot)))
        }
        #expect(
            terminal.text.suffix(2) == [
                "a          … Booting the bootstrap VM  2.0 s",
                "long-name  … Booting the bootstrap VM  0.0 s",
            ]
        )
        send(.disk(target: "a", .note("a note")))
        #expect(terminal.text.suffix(3).first == "a          a note")
        send(.disk(target: "a", .failed(BuildError(.input, "bad", hint: "mend it"))))
        #expect(
            terminal.text.suffix(3) == [
                "a          ✗ bad", "a            mend it",
                "long-name  … Booting the bootstrap VM  2.0 s",
            ]
        )
        send(.disk(target: "long-name", .phaseEnded(.boot, seconds: 2)))
        send(.disk(target: "long-name", .finished(summary)))
        send(.published(build: "b", disks: ["x"], seconds: 9))
        #expect(
            terminal.text.suffix(6) == [
                "  a              failed",
                "  long-name       2.3 s   123 MB on the host, 1,074 MB for the guest", "",
                "b: 9.0 s", "x", "",
            ]
        )
        #expect(terminal.sequences.isSubset(of: ["A", "K", "J"]))
    }

    @Test("a line is never wider than the terminal", arguments: [20, 40, 80])
    mutating func narrow(columns: Int) {
        send(.started(targets: ["a", "b"], jobs: 2), columns: columns)
        send(.disk(target: "a", .started(ref: "r", commit: "c")), columns: columns)
        send(.disk(target: "a", .phaseStarted(.pull)), columns: columns)
        send(.disk(target: "a", progress(50_000_000)), columns: columns)
        #expect(
            terminal.text.last.map { $0.count < columns && $0.hasPrefix("a  … Pulling") } == true
        )
    }

    @Test mutating func nothingIsDrawnTooOften() {
        send(.started(targets: ["a"], jobs: 1))
        send(.disk(target: "a", .started(ref: "r", commit: "c")))
        send(.disk(target: "a", .phaseStarted(.pull)))
        screen.take(.disk(target: "a", progress(1)), now: now + 0.01)
        #expect(screen.frame(columns: 80, now: now + 0.01) == nil)
        #expect(screen.frame(columns: 80, now: now + 0.2) != nil)
    }

    @Test func anIdleScreenWritesNothing() {
        var idle = Screen()
        #expect(idle.frame(columns: 80, now: 5) == nil)
    }

    @Test(arguments: [
        ("abc", "abc "), ("a-long-target-name-of-30-chars", "…long-target-name-of-30-chars"),
    ])
    func names(target: String, shown: String) {
        let names = TargetNames([target, "abcd"])
        #expect(names.padded(target).count == (target.count > 4 ? 24 : 4))
        #expect(names.prefix(target).hasSuffix("  "))
        #expect(TargetNames([target]).prefix(target) == "")
    }

    @Test func rates() {
        var meter = RateMeter()
        #expect(meter.bytesPerSecond == nil)
        for second in 0...10 { meter.add(UInt64(second) * 1000, at: Double(second)) }
        #expect(meter.bytesPerSecond == 1000)
    }
}
