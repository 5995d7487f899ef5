extension Repository {
    /// Reads every object of the commit and checks its SHA-256; throws for the first that is missing,
    /// unreadable or corrupt.
    package func verify(_ commit: Checksum) throws(OSTreeError) {
        let objects = try objects(of: commit)
        for meta in objects.dirMetas { _ = try dirMeta(meta) }
        for file in objects.files {
            let object = try openFile(file)
            _ = try object.content(verify: true)
        }
    }
}
