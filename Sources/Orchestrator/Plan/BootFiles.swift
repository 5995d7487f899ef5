import OSTree
import SystemIO
import SystemPackage

/// The boot loader's files that the host needs: the commit's own, else the host's.
package struct BootFiles: Sendable {
    package struct File: Sendable {
        package var bytes: [UInt8]
        /// Where it was found: a path in the commit ("commit:usr/…") or on the host.
        package var source: String
        /// Whether the host supplied it, so that it must count towards the build's identity.
        package var isOfTheHost: Bool
    }

    /// The MBR's code, syslinux' mbr.bin (440 bytes).
    package let bootCode: File
    /// The program extlinux, which carries its loader; only compose needs it.
    package let extlinux: File?

    private static let bootCodePaths = [
        "usr/lib/syslinux/mbr/mbr.bin", "usr/lib/EXTLINUX/mbr.bin", "usr/share/syslinux/mbr.bin",
    ]
    private static let extlinuxPaths = ["usr/bin/extlinux", "usr/sbin/extlinux", "sbin/extlinux"]

    init(_ repository: Repository, _ commit: Commit) throws(BuildError) {
        guard let code = try Self.find(Self.bootCodePaths, repository, commit) else {
            throw BuildError(
                .input,
                "neither the commit nor this host has the MBR code of syslinux (mbr.bin)",
                hint: "Install extlinux in the commit's tree, or syslinux-common here."
            )
        }
        bootCode = code
        extlinux = try Self.find(Self.extlinuxPaths, repository, commit)
    }

    private static func find(
        _ paths: [String],
        _ repository: Repository,
        _ commit: Commit
    ) throws(BuildError) -> File? {
        for path in paths {
            do throws(OSTreeError) {
                if let bytes = try repository.contents(of: path, in: commit) {
                    return File(bytes: bytes, source: "commit:\(path)", isOfTheHost: false)
                }
            } catch {
                throw BuildError(.input, "\(error)")
            }
        }
        for path in paths {
            if let bytes = try? readFile(FilePath("/" + path), limit: 1 << 22) {
                return File(bytes: bytes, source: "/\(path)", isOfTheHost: true)
            }
        }
        return nil
    }
}
