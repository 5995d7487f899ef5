import OSTree
import Synchronization
import SystemIO
import SystemPackage

/// SHA-256 of an image that is still being written: it follows the writers from the start on, as far as
/// nothing will change any more, so that little is left at the end. What it has seen is sent to the disk.
final class ImageDigest: Sendable {
    private let image: ImageFile
    private let state = Mutex(State())

    private struct State: ~Copyable {
        let hasher = SHA256()
        /// Bytes of the file that are in it.
        var position: UInt64 = 0
        /// Bytes of the file that are on their way to the disk.
        var flushed: UInt64 = 0
        var buffer = ContentBuffer()
    }

    /// Small enough for the processor's cache.
    private static let piece = 256 << 10
    /// So many bytes at once are sent to the disk.
    private static let flush: UInt64 = 16 << 20

    init(_ image: ImageFile) { self.image = image }

    /// Takes in what lies below `end`, unless another thread is at it.
    func advance(to end: UInt64) throws(ComposeError) {
        let result = state.withLockIfAvailable { state in
            Result { () throws(ComposeError) in
                try Self.takeIn(image, min(end, image.dataEnd), &state)
            }
        }
        try result?.get()
    }

    /// Takes in the rest. To be called once, when everything is written.
    func finish() throws(ComposeError) -> Checksum {
        let result = state.withLock { state in
            Result { () throws(ComposeError) in
                try Self.takeIn(image, image.size, &state)
                return state.hasher.finish()
            }
        }
        return try result.get()
    }

    private static func takeIn(
        _ image: ImageFile,
        _ end: UInt64,
        _ state: inout State
    ) throws(ComposeError) {
        while state.position < end {
            let count = min(piece, Int(clamping: end - state.position))
            let bytes = unsafe state.buffer.bytes(count: count)
            try unsafe image.read(into: bytes, fileOffset: state.position)
            unsafe state.hasher.update(UnsafeRawBufferPointer(bytes))
            state.position += UInt64(count)
            if state.position - state.flushed >= flush {
                image.startFlushing(state.flushed..<state.position)
                state.flushed = state.position
            }
        }
    }
}
