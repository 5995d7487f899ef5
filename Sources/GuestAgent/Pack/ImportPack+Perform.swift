import CLinux
package import GuestProtocol
import PackFormat
package import SystemIO
import SystemPackage

extension ImportPack {
    func perform(timeLimit: UInt32, isCancelled: () -> Bool) throws(Failure) {
        let repository = try BareRepository(FilePath(repository), ref: ref)
        repository.warm()
        let stream = SharedFD(try connectToHost(port: port, timeLimit: timeLimit))
        try repository.fill(from: stream, isCancelled: isCancelled)
    }
}

extension BareRepository {
    /// Says what the repository has, then writes what comes, the ref last.
    package func fill(from stream: SharedFD, isCancelled: () -> Bool) throws(Failure) {
        try send(to: stream) { () throws(Errno) in
            if let commits = try listCommits() { commits } else { try listObjects() }
        }
        if try isListWanted(stream) {
            try send(to: stream) { () throws(Errno) in try listObjects() }
        }
        let reader = try Failure.naming("start a thread") { () throws(Errno) -> StreamReader in
            try StreamReader(stream)
        }
        defer { reader.stop() }
        var decoder = PackDecoder()
        var writer = try ObjectWriter(self)
        while let piece = try reader.next() {
            if isCancelled() { throw Failure(.cancelled, step: "import a pack") }
            do throws(PackError) {
                try writer.write(piece, &decoder)
            } catch {
                throw Failure(.badPack, step: "import a pack", subject: "\(error)")
            }
            if let failure = writer.failure { throw failure }
            reader.giveBack(piece)
        }
        do throws(PackError) {
            try decoder.finish()
        } catch {
            throw Failure(.badPack, step: "import a pack", subject: "\(error)")
        }
        try writer.finish()
    }

    private func send(
        to stream: SharedFD,
        _ list: () throws(Errno) -> PackInventory
    ) throws(Failure) {
        let inventory = try Failure.naming("list objects", path.string, list)
        try Failure.naming("send the inventory") { () throws(Errno) in
            try writeAll(stream.rawValue, inventory.encoded())
        }
    }

    /// Looks at what comes: if it is no request, it is the pack's own start, and stays.
    private func isListWanted(_ stream: SharedFD) throws(Failure) -> Bool {
        try Failure.naming("receive a pack") { () throws(Errno) in
            let request = PackInventory.listRequest
            var start = [UInt8](repeating: 0, count: request.count)
            func receive(_ flags: CInt) throws(Errno) -> Int {
                try syscall { unsafe recv(stream.rawValue, &start, start.count, flags) }
            }
            let all = CInt(MSG_WAITALL)
            guard try receive(all | CInt(MSG_PEEK)) == request.count, start == request else {
                return false
            }
            return try receive(all) == request.count
        }
    }
}
