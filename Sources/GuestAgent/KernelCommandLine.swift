import SystemIO
import SystemPackage

/// What the host tells the agent through the kernel's command line, `builddisks.NAME=VALUE`: how this
/// machine differs from the one with a virtio-serial port and disks with serials of their own.
package struct KernelCommandLine: Sendable {
    private let words: [String]

    package init(_ text: String) {
        words = text.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// The running kernel's; empty where it cannot be read.
    package init(paths: SystemPaths) {
        let bytes = (try? readFile(paths.proc.appending("cmdline"), limit: 1 << 16)) ?? []
        self.init(String(decoding: bytes, as: UTF8.self))
    }

    private func values(_ name: String) -> [Substring] {
        let key = "builddisks.\(name)="
        return words.filter { $0.hasPrefix(key) }.map { $0.dropFirst(key.count) }
    }

    /// Port of the virtio socket that the control protocol runs over (`control=vsock:PORT`); nil
    /// where there is a virtio-serial port for it.
    package var controlPort: UInt32? {
        guard let value = values("control").last, value.hasPrefix("vsock:") else { return nil }
        return UInt32(value.dropFirst("vsock:".count))
    }

    /// Serials by the disk's name (`disk=NAME:SERIAL`), for disks that have none to tell.
    package var serials: [String: String] {
        var serials: [String: String] = [:]
        for value in values("disk") {
            let parts = value.split(separator: ":", maxSplits: 1).map(String.init)
            if parts.count == 2 { serials[parts[0]] = parts[1] }
        }
        return serials
    }
}
