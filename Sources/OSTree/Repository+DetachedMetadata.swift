internal import SystemIO
internal import SystemPackage

extension Repository {
    /// A commit's detached metadata (its signatures) as stored; nil if it has none. Nothing vouches
    /// for these bytes: the commit's checksum does not cover them.
    package func detachedMetadata(of commit: Checksum) throws(OSTreeError) -> [UInt8]? {
        let name = ObjectName(commit, .commit)
        for store in stores {
            // `<commit>.commit` and `<commit>.commitmeta` lie beside each other.
            let file = FilePath(store.file(of: name).string + "meta")
            do throws(Errno) {
                return try readFile(file, limit: ObjectStore.metadataLimit)
            } catch {
                if error == .noSuchFileOrDirectory { continue }
                throw .objectUnreadable(name, file: file, error)
            }
        }
        return nil
    }
}
