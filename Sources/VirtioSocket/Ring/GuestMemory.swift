import CLinux
import SystemIO
import SystemPackage

/// The guest's memory as this process has it mapped; every access is by a checked range.
///
/// The guest writes it at any time: read a value once, then judge the copy.
@safe struct GuestMemory {
    /// SAFETY: `host` is valid for `size` bytes as long as `owners` lives; only `piece` hands out
    /// pointers, within those bounds. The frontend, which runs as the same user, is trusted not to
    /// truncate the file behind a mapping; the guest cannot.
    @safe private struct Region {
        let guestAddress: UInt64
        let userAddress: UInt64
        let size: UInt64
        let host: UnsafeMutableRawPointer
    }

    private var regions: [Region] = []
    private var owners: [AnyObject] = []

    init() {}

    /// Adds a region that is mapped at `host`; `owner` keeps the mapping alive.
    /// - Returns: false, adding nothing, where an address range wraps around.
    mutating func add(
        guestAddress: UInt64,
        userAddress: UInt64,
        host: UnsafeMutableRawBufferPointer,
        owner: AnyObject
    ) -> Bool {
        guard let base = host.baseAddress else { return false }
        let size = UInt64(host.count)
        guard !guestAddress.addingReportingOverflow(size).overflow,
            !userAddress.addingReportingOverflow(size).overflow
        else { return false }
        regions.append(
            unsafe Region(
                guestAddress: guestAddress,
                userAddress: userAddress,
                size: size,
                host: base
            )
        )
        owners.append(owner)
        return true
    }

    /// The longest run of at most `count` bytes from `address` in one region; nil outside memory.
    @inline(__always)
    func piece(guestAddress address: UInt64, count: Int) -> UnsafeMutableRawBufferPointer? {
        for region in regions where address >= region.guestAddress {
            let offset = address - region.guestAddress
            guard offset < region.size else { continue }
            let length = min(UInt64(truncatingIfNeeded: count), region.size - offset)
            return unsafe UnsafeMutableRawBufferPointer(
                start: region.host + Int(offset),
                count: Int(length)
            )
        }
        return nil
    }

    /// All of `count` bytes at an address of the frontend's, aligned to `alignment`; else nil.
    func ring(userAddress address: UInt64, count: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        for region in regions where address >= region.userAddress {
            let offset = address - region.userAddress
            guard offset < region.size, UInt64(count) <= region.size - offset else { continue }
            let pointer = unsafe region.host + Int(offset)
            guard Int(bitPattern: pointer) % alignment == 0 else { return nil }
            return unsafe pointer
        }
        return nil
    }
}

/// A shared mapping of a part of a file, unmapped when the object goes.
@safe final class SharedMapping {
    // SAFETY: `base` and `length` are what mmap returned; nothing else unmaps them.
    private let base: UnsafeMutableRawPointer
    private let length: Int
    /// The part asked for, which need not begin on a page.
    let bytes: UnsafeMutableRawBufferPointer

    /// Maps `size` bytes at `offset`. The C function is `mmap`.
    /// - Throws: `invalidArgument` where the part is empty or beyond the file's end.
    init(file: SharedFD, offset: UInt64, size: UInt64) throws(Errno) {
        let (end, wraps) = offset.addingReportingOverflow(size)
        var status = stat()
        try syscall { unsafe fstat(file.rawValue, &status) }
        guard size > 0, !wraps, end <= UInt64(max(0, status.st_size)) else {
            throw .invalidArgument
        }
        let pageSize = UInt64(max(1, sysconf(CInt(_SC_PAGESIZE))))
        let lead = offset % pageSize
        length = Int(size + lead)
        let address = unsafe mmap(
            nil,
            length,
            PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_NORESERVE,
            file.rawValue,
            off_t(offset - lead)
        )
        // MAP_FAILED is -1, a macro with a cast.
        guard let address = unsafe address, Int(bitPattern: address) != -1 else {
            throw Errno(rawValue: clinux_errno())
        }
        unsafe base = address
        unsafe bytes = UnsafeMutableRawBufferPointer(start: address + Int(lead), count: Int(size))
    }

    deinit { _ = unsafe munmap(base, length) }
}
