/// Memory for one object's contents, kept from one to the next.
@safe struct ContentBuffer: ~Copyable {
    private var storage = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// Beyond this a buffer is given back at the next use.
    private static let kept = 8 << 20

    /// Memory of exactly `count` bytes, valid until the next call.
    mutating func bytes(count: Int) -> UnsafeMutableRawBufferPointer {
        let fits = unsafe storage.count >= count
        let isLarge = unsafe storage.count > Self.kept && count <= Self.kept
        if !fits || isLarge {
            unsafe storage.deallocate()
            let size = count <= Self.kept ? max(count, 1 << 20) : count
            unsafe storage = .allocate(byteCount: size, alignment: 4096)
        }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: storage[..<count])
    }

    deinit { unsafe storage.deallocate() }
}
