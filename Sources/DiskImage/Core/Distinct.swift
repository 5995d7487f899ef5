/// Values that many things have in common: each kept once, and known by its number. Inlinable, since a
/// tree asks for a million of them.
package struct Distinct<Value: Hashable & Sendable>: Sendable {
    @usableFromInline var values: [Value] = []
    @usableFromInline var numbers: [Value: UInt32] = [:]

    @inlinable package init() {}

    package var count: Int { values.count }

    /// The number of a value, which is its own from now on.
    @inlinable package mutating func number(of value: Value) -> UInt32 {
        if let known = numbers[value] { return known }
        let number = UInt32(values.count)
        values.append(value)
        numbers[value] = number
        return number
    }

    @inlinable package subscript(number: UInt32) -> Value { values[Int(number)] }
}
