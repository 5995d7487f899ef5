internal import CLinux
package import SystemIO
package import SystemPackage

/// An open file object. Immutable, so usable from any thread.
package struct FileObject: Sendable {
    enum Storage: Sendable {
        case symlink
        /// The object's file is the content.
        case plain(SharedFD)
        case deflated(Deflated)

        /// Raw deflate from `offset` on in a file of `storedSize` bytes. `head` are the file's first
        /// bytes; for a short file all of them, and then `file` is nil.
        struct Deflated: Sendable {
            let file: SharedFD?
            let head: [UInt8]
            let offset: Int
            let storedSize: Int
        }
    }

    package let checksum: Checksum
    package let info: FileInfo
    let storage: Storage
    /// As `a(ayay)`, which the checksum covers.
    let extendedAttributeBytes: ArraySlice<UInt8>
    let store: ObjectStore

    var name: ObjectName { ObjectName(checksum, .file) }

    /// The file that holds the content as it is, from its start; nil for a symbolic link and in an
    /// archive repository.
    package var plainFile: SharedFD? {
        if case .plain(let file) = storage { file } else { nil }
    }

    /// Bytes that the object takes in the repository.
    package var storedSize: UInt64 {
        switch storage {
        case .symlink: 0
        case .plain: info.size
        case .deflated(let stream): UInt64(stream.storedSize)
        }
    }

    /// Writes the whole content into `buffer`, which has exactly `info.size` bytes.
    /// - Parameter verify: whether to check that header and content have the object's checksum
    ///   (raw deflate has no check of its own: a damaged object may well inflate).
    package func copyContent(
        into buffer: UnsafeMutableRawBufferPointer,
        verify: Bool
    ) throws(OSTreeError) {
        guard UInt64(buffer.count) == info.size else {
            throw store.corrupt(name, "its size is \(info.size), not \(buffer.count)")
        }
        switch storage {
        case .symlink: break
        case .plain(let file):
            try unsafe readPlain(file, into: buffer)
        case .deflated(let stream):
            try unsafe inflate(stream, into: buffer)
        }
        if verify { try unsafe check(UnsafeRawBufferPointer(buffer)) }
    }

    /// The content in memory.
    package func content(verify: Bool) throws(OSTreeError) -> [UInt8] {
        let count = Int(clamping: info.size)
        var failure: OSTreeError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            // SAFETY: exactly `count` bytes of the array's storage, all written on success.
            let storage = unsafe UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]
            )
            do throws(OSTreeError) {
                try unsafe copyContent(into: storage, verify: verify)
                initialized = count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Checks header and `content` against the object's name: SHA-256 over the length of the header
    /// variant (big-endian, padded to 8 bytes), the variant, the content (`ostree-core.c`).
    package func check(_ content: UnsafeRawBufferPointer) throws(OSTreeError) {
        let hasher = SHA256()
        hasher.update(checksummedHeader)
        unsafe hasher.update(content)
        let actual = hasher.finish()
        guard actual == checksum else {
            throw store.corrupt(name, "metadata and content have checksum \(actual)")
        }
    }

    /// A failure of the host while this object's content was being made available.
    package func unreadable(_ errno: Errno) -> OSTreeError {
        .objectUnreadable(name, file: store.file(of: name), errno)
    }

    /// What the checksum covers before the content.
    var checksummedHeader: [UInt8] {
        let header = GVariantWriter.fileHeader(info, extendedAttributes: extendedAttributeBytes)
        var framed: [UInt8] = []
        framed.reserveCapacity(header.count + 8)
        GVariantWriter.appendBigEndian(UInt32(truncatingIfNeeded: header.count), to: &framed)
        framed += [0, 0, 0, 0]
        framed += header
        return framed
    }

    private func readPlain(
        _ file: SharedFD,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(OSTreeError) {
        let count: Int
        do throws(Errno) {
            count = try unsafe file.read(into: buffer, at: 0)
        } catch {
            throw .objectUnreadable(name, file: store.file(of: name), error)
        }
        guard count == buffer.count else {
            throw store.corrupt(name, "it ends after \(count) of \(info.size) bytes")
        }
    }
}
