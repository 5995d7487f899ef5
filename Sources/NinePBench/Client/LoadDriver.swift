import CLinux
import NineP
import SystemIO
import SystemPackage

/// Keeps many requests outstanding on several connections, from one thread.
final class LoadDriver {
    private let workload: Workload
    private let checking: Checking
    private let paths: [[[UInt8]]]
    private let passes: Int
    private let messageSize: UInt32
    private var next = 0
    private var connections: [LoadConnection] = []
    private var largeSize: UInt64 = 0
    private var busy = 0

    private(set) var operations = 0
    private(set) var byteCount = 0
    /// Of all data that is checked, and of the listings' names.
    private(set) var sum = DataSum()

    init(_ workload: Workload, on server: ServerProcess, _ load: Load) throws {
        self.workload = workload
        checking = load.checking
        messageSize = load.messageSize
        paths = workload.paths
        passes = load.passes
        for _ in 0..<load.connections {
            let connection = try LoadConnection(
                server.socket,
                messageSize: load.messageSize,
                depth: load.depth,
                readAhead: Self.readAhead(workload, load)
            )
            try connection.attach(server.attachName)
            if case .sequential(let file) = workload {
                largeSize = try connection.openLarge(file.path)
            }
            connections.append(connection)
        }
    }

    /// So much that small replies come together, and no data that is to be dropped comes with them.
    private static func readAhead(_ workload: Workload, _ load: Load) -> Int {
        switch (workload, load.checking) {
        case (.sequential, .sampled): Protocol9P.readHeaderSize
        case (.smallFiles, .sampled): 4096
        default: 256 << 10
        }
    }

    func run() throws {
        for connection in connections {
            for slot in connection.slots.indices { start(connection, slot) }
            try connection.flush()
        }
        var polled = connections.map {
            pollfd(fd: $0.socket.rawValue, events: Int16(POLLIN), revents: 0)
        }
        while busy > 0 || connections.contains(where: \.isDiscarding) {
            try syscall { unsafe poll(&polled, nfds_t(polled.count), -1) }
            for (index, connection) in connections.enumerated() where polled[index].revents != 0 {
                // Some turns each, so that the connections go on together.
                for _ in 0..<16 {
                    guard try receive(connection) else { break }
                }
                try connection.flush()
            }
        }
    }

    private func receive(_ connection: LoadConnection) throws -> Bool {
        try unsafe connection.receive(
            discard: { !checking.isChecked(connection.slots[$0].item) }
        ) { slot, type, body in
            try unsafe advance(connection, slot, type, body)
        }
    }

    /// Gives a slot its next item, if there is one.
    private func start(_ connection: LoadConnection, _ slot: Int) {
        if case .sequential = workload {
            let chunk = UInt64(messageSize - 24)
            let chunks = Int((largeSize + chunk - 1) / chunk)
            guard next < chunks * passes else { return }
            let offset = UInt64(next % chunks) * chunk
            let count = min(chunk, largeSize - offset)
            connection.slots[slot].item = next % chunks
            connection.slots[slot].wanted = Int(count)
            next += 1
            busy += 1
            connection.request(slot) {
                $0.readRequest(
                    .tread,
                    tag: $1,
                    fid: LoadConnection.largeFid,
                    offset: offset,
                    count: UInt32(count)
                )
            }
            return
        }
        guard next < paths.count * passes else { return }
        let item = next % paths.count
        let path = paths[item]
        connection.slots[slot].item = item
        next += 1
        busy += 1
        connection.slots[slot].offset = 0
        connection.request(slot) {
            $0.twalk(tag: $1, fid: 0, newFid: UInt32($1) + 1, names: path)
        }
    }

    private func finish(_ connection: LoadConnection, _ slot: Int) {
        operations += 1
        busy -= 1
        start(connection, slot)
    }

    private func advance(
        _ connection: LoadConnection,
        _ slot: Int,
        _ type: MessageType,
        _ body: UnsafeRawBufferPointer
    ) throws {
        let fid = UInt32(slot) + 1
        switch (workload, type) {
        case (.sequential, .rread):
            guard try unsafe data(body, connection.slots[slot]) == connection.slots[slot].wanted
            else { throw BenchFailure("a read was answered with less than there is") }
            finish(connection, slot)
        case (.walkAndStat, .rwalk):
            connection.request(slot) { $0.tgetattr(tag: $1, fid: fid, mask: 0x7ff) }
        case (.smallFiles, .rwalk), (.listing, .rwalk):
            connection.request(slot) { $0.tlopen(tag: $1, fid: fid, flags: 0) }
        case (.smallFiles, .rlopen): read(connection, slot)
        case (.listing, .rlopen): list(connection, slot)
        case (.smallFiles, .rread):
            let count = try unsafe data(body, connection.slots[slot])
            connection.slots[slot].offset += UInt64(count)
            if count == 0 { clunk(connection, slot) } else { read(connection, slot) }
        case (.listing, .rreaddir):
            if let cookie = unsafe lastCookie(body) {
                connection.slots[slot].offset = cookie
                list(connection, slot)
            } else {
                clunk(connection, slot)
            }
        case (_, .rgetattr): clunk(connection, slot)
        case (_, .rclunk): finish(connection, slot)
        default: throw BenchFailure("\(workload.name): \(type) was not expected")
        }
    }

    private func read(_ connection: LoadConnection, _ slot: Int) {
        let offset = connection.slots[slot].offset
        connection.request(slot) {
            $0.readRequest(
                .tread,
                tag: $1,
                fid: UInt32(slot) + 1,
                offset: offset,
                count: messageSize - 24
            )
        }
    }

    private func list(_ connection: LoadConnection, _ slot: Int) {
        let offset = connection.slots[slot].offset
        connection.request(slot) {
            $0.readRequest(
                .treaddir,
                tag: $1,
                fid: UInt32(slot) + 1,
                offset: offset,
                count: messageSize - 24
            )
        }
    }

    private func clunk(_ connection: LoadConnection, _ slot: Int) {
        connection.request(slot) { $0.fidRequest(.tclunk, tag: $1, fid: UInt32(slot) + 1) }
    }

    /// Takes an Rread's data, of which there may be less here than was sent, if it is not checked.
    /// - Returns: how much was sent, in bytes.
    private func data(
        _ body: UnsafeRawBufferPointer,
        _ slot: LoadConnection.Slot
    ) throws -> Int {
        var reader = unsafe WireReader(body)
        let count = Int(reader.u32())
        if checking.isChecked(slot.item) {
            let data = unsafe UnsafeRawBufferPointer(rebasing: body.dropFirst(4))
            guard data.count == count else { throw BenchFailure("an Rread contradicts itself") }
            unsafe sum.add(data)
        }
        byteCount += count
        return count
    }

    private func lastCookie(_ body: UnsafeRawBufferPointer) -> UInt64? {
        var reader = unsafe WireReader(UnsafeRawBufferPointer(rebasing: body.dropFirst(4)))
        var cookie: UInt64?
        while reader.remaining > 0 {
            let entry = ReplyDirectoryEntry(from: &reader)
            if reader.failed { return nil }
            cookie = entry.cookie
            byteCount += 1
            // "." and ".." come in any order; only the names count for the sum.
            sum.add(UInt64(entry.name.count))
        }
        return cookie
    }
}
