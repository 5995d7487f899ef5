import CLinux
import DiskImage
import OSTree
import SystemIO
import SystemPackage

/// The SELinux labels that a deployment gives to what libostree copies of a commit, by the commit's own
/// policy, where the kernel has no SELinux, as in the bootstrap VM. Libostree then sets the labels of
/// the files of /etc, and of all in /var; those of what it makes itself (the boot entries' folder, the
/// origin file) it asks the kernel to set, and such a kernel does not.
struct Labels: Sendable {
    enum Place { case etc, `var` }

    private let policy: SELinuxPolicy
    private let keepsLabelsOfEtc: Bool

    static let attribute = Array("security.selinux".utf8)

    /// - Parameter scratch: a folder that is made, and removed again.
    /// - Returns: nil where the commit has no policy, or the policy is switched off.
    init?(
        _ tree: CommitTree,
        _ version: LibostreeVersion,
        _ repository: Repository,
        scratch: FilePath
    ) throws(ComposeError) {
        guard let source = tree.directory("usr/etc/selinux"),
            try tree.tree(source.tree).file("config") != nil
        else { return nil }
        guard SELinuxPolicy.isSupported else {
            throw .needsVM(
                "the commit has an SELinux policy (/usr/etc/selinux), and this host's libostree was "
                    + "built without SELinux"
            )
        }
        // What libselinux has read it does not look at again.
        defer { removeTree(scratch) }
        try PolicyFiles(tree: tree, repository: repository).write(to: scratch)
        do throws(OSTreeError) {
            guard let policy = try SELinuxPolicy(root: scratch) else { return nil }
            self.policy = policy
        } catch {
            throw .needsVM("the commit's SELinux policy cannot be read on this host: \(error)")
        }
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
        case .var: return try label(path, mode).map { $0 + [0] } ?? own
        }
    }

    private func label(_ path: String, _ mode: UInt16) throws(ComposeError) -> [UInt8]? {
        try reading { () throws(OSTreeError) in try policy.label(of: path, mode: UInt32(mode)) }
    }
}

/// What of a commit's policy libostree reads to know labels.
private struct PolicyFiles {
    let tree: CommitTree
    let repository: Repository

    func write(to root: FilePath) throws(ComposeError) {
        try write("usr/etc/selinux", to: root) { $0 == "config" }
        guard let selinux = tree.directory("usr/etc/selinux") else { return }
        for type in try tree.tree(selinux.tree).directories {
            let folder = "usr/etc/selinux/" + String(decoding: type.name, as: UTF8.self)
            // The compiled form (*.bin) says the same in a format that a host need not trust.
            try write(folder + "/contexts/files", to: root) { !$0.hasSuffix(".bin") }
            try write(folder + "/policy", to: root) { $0.hasPrefix("policy.") }
        }
    }

    private func write(
        _ path: String,
        to root: FilePath,
        where isWanted: (String) -> Bool
    ) throws(ComposeError) {
        guard let folder = tree.directory(path) else { return }
        let target = root.appending(path)
        do throws(Errno) { try makeDirectories(target, mode: 0o700) } catch {
            throw .output(target, error)
        }
        for file in try tree.tree(folder.tree).files {
            let name = String(decoding: file.name, as: UTF8.self)
            guard isWanted(name) else { continue }
            let content = try reading { () throws(OSTreeError) -> [UInt8]? in
                let object = try repository.openFile(tree.files[file.object])
                return object.info.isRegular ? try object.content(verify: true) : nil
            }
            guard let content else {
                throw .needsVM("/\(path)/\(name), of the SELinux policy, is a link")
            }
            let output = target.appending(name)
            do throws(Errno) {
                let file = try OwnedFD.open(output, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
                try writeAll(file.rawValue, content)
            } catch {
                throw .output(output, error)
            }
        }
    }
}
