import CLinux
import Compose
import GuestProtocol
import OSTree
import SystemPackage

/// Files that the installed system gets beyond its commit: those that were asked for, and on a new
/// disk `/etc/fstab`. The commit's libostree labels what it copies; these get their SELinux labels
/// from the host, since no kernel that boots here has the commit's policy.
extension VMInstallation {
    /// To be called when the deployment is there.
    /// - Parameters:
    ///   - isNew: whether the disk has no other deployment.
    ///   - note: told when the commit has a policy and this host cannot read it.
    func addFiles(isNew: Bool, _ note: (String) -> Void) throws(BuildError) {
        var additions = plan.request.additions
        if isNew, let fstab = plan.fstab, !additions.contains(where: { $0.path == "etc/fstab" }) {
            additions.append(Addition(path: "etc/fstab", mode: 0o644, content: .file(fstab)))
        }
        if additions.isEmpty { return }
        let policy = try policy(note)
        let stateroot = Self.target + "/ostree/deploy/\(plan.request.osname)"
        let inVar = additions.filter { $0.path.hasPrefix("var/") }
        let inEtc = additions.filter { !$0.path.hasPrefix("var/") }
        try add(inVar, to: stateroot, policy)
        guard !inEtc.isEmpty else { return }
        let deployment = isNew ? "\(plan.commit.checksum.hex).0" : try deployment()
        try add(inEtc, to: "\(stateroot)/deploy/\(deployment)", policy)
    }

    /// The commit's SELinux policy; nil where it has none, or none that can be read here.
    private func policy(_ note: (String) -> Void) throws(BuildError) -> SELinuxPolicy? {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        do throws(SELinuxPolicy.Unreadable) {
            return try SELinuxPolicy.read(
                from: plan.commit,
                in: plan.repository,
                scratch: folder.path.appending("selinux")
            )
        } catch {
            switch error {
            case .repository(let error): throw BuildError(.input, "\(error)")
            case .scratch(let path, let errno):
                throw .system(errno, "cannot write", path)
            case .policy(let reason):
                note("files added to the system get no SELinux labels: \(reason)")
                return nil
            }
        }
    }

    private func add(
        _ additions: [Addition],
        to root: String,
        _ policy: SELinuxPolicy?
    ) throws(BuildError) {
        for addition in additions {
            let labels: [String]
            do throws(OSTreeError) {
                labels =
                    try policy.map { (policy) throws(OSTreeError) in
                        try addition.labels(by: policy)
                    } ?? []
            } catch {
                throw BuildError(.input, "\(error)")
            }
            for piece in addition.pieces(labels: labels) {
                try guest.perform(
                    .addFiles(AddFiles(root: root, files: [piece])),
                    "add /\(piece.path)"
                )
            }
        }
    }

    /// The newest deployment's folder: `ostree admin status` names it first, and its serial is not 0
    /// where the same commit was deployed before.
    private func deployment() throws(BuildError) -> String {
        let commit = plan.commit.checksum.hex
        let output = try guest.output(
            "list the deployments",
            ["ostree", "admin", "status", "--sysroot=\(Self.target)"]
        )
        for word in output.split(whereSeparator: \.isWhitespace)
        where word.hasPrefix(commit + ".") {
            return String(word)
        }
        throw BuildError(
            .guest,
            "`ostree admin status` does not list the new deployment",
            details: output.split(separator: "\n").map(String.init)
        )
    }
}

extension Addition {
    /// Well below the longest frame.
    private static let pieceSize = 1 << 19

    /// As requests carry it.
    fileprivate func pieces(labels: [String]) -> [AddedFile] {
        func file(_ content: AddedFile.Content) -> AddedFile {
            AddedFile(
                path: path,
                mode: UInt32(mode),
                uid: uid,
                gid: gid,
                content: content,
                labels: labels
            )
        }
        switch content {
        case .directory: return [file(.directory)]
        case .symlink(let target): return [file(.symlink(target: target))]
        case .file(let bytes):
            var pieces = [file(.file(Array(bytes.prefix(Self.pieceSize))))]
            var rest = bytes.dropFirst(Self.pieceSize)
            while !rest.isEmpty {
                pieces.append(file(.append(Array(rest.prefix(Self.pieceSize)))))
                rest = rest.dropFirst(Self.pieceSize)
            }
            return pieces
        }
    }

    /// One for each name in its path; empty where the policy has none.
    fileprivate func labels(by policy: SELinuxPolicy) throws(OSTreeError) -> [String] {
        let type: CInt =
            switch content {
            case .directory: S_IFDIR
            case .file: S_IFREG
            case .symlink: S_IFLNK
            }
        var labels: [String] = []
        var path = ""
        let names = self.path.split(separator: "/")
        for (index, name) in names.enumerated() {
            path += "/" + name
            let type = index == names.count - 1 ? type : S_IFDIR
            let label = try policy.label(of: path, mode: UInt32(type))
            labels.append(label.map { String(decoding: $0, as: UTF8.self) } ?? "")
        }
        return labels
    }
}
