internal import CLinux
internal import SystemIO
internal import SystemPackage

extension ObjectStore {
    /// Opens a file object of this repository; nil if it lacks it.
    func openFile(_ name: ObjectName) throws(OSTreeError) -> FileObject? {
        try reading(name) {
            switch mode {
            case .archive: try openCompressed(name)
            case .bareUser: try openWithMetadataAttribute(name)
            case .bare, .bareUserOnly: try openPlain(name)
            }
        }
    }

    /// Says of which object and file a failure is.
    private func reading<Value>(
        _ name: ObjectName,
        _ body: () throws -> Value
    ) throws(OSTreeError) -> Value {
        do {
            return try body()
        } catch let errno as Errno {
            throw .objectUnreadable(name, file: file(of: name), errno)
        } catch let malformed as GVariantReader.Malformed {
            throw corrupt(name, malformed.reason)
        } catch {
            throw corrupt(name, "\(error)")
        }
    }

    // MARK: archive

    /// First read of an archive object, in bytes: most objects are shorter.
    private static let headLength = 32 << 10

    /// `.filez`: the length of the header variant (4 bytes, big-endian), 4 zero bytes, the variant
    /// `(tuuuusa(ayay))` (size, uid, gid, mode, rdev, target, xattrs), then raw deflate.
    private func openCompressed(_ name: ObjectName) throws -> FileObject? {
        guard let fd = try open(name) else { return nil }
        var head = try fd.read(count: ObjectStore.headLength)
        var storedSize = head.count
        if storedSize == ObjectStore.headLength { storedSize = Int(try fd.status().st_size) }
        guard head.count >= 8 else { throw GVariantReader.Malformed("it ends within its header") }
        let length = Int(GVariantReader.bigEndian(head[0..<4]))
        let offset = 8 + length
        guard length <= ObjectStore.metadataLimit, offset <= storedSize else {
            throw GVariantReader.Malformed("its header claims \(length) bytes")
        }
        if offset > head.count { head = try fd.read(count: offset) }
        guard head.count >= offset else {
            throw GVariantReader.Malformed("it ends within its header")
        }
        let parts = try GVariantReader.tuple(
            head[8..<offset],
            [.u64, .u32, .u32, .u32, .u32, .bytes, .bytes]
        )
        let mode = UInt32(truncatingIfNeeded: GVariantReader.bigEndian(parts[3]))
        let isLink = FileInfo.isSymlink(mode)
        let info = FileInfo(
            uid: UInt32(truncatingIfNeeded: GVariantReader.bigEndian(parts[1])),
            gid: UInt32(truncatingIfNeeded: GVariantReader.bigEndian(parts[2])),
            mode: mode,
            size: isLink ? 0 : GVariantReader.bigEndian(parts[0]),
            symlinkTarget: Array(try GVariantReader.string(parts[5])),
            extendedAttributes: try ExtendedAttribute.parse(parts[6])
        )
        // Deflate makes at most 258 bytes of 2 bits: a damaged size must not make us allocate it.
        guard info.size / 1032 <= UInt64(storedSize) else {
            throw GVariantReader.Malformed("its header claims \(info.size) bytes of content")
        }
        let compressed = FileObject.Storage.Deflated(
            file: head.count == storedSize ? nil : fd,
            head: head,
            offset: offset,
            storedSize: storedSize
        )
        return try object(name, info, isLink ? .symlink : .deflated(compressed), parts[6])
    }

    // MARK: bare-user

    /// Symbolic links too are regular files here, with the target as content.
    private func openWithMetadataAttribute(_ name: ObjectName) throws -> FileObject? {
        guard let fd = try open(name) else { return nil }
        let size = Int(try fd.status().st_size)
        let bytes = try metadataAttribute(name)
        let parts = try GVariantReader.tuple(bytes[...], [.u32, .u32, .u32, .bytes])
        let fileMode = UInt32(truncatingIfNeeded: GVariantReader.bigEndian(parts[2]))
        let isLink = FileInfo.isSymlink(fileMode)
        if isLink && size > Int(PATH_MAX) {
            throw GVariantReader.Malformed("its target is too long")
        }
        let info = FileInfo(
            uid: UInt32(truncatingIfNeeded: GVariantReader.bigEndian(parts[0])),
            gid: UInt32(truncatingIfNeeded: GVariantReader.bigEndian(parts[1])),
            mode: fileMode,
            size: isLink ? 0 : UInt64(size),
            symlinkTarget: isLink ? try storedTarget(fd, size) : [],
            extendedAttributes: try ExtendedAttribute.parse(parts[3])
        )
        return try object(name, info, isLink ? .symlink : .plain(fd), parts[3])
    }

