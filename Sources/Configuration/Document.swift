import Orchestrator
import SystemPackage

/// A TOML document that is being read: its name and its keys' lines, for messages; and what was
/// found wrong with it, all of it, so that a user mends a file in one go.
final class Document {
    struct Problem: Equatable {
        var line: Int
        var text: String
    }

    let file: FilePath
    private let lines: KeyLines
    private(set) var problems: [Problem] = []

    init(file: FilePath, lines: KeyLines) {
        self.file = file
        self.lines = lines
    }

    /// Where a key stands, as messages say it.
    func place(of path: [String]) -> String { "\(file):\(line(of: path))" }

    func line(of path: [String]) -> Int { lines.line(of: path) }

    func report(_ path: [String], _ text: String) {
        problems.append(Problem(line: line(of: path), text: text))
    }

    /// Throws when anything was wrong: the first problem in the file's order is the message.
    func check() throws(BuildError) {
        let sorted = problems.sorted { ($0.line, $0.text) < ($1.line, $1.text) }
        guard let first = sorted.first else { return }
        throw BuildError(
            .usage,
            "\(file):\(first.line): \(first.text)",
            hint: "docs/configuration.md lists every key.",
            details: sorted.dropFirst().map { "\(file):\($0.line): \($0.text)" }
        )
    }
}
