import DiskImage
import OSTree
import SystemPackage

/// The SELinux labels that a deployment gives to what libostree copies of a commit, by the commit's own
/// policy, where the kernel has no SELinux, as in the bootstrap VM. Libostree then sets the labels of
/// the files of /etc, and of all in /var; those of what it makes itself (the boot entries' folder, the
/// origin file) it asks the kernel to set, and such a kernel does not.
struct Labels: Sendable {
    enum Place {
        case etc, `var`
        /// What the user adds, in either: labelled as a file that a running system makes there.
        case addition
    }

    private let policy: SELinuxPolicy
    private let keepsLabelsOfEtc: Bool

    static let attribute = Array(SELinuxPolicy.attribute.utf8)

    /// - Parameter scratch: a folder that is made, and removed again.
    /// - Returns: nil where the commit has no policy, or the policy is switched off.
    init?(
        _ commit: Commit,
        _ version: LibostreeVersion,
        _ repository: Repository,
        scratch: FilePath
    ) throws(ComposeError) {
        let policy: SELinuxPolicy?
        do throws(SELinuxPolicy.Unreadable) {
            policy = try SELinuxPolicy.read(from: commit, in: repository, scratch: scratch)
        } catch {
            switch error {
            case .repository(let error): throw .repository(error)
            case .policy(let reason): throw .needsVM(reason)
            case .scratch(let path, let errno): throw .output(path, errno)
            }
        }
        guard let policy else { return nil }
        self.policy = policy
        keepsLabelsOfEtc = version.keepsLabelsOfEtc
    }

    /// The value of the attribute that a file or folder has in the end; nil for none.
    /// - Parameters:
    ///   - path: on the running system, "/etc/fstab".
    ///   - mode: as st_mode.
    ///   - own: that which the commit gives it.
    func label(
        _ place: Place,
        _ path: String,
        mode: UInt16,
        own: [UInt8]?
    ) throws(ComposeError) -> [UInt8]? {
        let isRegular = FileTree.Kind(rawValue: mode & 0xf000) == .file
        switch place {
        case .etc where keepsLabelsOfEtc && own != nil: return own
        // Without a NUL, unlike everything that libselinux sets.
        case .etc: return isRegular ? try label(path, mode) : nil
        case .var, .addition: return try label(path, mode).map { $0 + [0] } ?? own
        }
    }

    private func label(_ path: String, _ mode: UInt16) throws(ComposeError) -> [UInt8]? {
        try reading { () throws(OSTreeError) in try policy.label(of: path, mode: UInt32(mode)) }
    }
}
