import Bootstrap
import CLinux
import OSTree
import Synchronization
import SystemIO
import SystemPackage

/// A machine as it was when its agent had said hello, without disks and without a virtio socket: those it
/// gets when it is resumed. It stays readable as long as this lives.
struct MachineSnapshot {
    private let entry: CacheEntry
    private let layout: SnapshotLayout
    /// Of the guest, in bytes.
    private let size: UInt64
    /// What the agent sent, as one frame.
    let hello: [UInt8]

    /// To be raised when another agent or host could not resume it, though all that the key holds is equal.
    private static let revision = 1

    /// Its name in the cache: the command line, in which the paths of kernel and initramfs stand for their
    /// content, and the program.
    /// - Parameter configuration: what is to run; what it has only while it runs does not count.
    static func key(_ configuration: MachineConfiguration, _ accelerator: Accelerator) -> String {
        var machine = configuration
        machine.disks = []
        machine.vsockSocket = nil
        machine.controlSocket = "control"
        machine.saving?.monitorSocket = "monitor"
        machine.saving?.isResumed = false
        machine.console = .file("console")
        let parts =
            [programIdentity(QEMUCommand.program.string)]
            + QEMUCommand.arguments(machine, accelerator: accelerator, sandbox: true)
        let sum = SHA256.checksum(of: Array(parts.joined(separator: "\n").utf8))
        return "snapshot-\(revision)-\(sum.hex)"
    }

    /// - Parameter memory: of the guest, in MiB.
    /// - Returns: nil where the entry is none that `store` has made.
    init?(_ entry: CacheEntry, memory: Int) {
        let size = UInt64(memory) << 20
        guard let layout = SnapshotLayout(facts: entry.facts, memory: size),
            let hello = try? entry.file.read(
                count: Int(layout.hello),
                at: Int64(clamping: layout.state)
            )
        else { return nil }
        self.entry = entry
        self.layout = layout
        self.size = size
        self.hello = hello
    }

    /// Puts a machine into the cache.
    /// - Parameters:
    ///   - state: what QEMU has written.
    ///   - memory: the guest's, as it was then.
    static func store(
        _ key: String,
        in cache: BootstrapCache,
        state: SharedFD,
        hello: [UInt8],
        memory: SharedFD
    ) throws(BuildError) {
        do {
            let layout = SnapshotLayout(
                state: UInt64(clamping: try state.status().st_size),
                hello: UInt64(hello.count),
                extents: try dataExtents(of: memory.rawValue)
            )
            _ = try cache.add(key, facts: layout.facts) { file throws(Errno) in
                try copyAll(state, from: 0, to: file, at: 0, count: layout.state)
                try writeAll(file, hello, at: Int64(clamping: layout.state))
                for piece in layout.pieces(longest: .max) {
                    try copyAll(
                        memory,
                        from: piece.address,
                        to: file,
                        at: piece.offset,
                        count: piece.count
                    )
                }
            }
        } catch {
            throw BuildError(.host, "\(error)")
        }
    }

    /// The guest's memory, in a new file.
    func memory() throws(Errno) -> SharedFD {
        try Self.memory(size, layout, from: entry.file) { $0.offset }
    }

    /// A copy of a guest's memory, of which the guest knows nothing.
    static func copy(of memory: SharedFD) throws(Errno) -> SharedFD {
        let extents = try dataExtents(of: memory.rawValue)
        let layout = SnapshotLayout(state: 0, hello: 0, extents: extents)
        let size = UInt64(clamping: try memory.status().st_size)
        return try Self.memory(size, layout, from: memory) { $0.address }
    }

    /// What QEMU is to be given: the same file with a position of its own, which is at the first byte.
    func state() throws(Errno) -> SharedFD {
        SharedFD(try OwnedFD.open(FilePath("/proc/self/fd/\(entry.file.rawValue)"), O_RDONLY))
    }

    /// By all processors: through a mapping, since writes to one file wait for one another.
    /// - Parameter place: of a piece in `source`.
    private static func memory(
        _ size: UInt64,
        _ layout: SnapshotLayout,
        from source: SharedFD,
        at place: @escaping @Sendable (SnapshotLayout.Piece) -> UInt64
    ) throws(Errno) -> SharedFD {
        let memory = try makeMemoryFile("guest", size: size)
        let mapping = try FileMapping(memory.rawValue, count: Int(size), writable: true)
        let pieces = layout.pieces(longest: 4 << 20)
        let failure = Mutex<Errno?>(nil)
        concurrently(pieces.count) { index in
            let piece = pieces[index]
            do throws(Errno) {
                // SAFETY: extents end within the memory; each piece is one thread's.
                let count = try unsafe source.read(
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: mapping.mutableBytes[
                            Int(piece.address)..<Int(piece.address + piece.count)
                        ]
                    ),
                    at: Int64(clamping: place(piece))
                )
                if count < piece.count { throw .ioError }
            } catch {
                failure.withLock { $0 = error }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        return memory
    }
}
