/// Why a payload could not be understood.
package enum WireError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The payload ends before the value does.
    case truncated
    /// The payload goes on after its last value.
    case trailingBytes(Int)
    /// A discriminator that this version does not know.
    case unknownTag(type: String, value: UInt64)
    /// A string that is not UTF-8, or that holds a NUL, which no path or argument can.
    case invalidString
    /// A string or list over the limits of `ControlProtocol`.
    case tooLong(Int)

    package var description: String {
        switch self {
        case .truncated: "message is cut short"
        case .trailingBytes(let count): "\(count) bytes too many in message"
        case .unknownTag(let type, let value): "unknown \(type) \(value)"
        case .invalidString: "string is not UTF-8 without NUL"
        case .tooLong(let count): "string or list of length \(count) is over the limit"
        }
    }
}
