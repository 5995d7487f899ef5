import CLinux
package import SystemPackage

/// A file without a name that lives in memory. The C functions are `memfd_create` and `ftruncate`.
/// - Parameters:
///   - name: for whoever looks into /proc.
///   - size: in bytes, all holes.
package func makeMemoryFile(_ name: String, size: UInt64 = 0) throws(Errno) -> SharedFD {
    let file = SharedFD(OwnedFD(try syscall { unsafe memfd_create(name, UInt32(MFD_CLOEXEC)) }))
    let descriptor = file.rawValue
    let length = off_t(clamping: size)
    try syscall { ftruncate(descriptor, length) }
    return file
}

/// The parts of a file that hold data, in order; what lies between are holes. The C function is `lseek`
/// (SEEK_DATA, SEEK_HOLE), which moves the descriptor's position.
package func dataExtents(of descriptor: CInt) throws(Errno) -> [Range<UInt64>] {
    var extents: [Range<UInt64>] = []
    var position: off_t = 0
    while true {
        let start: off_t
        do throws(Errno) {
            start = try syscall { lseek(descriptor, position, CInt(SEEK_DATA)) }
        } catch .noSuchAddressOrDevice {
            return extents
        }
        position = try syscall { lseek(descriptor, start, CInt(SEEK_HOLE)) }
        extents.append(UInt64(start)..<UInt64(position))
    }
}
