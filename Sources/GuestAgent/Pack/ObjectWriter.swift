import CLinux
import GuestProtocol
import PackFormat
import SystemIO
import SystemPackage

/// Writes a pack's objects as `ostree pull-local` leaves them in a bare repository: owner, mode and
/// attributes of the commit, modification time 0 for regular files; metadata objects as files of
/// root with mode 0644; `objects/xx` with mode 0755, made only when used.
///
/// As few system calls for each object as there can be: in an emulated guest they are the cost.
struct ObjectWriter: ~Copyable {
    private let repository: BareRepository
    private let objects: OwnedFD
    /// The folder that is being filled, by its first byte; a pack comes in that order.
    private var folder: (byte: UInt8, descriptor: SharedFD)?
    private var object: PackObject?
    private var file: SharedFD?
    private var name: [CChar] = []
    private var commit: [UInt8] = []
    /// Of this process: what `openat` takes from a mode.
    private let mask: UInt32
    /// Why writing stopped: a fault of this end, not of the pack.
    private(set) var failure: Failure?

    init(_ repository: BareRepository) throws(Failure) {
        self.repository = repository
        objects = try Failure.naming("open", repository.objects.string) { () throws(Errno) in
            try OwnedFD.open(repository.objects, O_RDONLY | O_DIRECTORY)
        }
        mask = umask(0o022)
        _ = umask(mask)
    }

    /// Writes what a piece of the pack holds.
    mutating func write(
        _ piece: StreamReader.Piece,
        _ decoder: inout PackDecoder
    ) throws(PackError) {
        try piece.withBytes { bytes throws(PackError) in try write(bytes, &decoder) }
    }

    private mutating func write(
        _ bytes: RawSpan,
        _ decoder: inout PackDecoder
    ) throws(PackError) {
        var offset = 0
        while failure == nil {
            let event = try decoder.next(bytes, &offset)
            if event == .needsMore { return }
            do throws(Errno) {
                try handle(event, bytes)
            } catch {
                let subject = object.map { String(decoding: hexDigits($0.checksum), as: UTF8.self) }
                failure = Failure(
                    .systemCall,
                    step: "write object",
                    subject: subject ?? repository.path.string,
                    errno: error.rawValue
                )
            }
        }
    }

    /// All objects are there: what belongs beside them.
    mutating func finish() throws(Failure) {
        let (repository, commit) = (repository, commit)
        try Failure.naming("set the ref", repository.ref ?? "") { () throws(Errno) in
            try repository.finish(commit: commit)
        }
    }

    private mutating func handle(_ event: PackDecoder.Event, _ bytes: RawSpan) throws(Errno) {
        switch event {
        case .needsMore, .end: return
        case .header(let header): try checkSpace(header)
        case .object(let object):
            self.object = object
            try begin(object)
        case .content(let range):
            guard let file else { return }
            try unsafe bytes.withUnsafeBytes { bytes throws(Errno) in
                try unsafe writeFully(file.rawValue, UnsafeRawBufferPointer(rebasing: bytes[range]))
            }
        case .endOfObject:
            if let object, !object.isSymlink { try end(object) }
            file = nil
        }
    }

    /// libostree's own rule (min-free-space-percent): 3 % of the file system stay free.
    private func checkSpace(_ header: PackHeader) throws(Errno) {
        var figures = statvfs()
        try syscall { unsafe fstatvfs(objects.rawValue, &figures) }
        let block = UInt64(figures.f_frsize)
        let reserve = UInt64(figures.f_blocks) / 100 &* 3 &* block
        let free = UInt64(figures.f_bfree) &* block
        guard free >= reserve, header.contentBytes <= free - reserve else { throw .noSpace }
    }

