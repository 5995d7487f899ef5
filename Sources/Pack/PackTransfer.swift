import ByteStream
import OSTree
import PackFormat
import SystemIO
import SystemPackage

/// One connection: takes the receiver's inventory, then sends the pack.
///
/// Workers claim batches in order and fill them at once; whoever finishes the batch that is due sends
/// it and those ready behind it. A batch is claimed only while the bytes on the way (claimed and not
/// yet in the receiver's hands) stay below a limit, so a slow receiver holds the workers. A long
/// record's worker waits until it is due, and sends it piece by piece.
final class PackTransfer: StreamHandler {
    private enum Stage {
        /// The receiver tells what it has; commits only at first, for they may not be known.
        case inventory(mayBeCommits: Bool)
        case pack
    }

    private struct State {
        var stage = Stage.inventory(mayBeCommits: true)
        /// As far as it has come.
        var inventory: [UInt8] = []
        var plan: PackPlan?
        var nextBatch = 0
        var bytesOnTheWay = 0
        /// Filled batches that are not due yet, by index.
        var filled: [Int: MessageBuffer] = [:]
        var nextToSend = 0
        var isSending = false
        /// Of a long record: filled and not yet in the receiver's hands.
        var piecesOnTheWay = 0
        /// The first batch that could not be filled.
        var failedBatch: Int?
        var failure = ""
        var isOver = false
        var delivered = PackProgress(objects: 0, totalObjects: 0, bytes: 0, totalBytes: 0)

        /// The inventory, once it is whole. Nothing is expected behind it.
        mutating func take(_ bytes: [UInt8]) -> Result<PackInventory?, PackError> {
            guard case .inventory(let mayBeCommits) = stage else {
                return .failure(.damaged("bytes behind the inventory"))
            }
            inventory += bytes
            return Result { () throws(PackError) in
                guard let length = try PackInventory.length(inventory), inventory.count >= length
                else { return nil }
                let whole = try PackInventory(decoding: inventory)
                guard whole.scope == .objects || mayBeCommits else {
                    throw .damaged("commits instead of a list")
                }
                stage = .pack
                inventory = []
                return whole
            }
        }
    }

    /// Bytes on the way.
    private static let memoryLimit = 32 << 20

    private let source: PackSource
    private let connection: any StreamConnection
    private let workers: Int
    private let onProgress: @Sendable (PackProgress) -> Void
    private let onFailure: @Sendable (OSTreeError) -> Void
    private let monitor = Monitor(State())

    init(
        source: PackSource,
        connection: any StreamConnection,
        workers: Int,
        onProgress: @escaping @Sendable (PackProgress) -> Void,
        onFailure: @escaping @Sendable (OSTreeError) -> Void
    ) {
        self.source = source
        self.connection = connection
        self.workers = workers
        self.onProgress = onProgress
        self.onFailure = onFailure
    }

    // MARK: The carrier's calls

