import CLinux
package import SystemPackage

/// A file mapped into memory for as long as the object lives. The C function is `mmap`.
///
/// A file that is truncated meanwhile makes accesses raise SIGBUS: map only files whose owner does
/// not do that (objects of a repository are replaced by rename, our own memory files never shrink).
@safe package final class FileMapping: @unchecked Sendable {
    // SAFETY: set once; unmapped only in deinit. Concurrent writers agree among themselves.
    private let storage: UnsafeMutableRawBufferPointer

    /// Maps the first `count` bytes of the file, `writable` shared with it.
    package init(_ fd: CInt, count: Int, writable: Bool = false) throws(Errno) {
        guard count > 0 else {
            unsafe storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            return
        }
        let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
        // SAFETY: a fresh mapping at an address of the kernel's choice; failure is checked.
        let address = unsafe mmap(nil, count, protection, MAP_SHARED, fd, 0)
        // MAP_FAILED is (void *)-1.
        guard Int(bitPattern: address) != -1 else { throw Errno(rawValue: clinux_errno()) }
        unsafe storage = UnsafeMutableRawBufferPointer(start: address, count: count)
    }

    deinit {
        if let base = unsafe storage.baseAddress { _ = unsafe munmap(base, storage.count) }
    }

    package var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(storage) }
    package var mutableBytes: UnsafeMutableRawBufferPointer { unsafe storage }
}
