import CLinux
package import GuestProtocol
package import SystemIO
import SystemPackage

/// Connects to a port of the host's virtio socket (CID 2).
/// - Parameter timeLimit: of the request, in milliseconds; 0 for none.
package func connectToHost(port: UInt32, timeLimit: UInt32) throws(Failure) -> OwnedFD {
    /// Bytes that the host may send ahead. The kernel's 256 KiB halve the speed.
    let bufferSize: UInt64 = 8 << 20
    let seconds = timeLimit == 0 ? 30 : max(1, CInt(clamping: timeLimit / 1000))
    return try Failure.naming("connect", "virtio socket port \(port)") { () throws(Errno) in
        OwnedFD(
            try syscall(retryOnInterrupt: false) {
                clinux_connect_vsock(UInt32(VMADDR_CID_HOST), port, bufferSize, seconds)
            }
        )
    }
}
