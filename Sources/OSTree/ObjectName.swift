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

    /// Path below `objects/`.
    func path(in mode: Repository.Mode) -> String { ObjectPath(self, in: mode).text }
}
