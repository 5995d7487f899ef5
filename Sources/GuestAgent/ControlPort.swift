import CLinux
package import SystemIO
package import SystemPackage

/// The guest's end of the virtio-serial port (drivers/char/virtio_console.c).
package struct ControlPort: Sendable {
    /// The device node of the port called `name`: without udev there are no links in
    /// /dev/virtio-ports, so sysfs tells which /dev/vportNpM it is.
    package static func node(_ name: String, paths: SystemPaths) -> FilePath? {
        let ports = paths.sys.appending("class/virtio-ports")
        for port in (try? directoryNames(ports)) ?? [] {
            let file = ports.appending(port).appending("name")
            guard let bytes = try? readFile(file, limit: 4096) else { continue }
            if trimmed(String(decoding: bytes, as: UTF8.self)) == name {
                return paths.dev.appending(port)
            }
        }
        return nil
    }

    /// Opens the port once it is there and the host's end is connected: before that, reading tells
    /// an end that is none.
    /// - Throws: ETIMEDOUT after `milliseconds`.
    package static func open(
        _ name: String,
        paths: SystemPaths,
        milliseconds: Int
    ) throws(Errno) -> SharedFD {
        let deadline = monotonicSeconds() + Double(milliseconds) / 1000
        while monotonicSeconds() < deadline {
            if let path = node(name, paths: paths), fileExists(path) {
                return try connected(path, deadline: deadline)
            }
            usleep(20_000)
        }
        throw .timedOut
    }

    private static func connected(
        _ path: FilePath,
        deadline: Double
    ) throws(Errno) -> SharedFD {
        let port = SharedFD(try OwnedFD.open(path, O_RDWR))
        while monotonicSeconds() < deadline {
            var descriptor = pollfd(fd: port.rawValue, events: Int16(POLLOUT), revents: 0)
            try syscall { unsafe poll(&descriptor, 1, 0) }
            if descriptor.revents & Int16(POLLHUP) == 0 { return port }
            usleep(20_000)
        }
        throw .timedOut
    }
}
