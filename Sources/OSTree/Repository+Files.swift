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
}
