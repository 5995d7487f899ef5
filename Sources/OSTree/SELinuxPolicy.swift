internal import CLinux
internal import COSTree
internal import Synchronization
internal import SystemIO
package import SystemPackage

/// The SELinux policy of a system's tree: which label each path gets. Libostree's own reading of it, so
/// that labels are those that a deployment of the tree would give.
package final class SELinuxPolicy: Sendable {
    /// The extended attribute that labels are kept in.
    package static let attribute = "security.selinux"

    private let policy: OwnedGObject
    private let root: FilePath
    /// libselinux keeps in a global variable which policy it is about to read.
    private static let opening = Mutex(())

    /// Whether this host's libostree was built with it; else every tree seems to be without a policy.
    static var isSupported: Bool {
        OSTREE_BUILT_FEATURES.split(separator: " ").contains("selinux")
    }

    /// Reads `etc/selinux` or `usr/etc/selinux` in `root`. The folder is not needed any longer then.
    /// - Returns: nil where there is no policy, or the configuration has it switched off.
    ///
    /// The C function is `ostree_sepolicy_new_at`.
    package init?(root: FilePath) throws(OSTreeError) {
        let opened = SELinuxPolicy.opening.withLock { _ in
            Result { () throws(OSTreeError) in try SELinuxPolicy.open(root) }
        }
        guard let policy = try opened.get() else { return nil }
        self.policy = policy
        self.root = root
    }

    private static func open(_ root: FilePath) throws(OSTreeError) -> OwnedGObject? {
        let folder: OwnedFD
        do throws(Errno) {
            folder = try OwnedFD.open(root, O_RDONLY | O_DIRECTORY)
        } catch {
            throw .libostree(root, message: "cannot be opened: \(error)")
        }
        let descriptor = folder.rawValue
        do throws(GLibError) {
            // SAFETY: returns a new reference, or NULL with an error set; both functions read only.
            let pointer = try unsafe throwing { unsafe ostree_sepolicy_new_at(descriptor, nil, $0) }
            guard let pointer = unsafe pointer else { return nil }
            let policy = unsafe OwnedGObject(pointer)
            return unsafe ostree_sepolicy_get_name(pointer) == nil ? nil : policy
        } catch {
            throw .libostree(root, message: error.message)
        }
    }

    /// The label, without a NUL, of what is at `path` ("/etc/fstab"); nil where the policy has none.
    /// - Parameter mode: as st_mode; its type counts.
    ///
    /// The C function is `ostree_sepolicy_get_label`.
    package func label(of path: String, mode: UInt32) throws(OSTreeError) -> [UInt8]? {
        var text: UnsafeMutablePointer<CChar>?
        let pointer = unsafe policy.pointer
        do throws(GLibError) {
            _ = try unsafe throwing {
                unsafe ostree_sepolicy_get_label(pointer, path, mode, &text, nil, $0)
            }
        } catch {
            throw .libostree(root, message: "no label for \(path): \(error.message)")
        }
        guard let text = unsafe text else { return nil }
        // SAFETY: a NUL-terminated string that the caller frees.
        defer { unsafe g_free(text) }
        return Array(unsafe String(cString: text).utf8)
    }
}
