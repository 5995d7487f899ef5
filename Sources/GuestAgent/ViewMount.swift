import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

extension MountView {
    private static let hostCID = UInt32(VMADDR_CID_HOST)

    /// Bytes that the host may send ahead. The kernel's 256 KiB halve the speed.
    private static let bufferSize: UInt64 = 8 << 20

    /// Options of the kernel's 9P client (Documentation/filesystems/9p.rst) over an open stream.
    func clientOptions(descriptor: CInt) throws(Failure) -> String {
        guard !aname.contains(",") else {
            throw Failure(.invalidRequest, step: "mount view", subject: aname)
        }
        let own = [
            "trans=fd", "rfdno=\(descriptor)", "wfdno=\(descriptor)", "version=9p2000.L",
            "msize=\(messageSize)", "uname=root", "aname=\(aname)",
        ]
        return (own + options).joined(separator: ",")
    }

    func perform(timeLimit: UInt32) throws(Failure) {
        let seconds = timeLimit == 0 ? 30 : max(1, CInt(clamping: timeLimit / 1000))
        let stream = try Failure.naming("connect", "virtio socket port \(port)") {
            () throws(Errno) in
            OwnedFD(
                try syscall(retryOnInterrupt: false) {
                    clinux_connect_vsock(Self.hostCID, port, Self.bufferSize, seconds)
                }
            )
        }
        let data = try clientOptions(descriptor: stream.rawValue)
        try Failure.naming("mount 9P export \(aname)", target) { () throws(Errno) in
            try makeDirectories(FilePath(target))
            // The kernel takes its own reference to the stream.
            try mountFileSystem(
                "builddisks",
                target,
                type: "9p",
                flags: readOnly ? UInt(MS_RDONLY) : 0,
                data: data
            )
        }
    }
}
