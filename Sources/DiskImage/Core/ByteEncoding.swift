/// Little- and big-endian stores into byte arrays: every format of this module is made of these.
extension Array where Element == UInt8 {
    /// Stores `value` at `offset`, least significant byte first. `offset` must be inside.
    @inline(__always)
    mutating func putLE<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        let size = T.bitWidth / 8
        for i in 0..<size { self[offset + i] = UInt8(truncatingIfNeeded: value >> T(8 * i)) }
    }

    /// Stores `value` at `offset`, most significant byte first. `offset` must be inside.
    @inline(__always)
    mutating func putBE<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        let size = T.bitWidth / 8
        for i in 0..<size {
            self[offset + i] = UInt8(truncatingIfNeeded: value >> T(8 * (size - 1 - i)))
        }
    }

    /// The integer stored least significant byte first at `offset`; `offset` must be inside.
    @inline(__always)
    func getLE<T: FixedWidthInteger>(_: T.Type, at offset: Int) -> T {
        var value: T = 0
        for i in 0..<(T.bitWidth / 8) {
            value |= T(truncatingIfNeeded: self[offset + i]) << T(8 * i)
        }
        return value
    }

    /// The integer stored most significant byte first at `offset`; `offset` must be inside.
    @inline(__always)
    func getBE<T: FixedWidthInteger>(_: T.Type, at offset: Int) -> T {
        getLE(T.self, at: offset).byteSwapped
    }

    mutating func put(_ bytes: some Collection<UInt8>, at offset: Int) {
        replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }
}

extension FixedWidthInteger {
    /// The quotient rounded up; for counts (neither operand negative, divisor not 0).
    @inline(__always)
    func dividedRoundingUp(by divisor: Self) -> Self {
        let (q, r) = quotientAndRemainder(dividingBy: divisor)
        return r == 0 ? q : q + 1
    }

    /// The next multiple of `alignment`, or self.
    @inline(__always)
    func roundedUp(to alignment: Self) -> Self { dividedRoundingUp(by: alignment) * alignment }
}
