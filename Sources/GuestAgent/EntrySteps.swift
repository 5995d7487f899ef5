import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

extension NewEntry {
    func perform() throws(Failure) {
        try Failure.naming("make", path) { () throws(Errno) in
            let path = FilePath(path)
            switch content {
            case .directory: try makeDirectory(path, mode: mode & 0o7777)
            case .symlink(let target): try makeSymlink(path, to: target)
            case .file(let bytes):
                let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW
                let file = try OwnedFD.open(path, flags, mode: 0o600)
                try writeAll(file.rawValue, bytes)
                try syscall { fchmod(file.rawValue, mode & 0o7777) }
            }
        }
    }
}
