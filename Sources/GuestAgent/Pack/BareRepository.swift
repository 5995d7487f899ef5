import CLinux
package import GuestProtocol
import PackFormat
import SystemIO
package import SystemPackage

/// A repository of mode bare on a disk, and the ref that an import sets in it.
package struct BareRepository: Sendable {
    let path: FilePath
    let ref: String?

    /// - Parameter ref: a name below `refs/heads`; nil for none.
    package init(_ path: FilePath, ref: String?) throws(Failure) {
        if let ref, !Self.isRef(ref) {
            throw Failure(.invalidRequest, step: "import a pack", subject: "ref \(ref)")
        }
        self.path = path
        self.ref = ref
    }

    /// As libostree has it (OSTREE_REF_REGEXP): words of `-._` and letters, no dot at their start.
    private static func isRef(_ name: String) -> Bool {
        name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { word in
            guard let first = word.utf8.first, first != UInt8(ascii: "."),
                first != UInt8(ascii: "-")
            else { return false }
            return word.unicodeScalars.allSatisfy {
                $0.properties.isAlphabetic || ("0"..."9").contains($0)
                    || "-._".unicodeScalars.contains($0)
            }
        }
    }

    var objects: FilePath { path.appending("objects") }

    /// The commits that refs name; nil if one is there in part only (libostree marks what it has not
    /// pulled to the end).
    func listCommits() throws(Errno) -> PackInventory? {
        let commits = try referencedCommits()
        let isWhole = commits.allSatisfy {
            !fileExists(path.appending("state/\($0).commitpartial"))
        }
        let entries = commits.compactMap { Self.entry($0 + ".commit") }
        guard isWhole, entries.allSatisfy({ fileExists(file(of: $0)) }) else { return nil }
        return PackInventory(.commits, entries)
    }

    /// The objects that are there.
    func listObjects() throws(Errno) -> PackInventory {
        var entries: [PackInventory.Entry] = []
        try forEachFolder { entries += $0 }
        return PackInventory(.objects, entries)
    }

    /// - Parameter body: is given the objects of one folder.
    func forEachFolder(_ body: ([PackInventory.Entry]) -> Void) throws(Errno) {
        for folder in try directoryNames(objects) where folder.utf8.count == 2 {
            let names = try directoryNames(objects.appending(folder))
            body(names.compactMap { Self.entry(folder + $0) })
        }
    }

    func file(of entry: PackInventory.Entry) -> FilePath {
        let digits = String(decoding: hexDigits(entry.checksum), as: UTF8.self)
        return objects.appending(String(digits.prefix(2)))
            .appending("\(digits.dropFirst(2)).\(entry.kind.fileExtension)")
    }

    /// Commits that no ref names, by checksum: what a prune removes first. A pull that was broken off
    /// leaves no commit, so that it is not seen here.
    package func unreferencedCommits() throws(Errno) -> Set<String> {
        var commits: Set<String> = []
        for folder in try directoryNames(objects) where folder.utf8.count == 2 {
            for name in try directoryNames(objects.appending(folder))
            where name.hasSuffix(".commit") {
                commits.insert(folder + name.dropLast(".commit".count))
            }
        }
        return commits.subtracting(try referencedCommits())
    }

    /// By checksum.
    private func referencedCommits() throws(Errno) -> Set<String> {
        var commits: Set<String> = []
        var folders = [path.appending("refs")]
        while let folder = folders.popLast() {
            for name in try directoryNames(folder) {
                let ref = folder.appending(name)
                switch try FileStatus(ref, followingLinks: false).kind {
                case .directory: folders.append(ref)
                case .regular, .symlink:
                    let text = String(decoding: try readFile(ref, limit: 4096), as: UTF8.self)
                    commits.insert(trimmed(text))
                case .socket, .other: break
                }
            }
        }
        return commits
    }

    /// From "<64 digits>.<extension>".
    private static func entry(_ name: String) -> PackInventory.Entry? {
        let parts = name.split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let digits = bytes(ofHex: parts[0]), digits.count == 32,
            let kind = PackObject.Kind.allCases.first(where: { $0.fileExtension == parts[1] })
        else { return nil }
        return PackInventory.Entry(kind: kind, checksum: digits)
    }

    private static func bytes(ofHex text: Substring) -> [UInt8]? {
        let digits = text.utf8.map { $0 }
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// What libostree leaves besides objects: its lock file and the ref.
    func finish(commit: [UInt8]) throws(Errno) {
        _ = try OwnedFD.open(path.appending(".lock"), O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o660)
        guard let ref else { return }
        var file = path.appending("refs/heads")
        for word in ref.split(separator: "/") { file.append(String(word)) }
        try makeDirectories(file.removingLastComponent())
        let out = try OwnedFD.open(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o644)
        try writeAll(out.rawValue, hexDigits(commit) + [UInt8(ascii: "\n")])
    }
}

/// Two lower-case digits for each byte.
func hexDigits(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
}
