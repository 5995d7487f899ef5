/// A cpio archive in the format that the kernel unpacks into its first root file system: "newc",
/// Documentation/driver-api/early-userspace/buffer-format.rst. Owner and times are all zero, so equal
/// content gives equal bytes.
struct CPIOArchive: Sendable {
    private(set) var bytes: [UInt8] = []
    private var inode: UInt32 = 0

    private static let directory: UInt32 = 0o040000
    private static let regular: UInt32 = 0o100000
    private static let characterDevice: UInt32 = 0o020000

    /// - Parameter path: without a slash in front; its folder must have been added before.
    mutating func addDirectory(_ path: String, mode: UInt32 = 0o755) {
        append(path, mode: CPIOArchive.directory | mode, links: 2, device: (0, 0), content: [])
    }

    mutating func addFile(_ path: String, _ content: [UInt8], mode: UInt32) {
        append(path, mode: CPIOArchive.regular | mode, links: 1, device: (0, 0), content: content)
    }

    mutating func addCharacterDevice(_ path: String, major: UInt32, minor: UInt32, mode: UInt32) {
        append(
            path,
            mode: CPIOArchive.characterDevice | mode,
            links: 1,
            device: (major, minor),
            content: []
        )
    }

    /// The archive's last entry; nothing may follow.
    mutating func finish() {
        inode = UInt32.max
        append("TRAILER!!!", mode: 0, links: 1, device: (0, 0), content: [])
    }

    private mutating func append(
        _ path: String,
        mode: UInt32,
        links: UInt32,
        device: (major: UInt32, minor: UInt32),
        content: [UInt8]
    ) {
        inode &+= 1
        let name = Array(path.utf8) + [0]
        let fields: [UInt32] = [
            inode, mode, 0, 0, links, 0, UInt32(clamping: content.count), 0, 0, device.major,
            device.minor, UInt32(clamping: name.count), 0,
        ]
        bytes += Array("070701".utf8)
        for field in fields { appendHexadecimal(field) }
        bytes += name
        pad()
        bytes += content
        pad()
    }

    private mutating func appendHexadecimal(_ value: UInt32) {
        let digits = Array("0123456789ABCDEF".utf8)
        for shift in stride(from: UInt32(28), through: 0, by: -4) {
            bytes.append(digits[Int(value >> shift & 15)])
        }
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }
}
