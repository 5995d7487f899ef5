import CLinux
import SystemIO
import SystemPackage

/// A queue of what happens to files (inotify(7)).
struct FileEvents: Sendable {
    struct Event: Equatable {
        var watch: CInt
        /// In a folder that is watched; empty for a file that is watched itself.
        var name: String
    }

    private let descriptor: SharedFD
    var rawValue: CInt { descriptor.rawValue }

    init() throws(Errno) {
        descriptor = SharedFD(OwnedFD(try syscall { inotify_init1(CInt(IN_CLOEXEC)) }))
    }

    /// - Returns: what its events are known by.
    func watch(_ path: FilePath, _ mask: UInt32) throws(Errno) -> CInt {
        let queue = descriptor.rawValue
        return try syscall {
            unsafe path.withPlatformString { unsafe inotify_add_watch(queue, $0, mask) }
        }
    }

    /// Waits for one at least.
    func next() -> [Event] {
        Self.events((try? readSome(descriptor.rawValue, limit: 1 << 16)) ?? [])
    }

    /// From an array of struct inotify_event: watch, mask, cookie and the length of the name that follows, 32
    /// bits each; the name is filled up with zeros.
    static func events(_ bytes: [UInt8]) -> [Event] {
        var events: [Event] = []
        var rest = bytes[...]
        while rest.count >= 16 {
            let start = rest.startIndex
            func word(_ offset: Int) -> UInt32 {
                rest[(start + offset)..<(start + offset + 4)].reversed()
                    .reduce(0) { $0 << 8 | UInt32($1) }
            }
            let name = rest.dropFirst(16).prefix(Int(word(12))).prefix { $0 != 0 }
            events.append(
                Event(
                    watch: CInt(bitPattern: word(0)),
                    name: String(decoding: name, as: UTF8.self)
                )
            )
            rest = rest.dropFirst(16 + Int(word(12)))
        }
        return events
    }
}
