/// What an object of a repository is called: its checksum and type.
package struct ObjectName: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Sendable, CaseIterable {
        case commit
        case dirTree = "dirtree"
        case dirMeta = "dirmeta"
        case file
    }

    package let checksum: Checksum
    package let kind: Kind

    package init(_ checksum: Checksum, _ kind: Kind) {
        self.checksum = checksum
        self.kind = kind
    }

    /// As `ostree fsck` writes it: `<checksum>.<type>`.
    package var description: String { "\(checksum.hex).\(kind.rawValue)" }

    /// Path below `objects/`: two digits, a slash, the rest and an extension that for files says
    /// whether they are compressed (`ostree_object_to_string`, `_ostree_loose_path`).
    func path(in mode: Repository.Mode) -> String {
        let hex = checksum.hex
        let suffix = kind == .file && mode == .archive ? "filez" : kind.rawValue
        return "\(hex.prefix(2))/\(hex.dropFirst(2)).\(suffix)"
    }
}