    /// libostree writes the target's NUL as well.
    private func storedTarget(_ file: SharedFD, _ size: Int) throws(Errno) -> [UInt8] {
        let bytes = try file.read(count: size)
        return bytes.last == 0 ? bytes.dropLast() : bytes
    }

    private func metadataAttribute(_ name: ObjectName) throws -> [UInt8] {
        do throws(Errno) {
            return try ExtendedAttributes.value(
                of: Array("user.ostreemeta".utf8),
                at: folderPath.appending(name.path(in: mode))
            )
        } catch {
            if error != .noData { throw error }
            throw GVariantReader.Malformed(
                "it lacks the xattr user.ostreemeta (was the repository copied without xattrs?)"
            )
        }
    }

    // MARK: bare, bare-user-only

    private func openPlain(_ name: ObjectName) throws -> FileObject? {
        let path = name.path(in: mode)
        guard let status = try status(path) else { return nil }
        let isLink = FileInfo.isSymlink(status.st_mode)
        // bare-user-only keeps no owner and no xattrs: the canonical ones stand for them.
        let attributes =
            mode == .bare ? try bareAttributes(folderPath.appending(path)) : []
        let info = FileInfo(
            uid: mode == .bare ? status.st_uid : 0,
            gid: mode == .bare ? status.st_gid : 0,
            mode: status.st_mode,
            size: isLink ? 0 : UInt64(status.st_size),
            symlinkTarget: isLink ? try linkTarget(path, length: Int(status.st_size)) : [],
            extendedAttributes: attributes
        )
        var storage = FileObject.Storage.symlink
        if !isLink {
            guard let fd = try open(name) else { return nil }
            storage = .plain(fd)
        }
        return try object(
            name,
            info,
            storage,
            GVariantWriter.extendedAttributes(attributes)[...]
        )
    }

    /// Of the object's file itself, not of what a link points to; nil if there is none.
    private func status(_ path: String) throws(Errno) -> stat? {
        let folder = folder.rawValue
        var status = stat()
        do throws(Errno) {
            try syscall { unsafe fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW) }
        } catch {
            if error == .noSuchFileOrDirectory { return nil }
            throw error
        }
        return status
    }

    private func bareAttributes(_ path: FilePath) throws(Errno) -> [ExtendedAttribute] {
        var attributes: [ExtendedAttribute] = []
        for name in try ExtendedAttributes.names(of: path).sorted(by: {
            $0.lexicographicallyPrecedes($1)
        }) {
            attributes.append(
                ExtendedAttribute(
                    name: name,
                    value: try ExtendedAttributes.value(of: name, at: path)
                )
            )
        }
        return attributes
    }

    private func linkTarget(_ path: String, length: Int) throws(Errno) -> [UInt8] {
        let folder = folder.rawValue
        let capacity = max(length, Int(PATH_MAX))
        var target = [CChar](repeating: 0, count: capacity)
        let count = try syscall {
            // SAFETY: writes at most the array's size, during the call.
            unsafe readlinkat(folder, path, &target, capacity)
        }
        return target.prefix(count).map { UInt8(bitPattern: $0) }
    }

    /// The last check: a file object is a regular file or a symbolic link, nothing else.
    private func object(
        _ name: ObjectName,
        _ info: FileInfo,
        _ storage: FileObject.Storage,
        _ attributes: ArraySlice<UInt8>
    ) throws -> FileObject {
        guard info.isRegular || info.isSymlink else {
            throw GVariantReader.Malformed("mode \(String(info.mode, radix: 8)) is no file's")
        }
        guard info.isSymlink != info.symlinkTarget.isEmpty else {
            throw GVariantReader.Malformed("a link without a target, or a file with one")
        }
        guard info.size <= UInt64(Int64.max) else {
            throw GVariantReader.Malformed("its size is \(info.size)")
        }
        return FileObject(
            checksum: name.checksum,
            info: info,
            storage: storage,
            extendedAttributeBytes: attributes,
            store: self
        )
    }
}