    func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        let copy = unsafe Array(bytes)
        do {
            if let inventory = try monitor.update({ $0.take(copy) }).get() {
                _ = try Thread(name: "pack") { self.start(with: inventory) }
            }
        } catch {
            connection.close()
        }
        return bytes.count
    }

    func closed() {
        let unsent = monitor.update { state in
            state.isOver = true
            defer { state.filled = [:] }
            return Array(state.filled.values)
        }
        for buffer in unsent { buffer.recycle() }
    }

    // MARK: Workers

    private func start(with inventory: PackInventory) {
        switch inventory.scope {
        case .objects: start(without: Set(inventory.entries))
        case .commits:
            if let present = source.objects(of: inventory.entries) {
                return start(without: present)
            }
            monitor.update { $0.stage = .inventory(mayBeCommits: false) }
            send(PackInventory.listRequest)
        }
    }

    private func start(without present: Set<PackInventory.Entry>) {
        let plan: PackPlan
        do {
            plan = try PackPlan(try source.allItems(), without: present)
        } catch let error as OSTreeError {
            onFailure(error)
            return abort("\(error)", isFirst: true)
        } catch {
            return abort("\(error)", isFirst: true)
        }
        send(plan.header)
        monitor.update { state in
            state.plan = plan
            state.delivered.totalObjects = Int(clamping: plan.figures.objectCount)
            state.delivered.totalBytes = plan.figures.totalBytes
        }
        for _ in 1..<workers { _ = try? Thread(name: "pack") { self.work(plan) } }
        work(plan)
    }

    private func work(_ plan: PackPlan) {
        while let index = claim(plan) {
            let batch = plan.batches[index]
            if batch.long != nil {
                sendLong(index, plan)
                continue
            }
            let buffer = MessageBufferPool(capacity: batch.byteCount, limit: 0) { [weak self] in
                self?.delivered(batch)
            }.take()
            do throws(OSTreeError) {
                try plan.fill(batch, from: source.repository, into: buffer)
                finish(index, buffer, plan)
            } catch {
                buffer.recycle()
                fail(index, error, plan)
            }
        }
    }

    /// The next batch to fill, once there is room for it; nil when there is none.
    private func claim(_ plan: PackPlan) -> Int? {
        monitor.wait { state -> Int?? in
            let index = state.nextBatch
            if state.isOver || state.failedBatch != nil || index >= plan.batches.count {
                return .some(nil)
            }
            let memory = plan.batches[index].memory
            guard state.bytesOnTheWay == 0 || state.bytesOnTheWay + memory <= Self.memoryLimit
            else { return nil }
            state.nextBatch += 1
            state.bytesOnTheWay += memory
            return index
        }
    }

    private func finish(_ index: Int, _ buffer: MessageBuffer, _ plan: PackPlan) {
        let isTaken = monitor.update { state in
            if !state.isOver { state.filled[index] = buffer }
            return !state.isOver
        }
        if isTaken { sendDue(plan) } else { buffer.recycle() }
    }

    /// Sends a long record once it is due.
    private func sendLong(_ index: Int, _ plan: PackPlan) {
        let batch = plan.batches[index]
        let isDue = monitor.wait { state -> Bool? in
            if state.isOver || state.failedBatch ?? .max < index { return false }
            guard state.nextToSend == index, !state.isSending else { return nil }
            state.isSending = true
            return true
        }
        guard isDue else { return }
        do throws(OSTreeError) {
            try plan.fillInPieces(
                batch,
                from: source.repository,
                take: { takePiece(capacity: $0) },
                send: { connection.send(OutgoingMessage($0)) }
            )
        } catch {
            // The receiver is in the middle of a record: it sees the pack end early, and why is told
            // here.
            onFailure(error)
            monitor.update { $0.isOver = true }
            return connection.close()
        }
        // Its last pieces are still on the way: they count by themselves.
        monitor.update { state in
            state.nextToSend += 1
            state.isSending = false
            state.bytesOnTheWay -= batch.memory
            state.delivered.objects += 1
        }
        sendDue(plan)
    }

    /// A buffer for a piece of a long record, once few enough are on the way; nil when all is over.
    private func takePiece(capacity: Int) -> MessageBuffer? {
        let isFree = monitor.wait { state -> Bool? in
            if state.isOver { return false }
            guard state.piecesOnTheWay < PackPlan.piecesOnTheWay else { return nil }
            state.piecesOnTheWay += 1
            return true
        }
        guard isFree else { return nil }
        return MessageBufferPool(capacity: capacity, limit: 0) { [weak self] in
            self?.deliveredPiece(capacity)
        }.take()
    }

    private func fail(_ index: Int, _ error: OSTreeError, _ plan: PackPlan) {
        let isFirst = monitor.update { state in
            guard index < state.failedBatch ?? .max else { return false }
            state.failedBatch = index
            state.failure = "\(error)"
            return true
        }
        if isFirst { onFailure(error) }
        sendDue(plan)
    }

    private enum Due {
        case batch(MessageBuffer)
        case failure(String)
        case end
    }

    /// Sends what is due, unless another thread is at it: that one will see what has come.
    private func sendDue(_ plan: PackPlan) {
        var isFirst = true
        while true {
            let due = monitor.update { state -> Due? in
                if state.isOver || (isFirst && state.isSending) { return nil }
                isFirst = false
                state.isSending = false
                let index = state.nextToSend
                if let buffer = state.filled.removeValue(forKey: index) {
                    state.nextToSend += 1
                    state.isSending = true
                    return .batch(buffer)
                }
                if index == state.failedBatch {
                    state.isOver = true
                    return .failure(state.failure)
                }
                guard index == plan.batches.count else { return nil }
                state.isOver = true
                return .end
            }
            switch due {
            case .batch(let buffer): connection.send(OutgoingMessage(buffer))
            case .failure(let reason): return abort(reason)
            case .end:
                send(plan.trailer)
                return connection.close()
            case nil: return
            }
        }
    }

    // MARK: Sending

    private func delivered(_ batch: PackPlan.Batch) {
        let progress = monitor.update { state in
            state.bytesOnTheWay -= batch.memory
            state.delivered.objects += batch.entries.count
            state.delivered.bytes += UInt64(batch.byteCount)
            return state.delivered
        }
        onProgress(progress)
    }

    private func deliveredPiece(_ byteCount: Int) {
        let progress = monitor.update { state in
            state.piecesOnTheWay -= 1
            state.delivered.bytes += UInt64(byteCount)
            return state.delivered
        }
        onProgress(progress)
    }

    private func abort(_ reason: String, isFirst: Bool = false) {
        send(PackEncoder.abort(reason, isFirst: isFirst))
        connection.close()
    }

    private func send(_ bytes: [UInt8]) {
        let buffer = MessageBuffer(capacity: bytes.count)
        unsafe buffer.whole.copyBytes(from: bytes)
        buffer.count = bytes.count
        connection.send(OutgoingMessage(buffer))
    }
}
