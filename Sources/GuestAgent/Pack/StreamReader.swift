import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

/// Reads a stream on a thread of its own, some pieces ahead, so that receiving and writing overlap.
final class StreamReader: Sendable {
    /// One read's bytes.
    @safe final class Piece: @unchecked Sendable {
        // SAFETY: lives as long as the object; reader and writer have it in turn, never at once.
        fileprivate let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: StreamReader.pieceLength,
            alignment: 4096
        )
        fileprivate(set) var count = 0

        deinit { unsafe storage.deallocate() }

        /// Its bytes, in a buffer that is only valid during the call.
        func withBytes<Value, E: Error>(
            _ body: (RawSpan) throws(E) -> Value
        ) throws(E) -> Value {
            try body(unsafe UnsafeRawBufferPointer(rebasing: storage[..<count]).bytes)
        }
    }

    private struct State {
        var empty: [Piece]
        var full: [Piece] = []
        var isStopped = false
        var end: Result<Void, Errno>?
    }

    static let pieceLength = 1 << 20
    private static let pieceCount = 8

    private let stream: SharedFD
    private let state = Monitor(State(empty: (0..<pieceCount).map { _ in Piece() }))

    init(_ stream: SharedFD) throws(Errno) {
        self.stream = stream
        _ = try Thread(name: "stream") { [stream, state] in Self.run(stream, state) }
    }

    private static func run(_ stream: SharedFD, _ state: Monitor<State>) {
        while true {
            let piece = state.wait { state -> Piece?? in
                if state.isStopped { return .some(nil) }
                return state.empty.popLast().map { .some($0) }
            }
            guard let piece else { return }
            do throws(Errno) {
                piece.count = try syscall {
                    unsafe recv(
                        stream.rawValue,
                        piece.storage.baseAddress,
                        pieceLength,
                        CInt(MSG_WAITALL)
                    )
                }
                let isEnd = piece.count == 0
                state.update {
                    if isEnd { $0.end = .success(()) } else { $0.full.append(piece) }
                }
                if isEnd { return }
            } catch {
                return state.update { $0.end = .failure(error) }
            }
        }
    }

    /// The next bytes; nil at the stream's end.
    func next() throws(Failure) -> Piece? {
        let result = state.wait { state -> Result<Piece?, Errno>? in
            if !state.full.isEmpty { return .success(state.full.removeFirst()) }
            return state.end.map { $0.map { nil } }
        }
        return try Failure.naming("receive a pack") { () throws(Errno) in try result.get() }
    }

    func giveBack(_ piece: Piece) { state.update { $0.empty.append(piece) } }

    /// Ends the thread soon.
    func stop() {
        state.update { $0.isStopped = true }
        _ = shutdown(stream.rawValue, CInt(SHUT_RDWR))
    }
}
