import OSTree
import SystemIO
import SystemPackage

/// All that is known of a disk that could not be made, as a text file for whoever has to find out why.
/// It lies in the output, since nothing else remains there of a build that failed; the next one of the
/// same disk that succeeds removes it.
struct FailureReport {
    let request: BuildRequest
    /// nil where the ref leads to none.
    let commit: Checksum?
    let error: BuildError
    /// What had been done.
    let timeline: Timeline
    /// What was being done; nil behind a phase, whose result was then no good.
    let phase: Phase?
    /// Of the run, in seconds.
    let seconds: Double

    static let folderName = "failures"

    static func path(of file: String, in output: FilePath) -> FilePath {
        output.appending(folderName).appending("\(file).txt")
    }

    /// Writes the report as far as that is possible.
    /// - Returns: where it lies.
    func write(in output: FilePath) -> FilePath? {
        let path = Self.path(of: request.diskFileName, in: output)
        do throws(Errno) {
            try makeDirectories(path.removingLastComponent())
            try writeFileAtomically(path, text.utf8)
            return path
        } catch {
            return nil
        }
    }

    /// Removes the report of an earlier failure, and the folder with the last one.
    static func remove(_ file: String, in output: FilePath) {
        guard (try? removeFile(path(of: file, in: output))) != nil else { return }
        try? removeEmptyFolder(output.appending(folderName))
    }

    var text: String {
        let facts = [
            ("disk", request.diskFileName), ("target", request.target),
            ("repository", request.repository.string), ("ref", request.ref),
            ("commit", commit?.hex ?? "–"), ("method", request.method.rawValue),
            ("when", "\(compactTime(UInt64(clamping: wallClock().seconds))) UTC"),
            ("after", ProgressText.duration(seconds)),
            ("phase", phase?.rawValue ?? timeline.phases.last?.phase ?? "–"),
            ("exit code", "\(error.exitCode)"), ("host", host),
            ("builddisks", BuilddisksVersion.text),
        ]
        var parts = [
            facts.map { name, value in
                name + String(repeating: " ", count: 12 - name.count) + value
            }
        ]
        parts.append(section("What failed", [error.message]))
        parts.append(section("The command that failed", [error.command].compactMap(\.self)))
        parts.append(section("Errno", [errno].compactMap(\.self)))
        parts.append(section("Its output", error.details))
        parts.append(section("What to do", [error.hint].compactMap(\.self)))
        parts.append(section("Last lines of the guest's console", error.console))
        parts.append(
            section(
                "Done before",
                timeline.phases.map { "\($0.phase): \(ProgressText.duration($0.seconds))" }
            )
        )
        parts.append(
            section(
                "Last requests to the guest",
                timeline.steps.suffix(10).map { "\($0.step): \(ProgressText.duration($0.seconds))" }
            )
        )
        return parts.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }
            .joined(separator: "\n")
    }

    private var errno: String? { error.errno.map { "\($0.rawValue) (\($0))" } }

    private var host: String {
        let memory = Resources.availableMemory().map { ", \($0) MiB of memory free" } ?? ""
        return "Linux \(kernelRelease()), \(processorCount()) processors\(memory)"
    }

    private func section(_ title: String, _ lines: [String]) -> [String] {
        lines.isEmpty ? [] : [title] + lines.map { "    " + $0 }
    }
}
