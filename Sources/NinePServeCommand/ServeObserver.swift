import CLinux
import NineP
import NinePServer
import Synchronization
import SystemIO

/// What `--trace` and `--stats` hear.
final class ServeObserver: NinePObserver {
    let statistics: Statistics?
    private let traces: Bool
    private let writing = Mutex(())

    init?(trace: Bool, statistics: Bool) {
        guard trace || statistics else { return nil }
        traces = trace
        self.statistics = statistics ? Statistics() : nil
    }

    var wantsMessages: Bool { traces }

    func replied(_ event: ReplyEvent) { statistics?.replied(event) }

    func message(_ bytes: UnsafeRawBufferPointer, fromClient: Bool, peer: String) {
        let line = unsafe "\(peer) \(fromClient ? "->" : "<-") \(messageText(bytes))"
        writing.withLock { _ in printError(line) }
    }
}

/// One line on standard error; what cannot be written is lost.
func printError(_ line: String) {
    try? writeAll(STDERR_FILENO, Array((line + "\n").utf8))
}
