import DiskImage
package import OSTree
import SystemIO
import SystemPackage

/// The programs that start the disk: the commit's own where it has them, else the host's.
///
/// Those of the host change the disk's bytes without the commit changing, so their checksums belong
/// into the build's identity and record.
package struct BootBinaries: Sendable {
    package struct Binary: Sendable, Equatable {
        package var bytes: [UInt8]
        /// Path in the commit or on the host.
        package var path: String
        package var isFromCommit: Bool
        /// Of `bytes`.
        package var checksum: Checksum
    }

    /// syslinux' `mbr.bin`: the MBR's code.
    package var bootCode: Binary
    /// The file `extlinux`, which holds the loader.
    package var extlinux: Binary

    private static let bootCodePaths = [
        "usr/lib/syslinux/mbr/mbr.bin", "usr/lib/EXTLINUX/mbr.bin", "usr/share/syslinux/mbr.bin",
    ]
    private static let extlinuxPaths = ["usr/bin/extlinux", "usr/sbin/extlinux", "sbin/extlinux"]

    package init(commit: Commit, in repository: Repository) throws(ComposeError) {
        bootCode = try Self.find(Self.bootCodePaths, "mbr.bin of syslinux", commit, repository)
        extlinux = try Self.find(Self.extlinuxPaths, "extlinux", commit, repository)
    }

    private static func find(
        _ paths: [String],
        _ name: String,
        _ commit: Commit,
        _ repository: Repository
    ) throws(ComposeError) -> Binary {
        for path in paths {
            let bytes = try reading { () throws(OSTreeError) in
                try repository.contents(of: path, in: commit)
            }
            if let bytes { return binary(bytes, path, fromCommit: true) }
        }
        for path in paths {
            if let bytes = try? readFile(FilePath("/" + path)) {
                return binary(bytes, "/" + path, fromCommit: false)
            }
        }
        throw .unsuitableTree(
            "neither the commit nor this host has \(name): install extlinux in the commit's tree, "
                + "or extlinux and syslinux-common here"
        )
    }

    private static func binary(_ bytes: [UInt8], _ path: String, fromCommit: Bool) -> Binary {
        Binary(
            bytes: bytes,
            path: path,
            isFromCommit: fromCommit,
            checksum: SHA256.checksum(of: bytes)
        )
    }
}
