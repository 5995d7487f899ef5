package import SystemIO
internal import SystemPackage

extension Repository {
    /// Opens a file object: reads its metadata, not yet its content.
    package func openFile(_ checksum: Checksum) throws(OSTreeError) -> FileObject {
        let name = ObjectName(checksum, .file)
        for store in stores {
            if let object = try store.openFile(name) { return object }
        }
        throw .objectMissing(name, repository: path)
    }

    /// What a file object says about the file.
    package func fileInfo(_ checksum: Checksum) throws(OSTreeError) -> FileInfo {
        try openFile(checksum).info
    }

    /// The file that holds a regular file's content as it is; nil where the object is missing or kept
    /// compressed. Does not look at the object's metadata.
    package func openPlainFile(_ checksum: Checksum) throws(OSTreeError) -> SharedFD? {
        let name = ObjectName(checksum, .file)
        for store in stores where store.mode != .archive {
            do throws(Errno) {
                if let file = try store.open(name) { return file }
            } catch {
                throw .objectUnreadable(name, file: store.file(of: name), error)
            }
        }
        return nil
    }
}
