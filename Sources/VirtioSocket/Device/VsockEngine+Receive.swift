import ByteStream

/// Packets to the guest.
extension VsockEngine {
    /// Packets of one stream before the guest sees them and the next stream has its turn.
    private static let packetsPerBatch = 64
    private static let batchesPerPass = 4

    /// Fills receive buffers with replies, then with the streams' bytes in turn.
    /// - Returns: whether there is more to send and room for it.
    func fillReceiveBuffers() throws(RingError) -> Bool {
        guard receiveQueue != nil, mayFill() else { return false }
        defer { publishReceived() }
        var hasRoom = try sendReplies()
        for _ in 0..<Self.batchesPerPass where hasRoom && !ready.isEmpty {
            let stream = ready.removeFirst()
            stream.isReady = false
            hasRoom = try sendBatch(of: stream)
            settle(stream)
            publishReceived()
            if hasRoom { hasRoom = try sendReplies() }
        }
        if hasRoom { return !ready.isEmpty }
        // Out of buffers: the guest's kick tells of new ones.
        return starve()
    }

    /// The guest has no receive buffer left: asks for a kick when there are enough new ones.
    ///
    /// Filling each as it comes would wake the guest's reader for every packet, and each time it has
    /// read all there is, Linux sends a credit update. Drivers refill in large portions anyway.
    private func starve() -> Bool {
        let packets = ready.reduce(replies.count) { $0 + $1.outgoing.byteCount / 4096 + 1 }
        let quarter = receiveQueue.map { Int($0.size / 4) } ?? 1
        let needed = UInt16(max(1, min(packets, quarter)))
        starvation = Starvation(needed: needed, since: MonotonicClock.now())
        return receiveQueue?.enableKicks(count: needed) ?? false
    }

    /// Whether a starved guest has enough buffers again, or was given time enough for it.
    private func mayFill() -> Bool {
        guard let starvation else { return true }
        let count = receiveQueue?.availableCount ?? 0
        guard count > 0 else { return false }
        if count < starvation.needed {
            let waited = MonotonicClock.now() &- starvation.since
            guard waited >= limits.starvationDelay else { return false }
        }
        self.starvation = nil
        return true
    }

    /// - Returns: false when the guest has no buffer left.
    private func sendReplies() throws(RingError) -> Bool {
        var sent = 0
        defer { replies.removeSubrange(..<sent) }
        for reply in replies {
            guard let head = try nextReceiveBuffer() else { return false }
            chain.write(reply)
            receiveQueue?.complete(head: head, count: VsockHeader.size)
            sent += 1
        }
        return true
    }

    /// Sends packets of one stream's bytes. Where a file turns out to be unreadable the guest gets
    /// nothing in its place: the message's length is promised, so the connection ends.
    /// - Returns: false when the guest has no buffer left.
    private func sendBatch(of stream: VsockStream) throws(RingError) -> Bool {
        let start = receiveQueue?.position
        var count = 0
        let hasRoom = Result { () throws(RingError) in try fillBatch(of: stream, &count) }
        let failure = fileReader.finish()
        stream.connection.delivered(count)
        guard let failure else { return try hasRoom.get() }
        if let start { receiveQueue?.rewind(to: start) }
        report("a file that is being sent cannot be read: \(failure)")
        apply(.violation, to: stream)
        return true
    }

    /// Full packets, as long as there are bytes, credit and buffers.
    /// - Returns: false when the guest has no buffer left.
    private func fillBatch(
        of stream: VsockStream,
        _ count: inout Int
    ) throws(RingError) -> Bool {
        for _ in 0..<Self.packetsPerBatch where stream.canSend {
            guard let head = try nextReceiveBuffer() else { return false }
            let length = min(
                chain.writableCount - VsockHeader.size,
                stream.credit.sendable,
                stream.outgoing.byteCount
            )
            var header = header(VsockHeader.Operation.readWrite, on: stream)
            header.count = UInt32(length)
            chain.write(header)
            unsafe chain.forEachWritablePiece(count: length) { unsafe fill($0, from: stream) }
            stream.credit.send(length)
            receiveQueue?.complete(head: head, count: VsockHeader.size + length)
            count += length
        }
        return true
    }

    /// Fills one guest buffer from the front of the stream's queue, which has enough.
    private func fill(_ target: UnsafeMutableRawBufferPointer, from stream: VsockStream) {
        var done = 0
        while done < target.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[done...])
            let count: Int
            switch unsafe stream.outgoing.piece(limit: rest.count) {
            case .bytes(let bytes):
                unsafe rest.copyMemory(from: bytes)
                count = bytes.count
            case .file(let file, let offset, let length):
                unsafe fileReader.add(
                    file,
                    offset: offset,
                    target: UnsafeMutableRawBufferPointer(rebasing: rest[..<length])
                )
                count = length
            case nil: return
            }
            stream.outgoing.advance(count)
            done += count
        }
    }

    /// The next receive buffer, in `chain`. One that cannot hold a byte of payload breaks the
    /// specification (virtio 1.2, 5.10.6.2).
    private func nextReceiveBuffer() throws(RingError) -> UInt16? {
        guard let head = try receiveQueue?.next(into: &chain, memory: memory) else { return nil }
        guard chain.writableCount > VsockHeader.size else {
            throw .shortBuffer(chain.writableCount)
        }
        return head
    }

    private func publishReceived() {
        if receiveQueue?.publish() == true { interrupt(Self.receiveIndex) }
    }
}
