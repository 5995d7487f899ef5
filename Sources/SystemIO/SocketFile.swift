package import SystemPackage

/// What a unix socket's name stands for at one moment. Others may take the name away and give it to
/// something of their own, which is then not ours to remove.
package struct SocketFile: Sendable {
    private let path: FilePath
    private let status: FileStatus

    package var kind: FileStatus.Kind { status.kind }

    /// The C function is `lstat`.
    package init(_ path: FilePath) throws(Errno) {
        self.path = path
        status = try FileStatus(path, followingLinks: false)
    }

    /// Removes the name if it still is that socket's (device and inode). The C function is `unlink`.
    package func remove() {
        guard let now = try? FileStatus(path, followingLinks: false), now.kind == .socket,
            now.device == status.device, now.inode == status.inode
        else { return }
        try? removeFile(path)
    }
}
