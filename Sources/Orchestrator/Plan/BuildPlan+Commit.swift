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

    /// What files get for a time that libostree would take from the clock: SOURCE_DATE_EPOCH
    /// (reproducible-builds.org), else the commit's own time. In seconds since 1970.
    func creationTime() throws(BuildError) -> Int64 {
        guard let text = environmentValue("SOURCE_DATE_EPOCH") else {
            return Int64(clamping: commit.timestamp)
        }
        guard let seconds = Int64(text), seconds >= 0, seconds <= Int64(UInt32.max) else {
            throw BuildError(
                .usage,
                "SOURCE_DATE_EPOCH is \"\(text)\": not a number of seconds since 1970"
            )
        }
        return seconds
    }
}
