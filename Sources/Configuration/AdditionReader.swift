import Compose
import Orchestrator
import SystemIO
import SystemPackage

/// Reads what is to be added to one disk; contents are held in memory, as far as a limit.
struct AdditionReader {
    private var left = limit
    private var additions: [Addition] = []

    /// Bytes of all files of one disk.
    private static let limit = 64 << 20

    static func read(_ files: [AddedFile]) throws(BuildError) -> [Addition] {
        var reader = AdditionReader()
        for file in files {
            let path = String(file.path.dropFirst())
            switch file.content {
            case .text(let text):
                reader.add(path, file, file.mode ?? 0o644, .file(Array(text.utf8)))
            case .copy(let source): try reader.copy(source, to: path, file, isTop: true)
            }
        }
        return reader.additions
    }

    private mutating func add(
        _ path: String,
        _ file: AddedFile,
        _ mode: UInt16,
        _ content: Addition.Content
    ) {
        additions.append(
            Addition(path: path, mode: mode, uid: file.uid, gid: file.gid, content: content)
        )
    }

    /// What a source is, with what is in it.
    private enum Source {
        case file([UInt8], permissions: UInt16)
        case symlink(target: String)
        case directory(names: [String], permissions: UInt16)
        case other
    }

    /// - Parameter isTop: the user named it, so a link is followed; one that is found is copied.
    private mutating func copy(
        _ source: FilePath,
        to path: String,
        _ file: AddedFile,
        isTop: Bool
    ) throws(BuildError) {
        switch try read(source, path, followingLinks: isTop) {
        case .file(let bytes, let permissions):
            left -= bytes.count
            add(path, file, file.mode ?? permissions, .file(bytes))
        case .symlink(let target):
            add(path, file, 0o777, .symlink(target: target))
        case .directory(let names, let permissions):
            // The folders /etc and /var themselves stay as the commit has them.
            if path.contains("/") { add(path, file, permissions, .directory) }
            for name in names {
                try copy(source.appending(name), to: "\(path)/\(name)", file, isTop: false)
            }
        case .other:
            throw BuildError(.input, "\(source) is neither a file, nor a folder, nor a link")
        }
    }

    private func read(
        _ source: FilePath,
        _ path: String,
        followingLinks: Bool
    ) throws(BuildError) -> Source {
        do throws(Errno) {
            let status = try FileStatus(source, followingLinks: followingLinks)
            let permissions = UInt16(truncatingIfNeeded: status.permissions)
            return switch status.kind {
            case .regular: .file(try readFile(source, limit: left), permissions: permissions)
            case .symlink: .symlink(target: try symlinkTarget(source))
            case .directory:
                .directory(names: try directoryNames(source), permissions: permissions)
            case .socket, .other: .other
            }
        } catch .fileTooLarge {
            throw BuildError(
                .usage,
                "\(source) is too large: the files added to a disk may hold \(Self.limit >> 20) MiB",
                hint: "What is larger belongs in the commit."
            )
        } catch {
            throw BuildError(.input, "cannot read \(source), to be added as /\(path): \(error)")
        }
    }
}
