import NinePServer
import SystemPackage

/// Commands to paste, as root, where an export is to be mounted.
struct MountHint {
    /// The exports' names; without an aname a client gets the first.
    let exports: [String]
    /// 128 pages of data behind a header of 24 bytes; what Linux takes by itself is less.
    private let options = "version=9p2000.L,msize=524312,cache=loose,ro"

    func text(_ listener: ListenArgument) -> String {
        var lines: [String]
        switch listener {
        case .socket(.unix(let path)):
            lines = [
                "  mount: mount -t 9p -o \(all("trans=unix")) \(Self.word(path.string)) /mnt"
            ]
        case .socket(.tcp(let host, let port)):
            lines = ["  mount: mount -t 9p -o \(all("trans=tcp,port=\(port)")) \(host) /mnt"]
        case .socket(.vsock(let port)): lines = ["  guest: \(guestCommand(port: port))"]
        case .vhostUser(let path):
            // As QEMU's options have a comma that ends nothing.
            let doubled = path.string.split(separator: ",", omittingEmptySubsequences: false)
                .joined(separator: ",,")
            lines = [
                "  qemu:  -m 1G -object memory-backend-memfd,id=mem,size=1G,share=on "
                    + "-machine q35,memory-backend=mem "
                    + "-chardev socket,id=vs,path=\(Self.word(doubled)) "
                    + "-device vhost-user-vsock-pci,chardev=vs",
                "  guest: \(guestCommand(port: Carriers.port))",
            ]
        }
        if exports.count > 1 { lines.append("  aname: one of \(exports.joined(separator: ", "))") }
        return lines.map { "\n" + $0 }.joined()
    }

    /// mount(8) cannot connect to vsock, and takes the number of a descriptor that it inherits.
    private func guestCommand(port: UInt32) -> String {
        """
        python3 -c 'import socket, subprocess, sys; \
        s = socket.socket(socket.AF_VSOCK); s.connect((2, \(port))); n = s.fileno(); \
        o = "\(all("trans=fd,rfdno=%d,wfdno=%d"))" % (n, n); \
        sys.exit(subprocess.call(["mount", "-t", "9p", "-o", o, "9p", "/mnt"], pass_fds=[n]))'
        """
    }

    private func all(_ transport: String) -> String {
        // Without a name it is the first export, whatever its name is made of.
        let name = exports.first.map(Self.isPlain) == true ? exports.first : nil
        return "\(transport),\(options)" + (name.map { ",aname=\($0)" } ?? "")
    }

    /// Whether it means itself in a shell, in mount's options and in a format string.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/._+-:@".utf8.contains(byte)
            }
        }
    }

    /// One word for a shell.
    private static func word(_ text: String) -> String {
        if isPlain(text) { return text }
        let parts = text.split(separator: "'", omittingEmptySubsequences: false)
        return "'" + parts.joined(separator: #"'\''"#) + "'"
    }
}
