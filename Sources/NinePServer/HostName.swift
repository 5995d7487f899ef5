import CLinux
import SystemIO
import SystemPackage

/// One name for a system call: ended by NUL, and on the stack.
struct HostName {
    private var bytes = InlineArray<256, CChar>(repeating: 0)

    init(_ name: Span<UInt8>) throws(Errno) {
        guard name.count <= 255 else { throw .fileNameTooLong }
        for index in name.indices { bytes[index] = CChar(bitPattern: name[index]) }
    }

    /// "/proc/self/fd/N".
    init(procPathOf descriptor: CInt) {
        let folder: StaticString = "/proc/self/fd/"
        var count = folder.utf8CodeUnitCount
        // SAFETY: reads within the literal.
        for index in 0..<count { bytes[index] = unsafe CChar(bitPattern: folder.utf8Start[index]) }
        var power: CInt = 1
        while descriptor / power >= 10 { power *= 10 }
        while power > 0 {
            bytes[count] = CChar(UInt8(ascii: "0")) + CChar(descriptor / power % 10)
            count += 1
            power /= 10
        }
    }

    func withPointer<Result>(
        _ body: (UnsafePointer<CChar>) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        try unsafe bytes.span.withNamePointer(body)
    }
}

/// A name that a node keeps, in memory of its own, which names of about the same length can use one
/// after the other.
@safe struct StoredName: ~Copyable {
    // SAFETY: nil, or `capacity(count)` bytes that belong to this name alone.
    private var memory: UnsafeMutablePointer<UInt8>?
    private var count: UInt8 = 0

    init() { unsafe memory = nil }

    deinit { unsafe memory?.deallocate() }

    /// What malloc gives anyway: its blocks are multiples of 16 bytes, 8 of which it needs itself.
    private static func capacity(_ count: UInt8) -> Int { (Int(count) + 7) / 16 * 16 + 8 }

    /// - Parameter name: at most 255 bytes.
    mutating func set(_ name: Span<UInt8>) {
        let newCount = UInt8(clamping: name.count)
        let capacity = Self.capacity(newCount)
        if unsafe memory == nil || capacity != Self.capacity(count) {
            unsafe memory?.deallocate()
            unsafe memory = .allocate(capacity: capacity)
        }
        count = newCount
        for index in 0..<Int(count) { unsafe memory?[index] = name[index] }
    }

    func withSpan<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let buffer = unsafe UnsafeBufferPointer(start: memory, count: Int(count))
        return try unsafe body(buffer.span)
    }

    func isEqual(to name: Span<UInt8>) -> Bool {
        guard name.count == Int(count) else { return false }
        for index in name.indices {
            if unsafe memory?[index] != name[index] { return false }
        }
        return true
    }
}
