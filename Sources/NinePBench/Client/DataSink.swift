import CLinux
import SystemIO
import SystemPackage

/// Takes data from a socket and drops it, uncopied: through a pipe into /dev/null. The system call
/// is `splice`.
struct DataSink: ~Copyable {
    private let entrance: OwnedFD
    private let exit: OwnedFD
    private let nowhere: OwnedFD

    init() throws(Errno) {
        var ends: [CInt] = [-1, -1]
        try syscall { unsafe pipe2(&ends, O_CLOEXEC) }
        let reading = OwnedFD(ends[0])
        let writing = OwnedFD(ends[1])
        let null = try OwnedFD.open("/dev/null", O_WRONLY)
        exit = reading
        entrance = writing
        nowhere = null
        // A whole message's pages, where the system allows so many.
        _ = clinux_fcntl(entrance.rawValue, CInt(F_SETPIPE_SZ), 1 << 20)
    }

    /// - Returns: how many bytes of `count` were there, and are gone.
    borrowing func discard(_ count: Int, from socket: CInt) throws(Errno) -> Int {
        let moved: Int
        do throws(Errno) {
            moved = try move(count, from: socket, to: entrance.rawValue)
        } catch .resourceTemporarilyUnavailable {
            return 0
        }
        if moved == 0 { throw .connectionReset }
        var left = moved
        while left > 0 { left -= try move(left, from: exit.rawValue, to: nowhere.rawValue) }
        return moved
    }

    private borrowing func move(
        _ count: Int,
        from source: CInt,
        to target: CInt
    ) throws(Errno) -> Int {
        let flags = CUnsignedInt(SPLICE_F_MOVE) | CUnsignedInt(SPLICE_F_NONBLOCK)
        return try syscall { splice(source, nil, target, nil, count, flags) }
    }
}
