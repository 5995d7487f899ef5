/// What must never happen has happened.
package struct Violation: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Throws when `condition` does not hold.
package func require(
    _ condition: Bool,
    _ text: @autoclosure () -> String
) throws(Violation) {
    if !condition { throw Violation(text()) }
}
