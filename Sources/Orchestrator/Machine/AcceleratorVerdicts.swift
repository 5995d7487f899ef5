import CLinux
import SystemIO
import SystemPackage

/// Whether KVM really works here. That `/dev/kvm` opens proves nothing (QEMU may abort on an MSR, or
/// hang without a word): only a boot does. Its verdict is kept for the host's kernel and QEMU.
struct AcceleratorVerdicts {
    enum Verdict: Equatable {
        case works
        case fails(String)
    }

    private let file: FilePath
    private let key: String

    init() {
        let cache =
            environmentValue("XDG_CACHE_HOME").map { FilePath($0) }
            ?? FilePath(environmentValue("HOME") ?? "/nonexistent").appending(".cache")
        file = cache.appending("builddisks/kvm-verdict")
        let qemu = findProgram(QEMUCommand.program.string).flatMap { try? FileStatus($0) }
        let identity = qemu.map { "\($0.inode):\($0.size):\($0.modified)" } ?? ""
        key = "\(kernelRelease()) \(identity)"
    }

    /// Why KVM cannot even be tried; nil when it can.
    static func obstacle() -> String? {
        if !fileExists("/dev/kvm") { return "this host has no /dev/kvm" }
        if !mayAccess("/dev/kvm", R_OK | W_OK) {
            return "/dev/kvm is not accessible (add yourself to the group kvm)"
        }
        return nil
    }

    /// The verdict of an earlier boot on this kernel with this QEMU.
    var known: Verdict? {
        guard let bytes = try? readFile(file, limit: 4096) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        guard lines.count == 2, lines[0] == key else { return nil }
        if lines[1] == "works" { return .works }
        return lines[1].hasPrefix("fails: ") ? .fails(String(lines[1].dropFirst(7))) : nil
    }

    /// Best effort: without a cache the next run proves it again.
    func remember(_ verdict: Verdict) {
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
