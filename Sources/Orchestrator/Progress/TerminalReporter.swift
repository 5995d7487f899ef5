import CLinux
import Synchronization
import SystemIO

/// Live progress on a terminal: a line for each disk that is being made, drawn again in place; above
/// them stays what has happened. Each drawing is one write, so nothing flickers.
package final class TerminalReporter: RunReporter {
    private let screen = Mutex(Screen())

    package init() {
        // A phase that reports nothing must be seen to live, too.
        // Without a thread the lines move only when something is reported.
        try? startThread(named: "progress") { [self] in
            while true {
                usleep(200_000)
                screen.withLock { $0.draw(columns: terminalColumns(), now: monotonicSeconds()) }
            }
        }
    }

    package func report(_ event: RunEvent) {
        screen.withLock { screen in
            screen.take(event, now: monotonicSeconds())
            screen.draw(columns: terminalColumns(), now: monotonicSeconds())
        }
    }
}

/// What a terminal shows, without the terminal: events go in, bytes come out.
struct Screen: Sendable {
    /// One disk that is being made.
    private struct Row: Sendable {
        var target: String
        var phase: Phase?
        var started = 0.0
        var progress: PhaseProgress?
        var rate = RateMeter()
    }

    private var names = TargetNames([])
    private var rows: [Row] = []
    private var summaries: [RunTable.Row] = []
    /// Lines that are to stay, not written yet.
    private var pending: [String] = []
    /// Lines below the cursor's start that the next drawing replaces.
    private var drawn = 0
    private var lastDrawn = 0.0
    private static let interval = 0.1

    mutating func take(_ event: RunEvent, now: Double) {
        switch event {
        case .started(let targets, let jobs):
            names = TargetNames(targets)
            if targets.count > 1 {
                pending.append("Building \(targets.count) disks, \(jobs) at once")
            }
        case .disk(let target, let event):
            take(event, of: target, now)
        case .alreadyCreated(let build, let disks):
            pending.append("Already created: \(build)")
            pending += disks
        case .published(let build, let disks, let seconds):
            pending += RunTable.lines(names.sorted(summaries), build, seconds) + disks
        case .removed(let builds):
            pending.append("Removed old builds: \(builds.joined(separator: ", "))")
        }
    }

    private mutating func take(_ event: BuildEvent, of target: String, _ now: Double) {
        let prefix = names.prefix(target)
        switch event {
        case .started(let ref, let commit):
            pending.append(prefix + ProgressText.start(ref, commit))
            rows.append(Row(target: target))
        case .note(let text):
            pending.append(prefix + text)
        case .phaseStarted(let phase):
            update(target) { $0 = Row(target: target, phase: phase, started: now) }
        case .progress(_, let progress):
            update(target) { row in
                row.progress = progress
                row.rate.add(progress.bytes, at: now)
            }
        case .phaseEnded(let phase, let seconds):
            let figures =
                row(target)?.progress.map { "  " + ProgressText.total($0, seconds: seconds) } ?? ""
            pending.append("\(prefix)✓ \(phase.title)  \(ProgressText.duration(seconds))\(figures)")
            update(target) { $0.phase = nil }
        case .guestOutput, .guestStep:
            break
        case .unchanged(let commit):
            pending.append("\(prefix)✓ Unchanged (commit \(commit.prefix(12)))")
            summaries.append(RunTable.Row(target: target, outcome: .unchanged))
        case .finished(let summary):
            rows.removeAll { $0.target == target }
            summaries.append(RunTable.Row(target: target, outcome: .made(summary)))
        case .failed(let error):
            rows.removeAll { $0.target == target }
            summaries.append(RunTable.Row(target: target, outcome: .failed))
            // One disk's failure is the run's, and told at its end.
            if names.count > 1 {
                let lines = error.lines
                pending += lines.enumerated().map {
                    prefix + ($0.offset == 0 ? "✗ " : "  ") + $0.element
                }
            }
        }
    }

    private func row(_ target: String) -> Row? { rows.first { $0.target == target } }

    private mutating func update(_ target: String, _ body: (inout Row) -> Void) {
        if let index = rows.firstIndex(where: { $0.target == target }) { body(&rows[index]) }
    }

    /// The bytes that bring the terminal up to date; nil where it is too soon, or nothing to say.
    mutating func frame(columns: Int, now: Double) -> String? {
        let live = rows.filter { $0.phase != nil }
        guard !pending.isEmpty || now - lastDrawn >= Self.interval else { return nil }
        guard !pending.isEmpty || !live.isEmpty || drawn > 0 else { return nil }
        lastDrawn = now
        // Up to the first line of the last drawing; each line is written over and then cleared to its
        // end, and what is left below is cleared last: no line is ever seen empty.
        var text = drawn > 1 ? "\r\u{1B}[\(drawn - 1)A" : "\r"
        for line in pending { text += "\(line)\u{1B}[K\n" }
        pending = []
        let lines = live.map { Self.text(of: $0, names.prefix($0.target), now) }
        text += lines.map { Self.cut($0, to: columns - 1) + "\u{1B}[K" }.joined(separator: "\n")
        if lines.isEmpty { text += "\u{1B}[K" }
        if drawn > max(1, lines.count) { text += "\u{1B}[J" }
        drawn = lines.count
        return text
    }

    mutating func draw(columns: Int, now: Double) {
        guard let text = frame(columns: columns, now: now) else { return }
        try? writeAll(STDOUT_FILENO, text.utf8)
    }

    private static func text(of row: Row, _ prefix: String, _ now: Double) -> String {
        let elapsed = now - row.started
        var text = "\(prefix)… \(row.phase?.title ?? "")  \(ProgressText.duration(elapsed))"
        guard let progress = row.progress else { return text }
        text += "  " + bar(progress) + ProgressText.line(progress)
        if let rate = row.rate.bytesPerSecond, rate >= 50_000 {
            text += "  \(ProgressText.fixed(rate / 1e6, digits: 1)) MB/s"
        }
        if let fraction = progress.fraction, fraction > 0.05, fraction < 1 {
            text += "  \(ProgressText.duration(elapsed / fraction - elapsed)) left"
        }
        return text
    }

    private static func bar(_ progress: PhaseProgress) -> String {
        guard let fraction = progress.fraction else { return "" }
        let width = 16
        let full = Int(fraction * Double(width))
        return String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
            + "  "
    }

    /// Every character that we write takes one column.
    private static func cut(_ text: String, to columns: Int) -> String {
        text.count <= columns ? text : text.prefix(max(0, columns - 1)) + "…"
    }
}

/// Bytes a second over the last few seconds.
struct RateMeter: Sendable {
    private var samples: [(time: Double, bytes: UInt64)] = []
    private static let window = 3.0

    mutating func add(_ bytes: UInt64, at time: Double) {
        samples.append((time, bytes))
        while samples.count > 2, time - samples[0].time > Self.window { samples.removeFirst() }
    }

    var bytesPerSecond: Double? {
        guard let first = samples.first, let last = samples.last, last.time - first.time > 0.2,
            last.bytes >= first.bytes
        else { return nil }
        return Double(last.bytes - first.bytes) / (last.time - first.time)
    }
}
