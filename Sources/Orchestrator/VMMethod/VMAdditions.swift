import Compose
import GuestProtocol
import OSTree

/// Files that the installed system gets beyond its commit.
extension VMInstallation {
    /// To be called when the deployment is there.
    func addFiles() throws(BuildError) {
        let stateroot = Self.target + "/ostree/deploy/\(plan.request.osname)"
        let inVar = plan.request.additions.filter { $0.path.hasPrefix("var/") }
        let inEtc = plan.request.additions.filter { !$0.path.hasPrefix("var/") }
        try add(inVar, to: stateroot)
        guard !inEtc.isEmpty else { return }
        try add(inEtc, to: "\(stateroot)/deploy/\(try deployment())")
    }

    private func add(_ additions: [Addition], to root: String) throws(BuildError) {
        for piece in additions.flatMap(\.pieces) {
            try guest.perform(
                .addFiles(AddFiles(root: root, files: [piece])),
                "add /\(piece.path)"
            )
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
    fileprivate var pieces: [AddedFile] {
        func file(_ content: AddedFile.Content) -> AddedFile {
            AddedFile(path: path, mode: UInt32(mode), uid: uid, gid: gid, content: content)
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
}
