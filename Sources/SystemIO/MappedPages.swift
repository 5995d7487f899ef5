import CLinux
package import SystemPackage

/// Whether the first page of a file is in memory, so that a read need not wait for the disk. The kernel
/// tells that to those who may write the file; to others it says yes. The C function is `mincore`.
package func isInMemory(_ fd: CInt) throws(Errno) -> Bool {
    let mapping = try FileMapping(fd, count: 1)
    var page: UInt8 = 0
    // SAFETY: writes one byte for the one page that is mapped, during the call.
    try syscall {
        unsafe mincore(UnsafeMutableRawPointer(mutating: mapping.bytes.baseAddress), 1, &page)
    }
    return page & 1 != 0
}
