import ByteStream
import SystemIO

extension OutgoingMessage {
    /// Calls `body` with the message as an observer is to see it: of data that the carrier takes from a
    /// file the first bytes only, and none if they cannot be read.
    func withTracedBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        guard let file else { return unsafe body(buffer.bytes) }
        let shown = 64
        let first = (try? file.file.read(count: min(file.count, shown), at: file.offset)) ?? []
        let bytes = unsafe Array(buffer.bytes) + first
        unsafe bytes.withUnsafeBytes { unsafe body($0) }
    }
}
