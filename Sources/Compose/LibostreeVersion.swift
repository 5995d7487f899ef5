package import OSTree

/// The libostree in a commit, and how it differs from others in what it leaves on a disk.
/// One table of the differences; nothing else here asks for a version.
package struct LibostreeVersion: Comparable, CustomStringConvertible, Sendable {
    let year: Int
    let release: Int
    /// Built with composefs.
    var hasComposefs = false

    package var description: String { "\(year).\(release)" }

    package static func < (a: Self, b: Self) -> Bool { (a.year, a.release) < (b.year, b.release) }
    package static func == (a: Self, b: Self) -> Bool { (a.year, a.release) == (b.year, b.release) }

    private func isAtLeast(_ year: Int, _ release: Int) -> Bool {
        (self.year, self.release) >= (year, release)
    }

    /// An empty /etc beside /usr/etc makes way; before, it was an error.
    var allowsEmptyEtc: Bool { isAtLeast(2023, 6) }
    /// A deployment has a folder beside it for a transient root.
    var makesBackingFolder: Bool { isAtLeast(2024, 1) }
    /// `os-init` leaves /var empty, and the first deployment copies the commit's.
    var copiesVar: Bool { isAtLeast(2024, 3) }
    /// Of the commit's own labels, those in /etc stay where the kernel has no SELinux; before, they were
    /// dropped.
    var keepsLabelsOfEtc: Bool { isAtLeast(2024, 3) }
    /// Boot entries are `ostree-1.conf`, no longer `ostree-1-OSNAME.conf`.
    var namesEntriesByIndexOnly: Bool { isAtLeast(2024, 5) }
    /// Every boot entry names Android boot images, whether there are such or not (fixed later).
    var writesAbootKeys: Bool { isAtLeast(2023, 1) && !isAtLeast(2025, 3) }
    /// A deployment gets a composefs image.
    var writesComposefs: Bool { hasComposefs && isAtLeast(2024, 10) }

    /// For records: nil where it cannot be found.
    package static func text(of commit: Commit, in repository: Repository) -> String? {
        try? read(from: commit, in: repository).description
    }

    /// Reads the version out of the commit's `ostree` program and library: trees without a package
    /// database have it nowhere else.
    /// - Throws: `.needsVM` where it is not to be found: another tree's libostree can do the work there.
    static func read(
        from commit: Commit,
        in repository: Repository
    ) throws(ComposeError) -> LibostreeVersion {
        var program: [UInt8]?
        for path in ["usr/bin/ostree", "bin/ostree"] where program == nil {
            program = try reading { () throws(OSTreeError) in
                try repository.contents(of: path, in: commit)
            }
        }
        guard let program else {
            throw .needsVM("the commit has no usr/bin/ostree, so its libostree is unknown")
        }
        guard var version = strings(program).lazy.compactMap(parse).first else {
            throw .needsVM(
                "no version of libostree was found in the commit's usr/bin/ostree"
            )
        }
        version.hasComposefs =
            try library(of: commit, in: repository).map { library in
                strings(library).contains { isFeatureList($0, with: "composefs") }
            } ?? false
        return version
    }

    private static func library(
        of commit: Commit,
        in repository: Repository
    ) throws(ComposeError) -> [UInt8]? {
        let folders = ["usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib"]
        return try reading { () throws(OSTreeError) in
            for folder in folders {
                if let bytes = try repository.contents(of: folder + "/libostree-1.so.1", in: commit)
                {
                    return bytes
                }
                guard
                    let entry = try repository.entry(at: folder + "/libostree-1.so.1", in: commit),
                    case .file(let link) = entry
                else { continue }
                // Usually a link to libostree-1.so.1.0.0 in the same folder.
                let target = try repository.fileInfo(link).symlinkTarget
                let name = String(decoding: target, as: UTF8.self)
                if name.contains("/") { continue }
                if let bytes = try repository.contents(of: folder + "/" + name, in: commit) {
                    return bytes
                }
            }
            return nil
        }
    }

    /// `2022.7` and nothing else.
    static func parse(_ text: ArraySlice<UInt8>) -> LibostreeVersion? {
        guard (6...8).contains(text.count), text.starts(with: [0x32, 0x30]) else { return nil }
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count == 4,
            let year = Int(String(decoding: parts[0], as: UTF8.self)),
            let release = Int(String(decoding: parts[1], as: UTF8.self)), release > 0
        else { return nil }
        return LibostreeVersion(year: year, release: release)
    }

    /// The list that `ostree --version` prints; other strings hold the words too.
    private static func isFeatureList(_ text: ArraySlice<UInt8>, with feature: String) -> Bool {
        guard text.count < 400 else { return false }
        let words = String(decoding: text, as: UTF8.self).split(separator: " ")
        return words.contains("inode64") && words.contains(Substring(feature))
    }

    /// The NUL-terminated runs of printable characters.
    private static func strings(_ file: [UInt8]) -> [ArraySlice<UInt8>] {
        file.split(separator: 0).filter { piece in
            piece.count >= 6 && piece.allSatisfy { (0x20...0x7e).contains($0) || $0 == 0x0a }
        }
    }
}
