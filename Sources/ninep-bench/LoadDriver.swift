import CLinux
import NineP
import SystemIO
import SystemPackage

/// What a run does; each item is one operation.
enum Workload {
    /// One file from start to end, by as many requests at once as are allowed.
    case sequential([[UInt8]])
    /// Walk, open, read to the end, clunk.
    case smallFiles([[[UInt8]]])
    /// Walk, getattr, clunk.
    case walkAndStat([[[UInt8]]])
    /// Walk, open, readdir to the end, clunk.
    case listing([[[UInt8]]])

    var name: String {
        switch self {
        case .sequential: "sequential"
        case .smallFiles: "small-files"
        case .walkAndStat: "walk-getattr"
        case .listing: "readdir"
        }
    }
}

struct ProtocolFailure: Error {
    let what: String
}

/// Keeps many requests outstanding on several connections, from one thread.
final class LoadDriver {
    private let workload: Workload
    private let items: [[[UInt8]]]
    private let messageSize: UInt32
    private var next = 0
    private var connections: [LoadConnection] = []
    private var largeSize: UInt64 = 0
    private var busy = 0

    private(set) var operations = 0
    private(set) var byteCount = 0
    /// Of all data read: 64-bit words added up, each file's independent of where it was cut as long
    /// as cuts are multiples of 8.
    private(set) var sum: UInt64 = 0

    init(
        socket: FilePath,
        attachName: String,
        messageSize: UInt32,
        connections count: Int,
        depth: Int,
        workload: Workload
    ) throws {
        self.workload = workload
        self.messageSize = messageSize
        switch workload {
        case .sequential: items = []
        case .smallFiles(let list), .walkAndStat(let list), .listing(let list): items = list
        }
        for _ in 0..<count {
            let connection = try LoadConnection(socket, messageSize: messageSize, depth: depth)
            try connection.attach(attachName)
            if case .sequential(let path) = workload {
                largeSize = try connection.openLarge(path)
            }
            connections.append(connection)
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
        while busy > 0 {
            try syscall { unsafe poll(&polled, nfds_t(polled.count), -1) }
            for (index, connection) in connections.enumerated() where polled[index].revents != 0 {
                try unsafe connection.receive { slot, type, body in
                    try unsafe self.advance(connection, slot, type, body)
                }
                try connection.flush()
            }
        }
    }

    /// Gives a slot its next item, if there is one.
    private func start(_ connection: LoadConnection, _ slot: Int) {
        if case .sequential = workload {
            let chunk = UInt64(messageSize - 24)
            let offset = UInt64(next) * chunk
            guard offset < largeSize else { return }
            next += 1
            busy += 1
            let count = min(chunk, largeSize - offset)
            connection.slots[slot].remaining = Int(count)
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
        guard next < items.count else { return }
        let path = items[next]
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
            guard unsafe add(body) == connection.slots[slot].remaining else {
                throw ProtocolFailure(what: "short read")
            }
            finish(connection, slot)
        case (.walkAndStat, .rwalk):
            connection.request(slot) { $0.tgetattr(tag: $1, fid: fid, mask: 0x7ff) }
        case (.smallFiles, .rwalk), (.listing, .rwalk):
            connection.request(slot) { $0.tlopen(tag: $1, fid: fid, flags: 0) }
        case (.smallFiles, .rlopen): read(connection, slot)
        case (.listing, .rlopen): list(connection, slot)
        case (.smallFiles, .rread):
            let count = unsafe add(body)
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
        default: throw ProtocolFailure(what: "\(workload.name): \(type)")
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

    /// Adds an Rread's data to the sum; returns its size.
    private func add(_ body: UnsafeRawBufferPointer) -> Int {
        let data = unsafe UnsafeRawBufferPointer(rebasing: body.dropFirst(4))
        var total: UInt64 = 0
        var offset = 0
        while offset + 8 <= data.count {
            total &+= unsafe data.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < data.count {
            total &+= unsafe UInt64(data[offset]) << UInt64(offset % 8 * 8)
            offset += 1
        }
        sum &+= total
        byteCount += data.count
        return data.count
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
            sum &+= UInt64(entry.name.count)
        }
        return cookie
    }
}
