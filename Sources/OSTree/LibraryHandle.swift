internal import COSTree
internal import SystemPackage

/// An open `OstreeRepo`: what is left to libostree is reading the configuration and refs, in all
/// the forms it knows (remotes, collections, abbreviated checksums, `ref^`).
struct LibraryHandle: Sendable {
    private let repository: OwnedGObject
    private let path: FilePath

    /// The C functions are `ostree_repo_new` and `ostree_repo_open`.
    init(path: FilePath) throws(OSTreeError) {
        // SAFETY: both constructors return a new reference and never NULL.
        let file = unsafe OwnedGObject(path.withPlatformString { unsafe g_file_new_for_path($0)! })
        let repository = unsafe OwnedGObject(ostree_repo_new(file.pointer)!)
        let pointer = unsafe repository.pointer
        do throws(GLibError) {
            _ = try unsafe throwing { unsafe ostree_repo_open(pointer, nil, $0) }
        } catch {
            throw .notARepository(path, reason: error.message)
        }
        self.repository = repository
        self.path = path
    }

    var mode: OstreeRepoMode { unsafe ostree_repo_get_mode(repository.pointer) }

    /// The repository to look in next (`parent=` in the configuration).
    var parentPath: FilePath? {
        guard let parent = unsafe ostree_repo_get_parent(repository.pointer),
            let file = unsafe ostree_repo_get_path(parent),
            let text = unsafe g_file_get_path(file)
        else { return nil }
        // SAFETY: a NUL-terminated string that the caller frees.
        defer { unsafe g_free(text) }
        return unsafe FilePath(platformString: text)
    }

    /// The commit that `revision` names; nil if there is none. The C function is
    /// `ostree_repo_resolve_rev`.
    func resolve(_ revision: String) throws(OSTreeError) -> Checksum? {
        let pointer = unsafe repository.pointer
        var text: UnsafeMutablePointer<CChar>?
        do throws(GLibError) {
            _ = try unsafe throwing {
                unsafe ostree_repo_resolve_rev(pointer, revision, 1, &text, $0)
            }
        } catch {
            throw .libostree(path, message: error.message)
        }
        guard let text = unsafe text else { return nil }
        defer { unsafe g_free(text) }
        return unsafe Checksum(hex: String(cString: text))
    }

    /// All refs, sorted. The C function is `ostree_repo_list_refs`.
    func references() throws(OSTreeError) -> [String] {
        let pointer = unsafe repository.pointer
        var table: OpaquePointer?
        do throws(GLibError) {
            _ = try unsafe throwing {
                unsafe ostree_repo_list_refs(pointer, nil, &table, nil, $0)
            }
        } catch {
            throw .libostree(path, message: error.message)
        }
        guard let table = unsafe table else { return [] }
        defer { unsafe g_hash_table_unref(table) }
        var names: [String] = []
        var iterator = unsafe GHashTableIter()
        var key: UnsafeMutableRawPointer?
        unsafe g_hash_table_iter_init(&iterator, table)
        while unsafe g_hash_table_iter_next(&iterator, &key, nil) != 0 {
            guard let key = unsafe key else { continue }
            // SAFETY: the keys are NUL-terminated strings owned by the table.
            names.append(unsafe String(cString: key.assumingMemoryBound(to: CChar.self)))
        }
        return names.sorted()
    }
}
