import CLinux
import NineP
import SystemIO

extension LoadConnection {
    /// Sends `count` requests, as many at a time as there are slots, and takes their replies.
    /// - Parameter write: the request of a number from 0 up.
    func batch(
        _ count: Int,
        _ write: (inout WireWriter, _ tag: UInt16, _ number: Int) -> Void
    ) throws {
        var sent = min(count, slots.count)
        var answered = 0
        for slot in 0..<sent { request(slot) { write(&$0, $1, slot) } }
        while answered < count {
            try flush()
            try waitForReply()
            try unsafe receive { slot, type, body in
                if type == .rlerror {
                    var reader = unsafe WireReader(body)
                    throw BenchFailure("the server refuses: errno \(reader.u32())")
                }
                answered += 1
                guard sent < count else { return }
                let number = sent
                sent += 1
                request(slot) { write(&$0, $1, number) }
            }
        }
    }
}