    /// An object that no commit of the inventory has may be there all the same, from a pull that was
    /// broken off. It is whole, as libostree gives an object its name last, and is left alone.
    private mutating func begin(_ object: PackObject) throws(Errno) {
        let folder = try folder(of: object)
        setName(object)
        guard !object.isSymlink else { return try makeLink(object, folder) }
        let mode = object.kind == .file ? object.mode & 0o777 : 0o644
        let name = name
        // The commit comes in any case, and its detached metadata may have changed.
        let isCommit = object.kind == .commit || object.kind == .commitMeta
        let flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (isCommit ? O_TRUNC : O_EXCL)
        do throws(Errno) {
            let raw = try syscall { unsafe clinux_openat(folder, name, flags, mode) }
            file = SharedFD(OwnedFD(raw))
        } catch .fileExists {
            return
        }
    }

    /// Owner first: a change of owner takes setuid bits and capabilities away.
    private func end(_ object: PackObject) throws(Errno) {
        guard let file else { return }
        let descriptor = file.rawValue
        let mode = object.kind == .file ? object.mode & 0o7777 : 0o644
        if object.uid != 0 || object.gid != 0 || geteuid() != 0 {
            try syscall { fchown(descriptor, object.uid, object.gid) }
        }
        for attribute in object.attributes {
            let name = attribute.name.map { CChar(bitPattern: $0) } + [0]
            try syscall {
                unsafe fsetxattr(descriptor, name, attribute.value, attribute.value.count, 0)
            }
        }
        if mode != mode & 0o777 & ~mask { try syscall { fchmod(descriptor, mode) } }
        if object.kind == .file {
            let times = [
                timespec(tv_sec: 0, tv_nsec: CLINUX_UTIME_OMIT), timespec(tv_sec: 0, tv_nsec: 0),
            ]
            try syscall { unsafe futimens(descriptor, times) }
        }
    }

    private func makeLink(_ object: PackObject, _ folder: CInt) throws(Errno) {
        let name = name
        let target = object.symlinkTarget.map { CChar(bitPattern: $0) } + [0]
        do throws(Errno) {
            try syscall { unsafe symlinkat(target, folder, name) }
        } catch .fileExists {
            return
        }
        if object.uid != 0 || object.gid != 0 {
            try syscall {
                unsafe fchownat(folder, name, object.uid, object.gid, AT_SYMLINK_NOFOLLOW)
            }
        }
        if object.attributes.isEmpty { return }
        // There is no call for a link's attributes that takes a descriptor.
        let path = Array("/proc/self/fd/\(folder)/".utf8).map { CChar(bitPattern: $0) } + name
        for attribute in object.attributes {
            let key = attribute.name.map { CChar(bitPattern: $0) } + [0]
            try syscall {
                unsafe lsetxattr(path, key, attribute.value, attribute.value.count, 0)
            }
        }
    }

    private mutating func folder(of object: PackObject) throws(Errno) -> CInt {
        let byte = object.checksum[0]
        if let folder, folder.byte == byte { return folder.descriptor.rawValue }
        let name = hexDigits([byte]).map { CChar(bitPattern: $0) } + [0]
        let parent = objects.rawValue
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        do throws(Errno) {
            try syscall { unsafe mkdirat(parent, name, 0o755) }
        } catch {
            if error != .fileExists { throw error }
        }
        let raw = try syscall { unsafe clinux_openat(parent, name, flags, 0) }
        folder = (byte, SharedFD(OwnedFD(raw)))
        return raw
    }

    /// 62 digits, a dot, the extension, NUL.
    private mutating func setName(_ object: PackObject) {
        if object.kind == .commit { commit = object.checksum }
        let digits = hexDigits(Array(object.checksum.dropFirst()))
        let text = digits + [UInt8(ascii: ".")] + Array(object.kind.fileExtension.utf8)
        name = text.map { CChar(bitPattern: $0) } + [0]
    }
}

private func writeFully(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
    var done = 0
    while done < bytes.count {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
        done += try syscall { unsafe write(descriptor, rest.baseAddress, rest.count) }
    }
}
