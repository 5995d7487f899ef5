import Checksums
import GuestProtocol

/// Reads a pack in whatever pieces it arrives. Contents are not copied: their ranges in the caller's
/// buffer are told.
package struct PackDecoder: Sendable {
    package enum Event: Equatable, Sendable {
        /// The buffer is used up.
        case needsMore
        case header(PackHeader)
        /// An object begins; its content follows in any number of pieces, then `endOfObject`.
        case object(PackObject)
        /// The next bytes of content: a range of the buffer.
        case content(Range<Int>)
        case endOfObject
        /// The pack is complete. Nothing may follow.
        case end
    }

    private enum State {
        case header
        case head
        /// Zeros to skip, then what comes.
        case padding(Int, content: UInt64)
        case content(UInt64)
        case tail(Int)
        case ended
        case failed(PackError)
    }

    private var state = State.header
    /// The part of a header or head that has arrived.
    private var collected: [UInt8] = []
    /// Bytes of the pack taken so far.
    private var position: UInt64 = 0
    private var header = PackHeader(objectCount: 0, totalBytes: 0, contentBytes: 0)
    private var objectCount: UInt64 = 0
    private var checksum = CRC32C()
    private var hasCommit = false

    package init() {}

    /// The next event.
    /// - Parameters:
    ///   - bytes: the next bytes of the pack; the same buffer until `needsMore`.
    ///   - offset: how much of them is used up; moved.
    package mutating func next(
        _ bytes: RawSpan,
        _ offset: inout Int
    ) throws(PackError) -> Event {
        do throws(PackError) {
            return try step(bytes, &offset)
        } catch {
            state = .failed(error)
            throw error
        }
    }

    /// The stream has ended: throws unless the pack is complete.
    package func finish() throws(PackError) {
        switch state {
        case .ended: return
        case .failed(let error): throw error
        default: throw .truncated
        }
    }

    private mutating func step(_ bytes: RawSpan, _ offset: inout Int) throws(PackError) -> Event {
        guard offset >= 0, offset <= bytes.byteCount else { throw .damaged("offset") }
        while true {
            switch state {
            case .header:
                guard collect(PackFormat.headerLength, bytes, &offset) else { return .needsMore }
                header = try parseHeader()
                startRecord()
                return .header(header)
            case .head: return try stepHead(bytes, &offset)
            case .padding(let count, let content):
                let rest = skip(count, bytes, &offset)
                if rest > 0 {
                    state = .padding(rest, content: content)
                    return .needsMore
                }
                state = .content(content)
            case .content(0):
                state = .tail(PackFormat.padding(after: position, to: PackFormat.recordAlignment))
                return .endOfObject
            case .content(let left):
                let available = bytes.byteCount - offset
                guard available > 0 else { return .needsMore }
                let count = Int(min(UInt64(available), left))
                defer { offset += count }
                position += UInt64(count)
                state = .content(left - UInt64(count))
                return .content(offset..<offset + count)
            case .tail(let count):
                let rest = skip(count, bytes, &offset)
                if rest > 0 {
                    state = .tail(rest)
                    return .needsMore
                }
                startRecord()
            case .ended:
                if offset < bytes.byteCount { throw .damaged("bytes behind its end") }
                return .needsMore
            case .failed(let error): throw error
            }
        }
    }

    private mutating func startRecord() {
        collected.removeAll(keepingCapacity: true)
        state = .head
    }

    private mutating func stepHead(
        _ bytes: RawSpan,
        _ offset: inout Int
    ) throws(PackError) -> Event {
        guard collect(8, bytes, &offset) else { return .needsMore }
        var reader = WireReader(collected)
        let length = Int(try read { () throws(WireError) in try reader.integer(UInt32.self) })
        guard length >= 8, length <= PackFormat.maximumHead else { throw .damaged("head length") }
        guard collect(length, bytes, &offset) else { return .needsMore }
        switch collected[4] {
        case PackFormat.abortKind:
            throw .aborted(String(decoding: collected[8..<length], as: UTF8.self))
        case PackFormat.trailerKind:
            try checkTrailer()
            state = .ended
            return .end
        default: break
        }
        if hasCommit { throw .damaged("an object behind the commit") }
        let object = try PackObject(head: collected)
        checksum.update(collected)
        objectCount += 1
        hasCommit = object.kind == .commit
        let padding = PackFormat.padding(
            after: position,
            to: PackFormat.contentAlignment(object.contentLength)
        )
        guard position <= header.totalBytes,
            UInt64(padding) <= header.totalBytes - position,
            object.contentLength <= header.totalBytes - position - UInt64(padding)
        else { throw .damaged("content beyond its end") }
        state = .padding(padding, content: object.contentLength)
        return .object(object)
    }

    private func parseHeader() throws(PackError) -> PackHeader {
        guard collected.starts(with: PackFormat.magic) else { throw .notAPack }
        var reader = WireReader(collected[PackFormat.magic.count...])
        var sum = CRC32C()
        sum.update(Array(collected[..<40]))
        return try read { () throws(WireError) -> Result<PackHeader, PackError> in
            let version: UInt32 = try reader.integer()
            let reserved: UInt32 = try reader.integer()
            let header = PackHeader(
                objectCount: try reader.integer(),
                totalBytes: try reader.integer(),
                contentBytes: try reader.integer()
            )
            let expected: UInt32 = try reader.integer()
            let reserved2: UInt32 = try reader.integer()
            if version != PackFormat.version { return .failure(.unsupportedVersion(version)) }
            guard expected == sum.value, reserved == 0, reserved2 == 0 else {
                return .failure(.damaged("header"))
            }
            return .success(header)
        }.get()
    }

    private func checkTrailer() throws(PackError) {
        guard collected.count == PackFormat.trailerLength else { throw .damaged("trailer") }
        var reader = WireReader(collected[8...])
        let (count, sum, reserved) = try read {
            () throws(WireError) -> (UInt64, UInt32, UInt32) in
            (try reader.integer(), try reader.integer(), try reader.integer())
        }
        guard hasCommit else { throw .damaged("no commit") }
        guard count == objectCount, count == header.objectCount else {
            throw .damaged("it has \(objectCount) objects, not \(header.objectCount)")
        }
        guard sum == checksum.value, reserved == 0 else { throw .damaged("checksum of the heads") }
        guard position == header.totalBytes else { throw .damaged("its length") }
    }

    /// Collects until there are `count` bytes of a header or head.
    private mutating func collect(_ count: Int, _ bytes: RawSpan, _ offset: inout Int) -> Bool {
        let missing = count - collected.count
        guard missing > 0 else { return true }
        let taken = min(missing, bytes.byteCount - offset)
        // SAFETY: the range lies within the span.
        unsafe bytes.withUnsafeBytes {
            unsafe collected.append(contentsOf: $0[offset..<offset + taken])
        }
        offset += taken
        position += UInt64(taken)
        return taken == missing
    }

    /// - Returns: how many of `count` bytes are still to come.
    private mutating func skip(_ count: Int, _ bytes: RawSpan, _ offset: inout Int) -> Int {
        let taken = min(count, bytes.byteCount - offset)
        offset += taken
        position += UInt64(taken)
        return count - taken
    }
}

/// Within a collected head every reading error is damage.
func read<Value>(_ body: () throws(WireError) -> Value) throws(PackError) -> Value {
    do throws(WireError) {
        return try body()
    } catch {
        throw .damaged("\(error)")
    }
}
