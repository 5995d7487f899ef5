package import SystemPackage

extension Span where Element == CChar {
    /// The address of a name that ends with NUL, as system calls take it; EINVAL for an empty span.
    package func withNamePointer<Result>(
        _ body: (UnsafePointer<CChar>) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        try unsafe withUnsafeBufferPointer { (buffer) throws(Errno) in
            guard let base = buffer.baseAddress else { throw .invalidArgument }
            return try unsafe body(base)
        }
    }
}
