import GuestProtocol
import SystemIO
import SystemPackage

/// What the host exports as the guest sees it, from inside the bootstrap VM.
package struct GuestListing: Sendable {
    package enum Export: Sendable {
        /// The commit's tree, which is the guest's root.
        case tree
        /// The repository's folder.
        case repository
    }

    private let tools: Tools
    private let cancellation: Cancellation

    /// A second mount of the view: in the root itself some names are the machine's own.
    private static let view = "/run/builddisks/view"

    package init(tools: Tools, cancellation: Cancellation) {
        self.tools = tools
        self.cancellation = cancellation
    }

    /// One JSON object for each path, in no order (`scripts/tree-listing` writes the same of a folder).
    package func run(
        _ request: BootstrapRequest,
        of export: Export
    ) throws(BuildError) -> [JSONValue] {
        let machine = try BootstrapMachine(request, tools: tools, cancellation: cancellation)
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let session = try machine.start(in: folder, reporter: SilentReporter())
        defer { session.stop() }
        do throws(BuildError) {
            return try list(export, session.guest, session.root)
        } catch {
            guard let cause = machine.host.readFailure else { throw error }
            throw BuildError(.input, "\(cause)", details: [error.message])
        }
    }

    private func list(
        _ export: Export,
        _ guest: Guest,
        _ root: BootstrapRoot
    ) throws(BuildError) -> [JSONValue] {
        try VMInstallation.enter(guest, root)
        let tree =
            switch export {
            case .tree: try root.mount(in: guest, at: Self.view)
            case .repository: VMInstallation.repository
            }
        var entries: [TreeEntry] = []
        guest.channel.handlers.entries = { entries += $0 }
        try guest.perform(
            .listTree(path: tree, readsContent: true),
            "list the tree",
            limit: 3600
        )
        try guest.powerOff()
        return entries.map(\.json)
    }
}

extension TreeEntry {
    /// Without what says nothing of the tree: sizes and links of directories, times.
    fileprivate var json: JSONValue {
        let isDirectory = mode & 0o170000 == 0o040000
        return .object([
            ("path", .string(Self.text(path))),
            ("mode", .string(String(mode, radix: 8))),
            ("uid", .integer(Int(uid))),
            ("gid", .integer(Int(gid))),
            ("size", .integer(isDirectory ? 0 : Int(clamping: size))),
            ("target", .string(Self.text(linkTarget))),
            (
                "xattrs",
                .object(
                    attributes.map { (Self.text($0.name), .string(Self.hexadecimal($0.value))) }
                )
            ),
            ("sha256", .string(Self.hexadecimal(contentChecksum))),
            ("inode", .string(String(inode))),
            ("links", .integer(isDirectory ? 0 : Int(clamping: linkCount))),
        ])
    }

    /// UTF-8 as it is; of anything else, all bytes that are not ASCII as `\xNN`.
    private static func text(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return bytes.map { byte in
            byte < 0x80 ? String(UnicodeScalar(byte)) : "\\x" + hexadecimal([byte])
        }.joined()
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
