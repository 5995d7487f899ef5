import SystemIO
import SystemPackage

/// Whether an accelerator really works here. That `/dev/kvm` opens proves nothing (QEMU may abort on an
/// MSR, or hang without a word): only a boot does. Its verdict is kept for the host's kernel and the
/// programs that ran it, so that one which fails is not tried each time.
struct AcceleratorVerdicts {
    enum Verdict: Equatable {
        case works
        case fails(String)
    }

    let file: FilePath
    private let key: String

    /// - Parameters:
    ///   - programs: those that run it; another version asks again.
    ///   - cache: nil is the user's own.
    init(_ accelerator: Accelerator, programs: [String], cache: FilePath? = nil) {
        let folder =
            cache ?? environmentValue("XDG_CACHE_HOME").map { FilePath($0) }
            ?? FilePath(environmentValue("HOME") ?? "/nonexistent").appending(".cache")
        file = folder.appending("builddisks/\(accelerator.rawValue)-verdict")
        key = ([kernelRelease()] + programs.map(programIdentity)).joined(separator: " ")
    }

    static var kvm: AcceleratorVerdicts {
        AcceleratorVerdicts(.kvm, programs: [QEMUCommand.program.string])
    }

    static var userModeLinux: AcceleratorVerdicts {
        AcceleratorVerdicts(
            .uml,
            programs: [UMLInstallation.programName, UMLInstallation.storageDaemon]
        )
    }

    /// nil for what works everywhere.
    static func of(_ accelerator: Accelerator) -> AcceleratorVerdicts? {
        switch accelerator {
        case .kvm: .kvm
        case .uml: .userModeLinux
        case .tcg: nil
        }
    }

    /// The verdict of an earlier start, on this kernel with these programs.
    var known: Verdict? {
        guard let bytes = try? readFile(file, limit: 4096) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        guard lines.count == 2, lines[0] == key else { return nil }
        if lines[1] == "works" { return .works }
        return lines[1].hasPrefix("fails: ") ? .fails(String(lines[1].dropFirst(7))) : nil
    }

    /// Best effort: without a cache the next run proves it again.
    func remember(_ verdict: Verdict) {
        if known == verdict { return }
        let line =
            switch verdict {
            case .works: "works"
            case .fails(let reason):
                "fails: " + reason.split(separator: "\n").joined(separator: " ")
            }
        try? makeDirectories(file.removingLastComponent(), mode: 0o700)
        try? writeFileAtomically(file, "\(key)\n\(line)\n".utf8, mode: 0o600)
    }
}
