import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

extension MountView {
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
        let stream = try connectToHost(port: port, timeLimit: timeLimit)
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
