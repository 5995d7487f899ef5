import ArgumentParser
import Orchestrator

/// `builddisks doctor`: what this host has and lacks, and what to do about it.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks what a build needs of this host, and of a commit.",
        discussion: "Exit code 0 when a build is possible, 3 when it is not."
    )

    @Option(help: ArgumentHelp("Look at a commit of this repository, too.", valueName: "folder"))
    var repo: String?

    @Option(help: ArgumentHelp("The ref of that commit.", valueName: "ref"))
    var ref: String?

    @Option(
        help: ArgumentHelp("Look at the space where builds are published.", valueName: "folder")
    )
    var output: String?

    @Flag(help: "One JSON object a finding and line.")
    var json = false

    func validate() throws {
        if (repo == nil) != (ref == nil) {
            throw ValidationError("--repo and --ref belong together.")
        }
    }

    func run() throws {
        let target = repo.flatMap { repo in
            ref.map { Doctor.Target(repository: absolutePath(repo), ref: $0) }
        }
        let findings = Doctor(target: target, output: output.map(absolutePath)).examine()
        for finding in findings { print(json ? finding.json.text : text(finding)) }
        if findings.contains(where: { $0.state == .missing }) { throw ExitCode(3) }
    }

    private func text(_ finding: Finding) -> String {
        let mark =
            switch finding.state {
            case .good: "✓"
            case .limited: "!"
            case .missing: "✗"
            }
        var lines = ["\(mark) \(finding.subject): \(finding.observation)"]
        if !finding.consequence.isEmpty { lines.append("    consequence: \(finding.consequence)") }
        if !finding.remedy.isEmpty { lines.append("    mend it:     \(finding.remedy)") }
        return lines.joined(separator: "\n")
    }
}
