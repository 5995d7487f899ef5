import DiskImage
import OSTree
import SystemIO
import SystemPackage

/// What the plan takes out of the commit's tree, or of the host where the commit has none.
extension BuildPlan {
    /// `/etc/fstab` to write; nil when the commit brings one of its own.
    package var fstab: [UInt8]? {
        for path in ["usr/etc/fstab", "etc/fstab"] {
            guard let bytes = (try? repository.contents(of: path, in: commit)) ?? nil else {
                continue
            }
            let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
            if lines.contains(where: { !$0.hasPrefix("#") && !$0.allSatisfy(\.isWhitespace) }) {
                return nil
            }
        }
        return layout.fileSystemTable
    }

    /// The MBR's code (syslinux' mbr.bin, 440 bytes): the commit's own, else the host's.
    func bootCode() throws(BuildError) -> [UInt8] {
        for path in Self.bootCodePaths {
            let found: [UInt8]?
            do throws(OSTreeError) {
                found = try repository.contents(of: path, in: commit)
            } catch {
                throw BuildError(.input, "\(error)")
            }
            if let found { return found }
        }
        for path in Self.bootCodePaths {
            if let bytes = try? readFile(FilePath("/" + path), limit: 512) { return bytes }
        }
        throw BuildError(
            .input,
            "neither the commit nor this host has the MBR code of syslinux (mbr.bin)",
            hint: "Install extlinux in the commit's tree, or syslinux-common here."
        )
    }

    private static let bootCodePaths = [
        "usr/lib/syslinux/mbr/mbr.bin", "usr/lib/EXTLINUX/mbr.bin", "usr/share/syslinux/mbr.bin",
    ]
}
