import ByteStream

/// Packets from the guest.
extension VsockEngine {
    /// How many packets are taken before replies go out: few, so that the first reply does not wait
    /// for the last request.
    private static let packetsPerPass = 8

    /// Takes packets from the transmit queue.
    /// - Returns: whether there are more.
    func takeTransmitted() throws(RingError) -> Bool {
        guard transmitQueue != nil else { return false }
        for _ in 0..<Self.packetsPerPass {
            // Whoever asks faster than it takes the answers has to wait. Freed receive buffers come
            // with a kick of their own.
            isTransmitPaused = replies.count >= limits.replies
            if isTransmitPaused { return false }
            guard let head = try transmitQueue?.next(into: &chain, memory: memory) else {
                return transmitQueue?.enableKicks() ?? false
            }
            if let header = chain.header() { take(header) }
            transmitQueue?.complete(head: head, count: 0)
            publishTransmittedIfMany()
        }
        return true
    }

    /// Shows the guest its used transmit buffers. It has no hurry to get them back, and each time
    /// may cost it an interrupt: this waits until a quarter of the queue is used, or for `tick`.
    /// A packet takes two of its descriptors, so that half of the queue stays free.
    private func publishTransmittedIfMany() {
        guard let queue = transmitQueue, queue.unpublishedCount >= max(1, queue.size / 4) else {
            return
        }
        publishTransmitted()
    }

    func publishTransmitted() {
        if transmitQueue?.publish() == true { interrupt(Self.transmitIndex) }
    }

    private func take(_ header: VsockHeader) {
        // As vhost does, drop what is not from this guest to this host.
        guard header.sourceCID == guestCID, header.destinationCID == VsockHeader.hostCID else {
            return
        }
        let key = StreamKey(guestPort: header.sourcePort, hostPort: header.destinationPort)
        guard header.type == VsockHeader.streamType else { return refuse(header) }
        if header.operation == VsockHeader.Operation.request {
            if let old = streams[key] { apply(.guestReset, to: old) }
            accept(key, header)
        } else if let stream = streams[key] {
            take(header, on: stream)
        } else {
            refuse(header)
        }
    }

    /// Answers with RST, unless the packet is one.
    private func refuse(_ header: VsockHeader) {
        guard header.operation != VsockHeader.Operation.reset else { return }
        replies.append(
            VsockHeader(
                sourceCID: VsockHeader.hostCID,
                destinationCID: guestCID,
                sourcePort: header.destinationPort,
                destinationPort: header.sourcePort,
                type: header.type,
                operation: VsockHeader.Operation.reset
            )
        )
    }

    private func accept(_ key: StreamKey, _ header: VsockHeader) {
        guard let service = services[key.hostPort], streams.count < limits.connections else {
            return refuse(header)
        }
        let connection = VsockConnection(key: key, guestCID: guestCID, mailbox: mailbox)
        guard let handler = service.accept(connection) else {
            for message in connection.shut() { message.buffer.recycle() }
            return refuse(header)
        }
        let stream = VsockStream(
            connection: connection,
            handler: handler,
            credit: StreamCredit(allocation: limits.allocation)
        )
        stream.credit.update(from: header)
        add(stream)
        reply(VsockHeader.Operation.response, on: stream)
    }

    private func take(_ header: VsockHeader, on stream: VsockStream) {
        stream.credit.update(from: header)
        switch header.operation {
        case VsockHeader.Operation.readWrite: takeData(header, on: stream)
        case VsockHeader.Operation.creditRequest:
            reply(VsockHeader.Operation.creditUpdate, on: stream)
        case VsockHeader.Operation.shutdown:
            apply(.guestShutdown(ShutdownFlags(rawValue: header.flags)), to: stream)
            if !stream.hasBacklog { apply(.inputDrained, to: stream) }
        case VsockHeader.Operation.reset: apply(.guestReset, to: stream)
        case VsockHeader.Operation.creditUpdate: break
        default: apply(.violation, to: stream)
        }
        settle(stream)
    }

    private func takeData(_ header: VsockHeader, on stream: VsockStream) {
        let count = Int(header.count)
        guard count <= chain.readableCount - VsockHeader.size,
            stream.credit.receive(header.count)
        else { return apply(.violation, to: stream) }
        if stream.state.takesInput {
            unsafe chain.forEachPayloadPiece(count: count) { unsafe stream.offer($0) }
        } else {
            stream.discard(count)
        }
        if stream.credit.needsUpdate { reply(VsockHeader.Operation.creditUpdate, on: stream) }
    }

    /// Queues a packet without payload on a connection.
    func reply(_ operation: UInt16, on stream: VsockStream, flags: ShutdownFlags = []) {
        var header = header(operation, on: stream)
        header.flags = flags.rawValue
        replies.append(header)
    }

    /// A header to the guest that says how much room it has.
    func header(_ operation: UInt16, on stream: VsockStream) -> VsockHeader {
        var header = VsockHeader(
            sourceCID: VsockHeader.hostCID,
            destinationCID: guestCID,
            sourcePort: stream.key.hostPort,
            destinationPort: stream.key.guestPort,
            operation: operation
        )
        stream.credit.advertise(in: &header)
        return header
    }
}
