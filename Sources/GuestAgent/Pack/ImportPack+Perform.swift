import CLinux
package import GuestProtocol
import PackFormat
package import SystemIO
import SystemPackage

extension ImportPack {
    func perform(timeLimit: UInt32, isCancelled: () -> Bool) throws(Failure) {
        let repository = try BareRepository(FilePath(repository), ref: ref)
        let stream = SharedFD(try connectToHost(port: port, timeLimit: timeLimit))
        try repository.fill(from: stream, isCancelled: isCancelled)
    }
}

extension BareRepository {
    /// Says what the repository has, then writes what comes, the ref last.
    package func fill(from stream: SharedFD, isCancelled: () -> Bool) throws(Failure) {
        let inventory = try Failure.naming("list objects", path.string) { () throws(Errno) in
            try listObjects()
        }
        try Failure.naming("send the inventory") { () throws(Errno) in
            try writeAll(stream.rawValue, inventory.encoded())
        }
        warm(inventory)
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
}
