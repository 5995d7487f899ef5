/// The last bytes of a stream.
struct OutputTail {
    private let capacity: Int
    private var kept: [UInt8] = []

    init(capacity: Int) { self.capacity = capacity }

    mutating func append(_ more: some Collection<UInt8>) {
        kept += more.suffix(capacity)
        // Cut now and then, not at each append.
        if kept.count > 2 * capacity { kept.removeFirst(kept.count - capacity) }
    }

    var bytes: [UInt8] { Array(kept.suffix(capacity)) }
}
