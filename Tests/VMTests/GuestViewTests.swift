import Foundation
import TestSupport
import Testing

/// The commit's tree in the guest is what root checks out of a bare repository of the same commit.
extension VirtualMachineTests {
    @Suite struct GuestViewTests {
        let environment: VMEnvironment
        let folder: ScratchFolder
        static let isRoot = getuid() == 0

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        // MARK: By design

        /// What the view has and a checkout has not: `/etc`, a copy of `/usr/etc`, and the mount
        /// points that the commit lacks, which are empty folders of root.
        private static let mountPoints: Set<String> = [
            "boot", "dev", "mnt", "proc", "run", "sys", "sysroot", "tmp", "var", "builddisks",
            "builddisks/repo", "builddisks/disk", "builddisks/scratch",
        ]

        /// Takes those away after a look at each.
        private func withoutAdditions(
            _ view: [String: ListedPath],
            _ reference: [String: ListedPath]
        ) -> [String: ListedPath] {
            var rest = view
            for (path, entry) in view where reference[path] == nil {
                if path == "etc" || path.hasPrefix("etc/") {
                    #expect(entry.withoutLinks == view["usr/" + path]?.withoutLinks, "\(path)")
                    #expect(entry.isDirectory || entry.links == 1, "\(path)")
                    rest[path] = nil
                } else if Self.mountPoints.contains(path) {
                    #expect(entry.isDirectory && entry.uid == 0 && entry.gid == 0, "\(path)")
                    rest[path] = nil
                }
            }
            for path in Self.mountPoints { #expect(view[path] != nil, "\(path)") }
            return rest
        }

        // MARK: The comparison

        private func expectEqual(
            _ view: [String: ListedPath],
            _ reference: [String: ListedPath],
            _ name: String
        ) {
            let own = withoutAdditions(view, reference)
            #expect(own.count > 500, "\(name): \(own.count) paths")
            for path in Set(own.keys).union(reference.keys).sorted() {
                #expect(
                    own[path]?.withoutLinks == reference[path]?.withoutLinks,
                    "\(name): /\(path)"
                )
            }
            let (groups, wanted) = (Self.groups(own), Self.groups(reference))
            #expect(groups.symmetricDifference(wanted).isEmpty, "\(name): hard links")
            #expect(!groups.isEmpty)
            // The checkout's files have their object in the repository for one more link.
            for group in groups {
                for path in group { #expect(own[path]?.links == group.count, "\(name): /\(path)") }
            }
        }

        /// Sets of paths that are one inode.
        private static func groups(_ listing: [String: ListedPath]) -> Set<[String]> {
            let inodes = Dictionary(
                grouping: listing.filter { !$0.value.isDirectory }.keys,
                by: { listing[$0]?.inode ?? "" }
            )
            return Set(inodes.values.filter { $0.count > 1 }.map { $0.sorted() })
        }

        /// The whole tree through the view in the guest, as an ordinary user sees it or as root.
        private func guestListing(
            _ repository: String,
            ref: String,
            asRoot: Bool = false,
            _ more: [String] = []
        ) throws -> CommandResult {
            // A cache is its owner's alone.
            let home = asRoot ? try ScratchFolder() : folder
            let user = asRoot ? [] : OrdinaryUser.prefix
            return try runCommand(
                user + [
                    environment.builddisks, "guest-listing", "--repo", repository, "--ref", ref,
                    "--accel", "tcg", "--memory", "768",
                ] + more,
                environment: userVariables(home)
            )
        }

        private func parse(_ result: CommandResult) throws -> [String: ListedPath] {
            try #require(result.status == 0, "\(result.errors)")
            let entries = try result.output.split(separator: "\n").map {
                try JSONDecoder().decode(ListedPath.self, from: Data($0.utf8))
            }
            return Dictionary(uniqueKeysWithValues: entries.map { ($0.path, $0) })
        }

        /// A repository of another mode with the same commit.
        private func pulled(_ mode: String, from source: String, _ ref: String) throws -> String {
            let path = folder.path + "/" + mode
            try SampleRepository.create(path, mode: mode)
            try SampleRepository.ostree("pull-local", "--repo=\(path)", source, ref)
            try command(["chmod", "a+rX", path])
            return path
        }

        /// The referee: root's checkout, listed by a program that shares nothing with ours.
        private func reference(_ bare: String, _ ref: String) throws -> [String: ListedPath] {
            let checkout = bare + ".checkout"
            try SampleRepository.ostree("checkout", "--repo=\(bare)", ref, checkout)
            return try parse(
                runCommand([VMEnvironment.root + "/scripts/tree-listing", checkout])
            )
        }

        private func command(_ arguments: [String]) throws {
            let result = try runCommand(arguments)
            try #require(result.status == 0, "\(arguments): \(result.errors)")
        }

        @Test(.enabled(if: isRoot, "only root can check out foreign owners"))
        func theViewIsWhatRootChecksOut() throws {
            let ref = VMEnvironment.ref
            let bare = try pulled("bare", from: environment.repository, ref)
            let wanted = try reference(bare, ref)
            let archive = try parse(guestListing(environment.repository, ref: ref))
            expectEqual(archive, wanted, "archive")
            let image = try guestListing(
                environment.repository,
                ref: ref,
                ["--bootstrap-root", "image"]
            )
            expectEqual(try parse(image), wanted, "image")
            // Its objects have the permissions of the commit's files: one of 0600 is its owner's.
            // A copy, for the metadata that a pull links is the other repository's as well.
            let user = folder.path + "/owned"
            try command(["cp", "-a", pulled("bare-user", from: environment.repository, ref), user])
            try command(["chown", "-R", "\(OrdinaryUser.id)", user])
            expectEqual(try parse(guestListing(user, ref: ref)), wanted, "bare-user")
            // As its owner: the files have the commit's owners and modes.
            expectEqual(try parse(guestListing(bare, ref: ref, asRoot: true)), wanted, "bare")

            // Somebody else cannot read an object of mode 0600, and is told which file it is.
            let refused = try guestListing(bare, ref: ref)
            #expect(refused.status == 4, "\(refused.errors)")
            #expect(refused.errors.contains(bare + "/objects/"), "\(refused.errors)")
            #expect(refused.errors.contains("as its owner"), "\(refused.errors)")
            #expect(try leftovers(folder.path) == [])
        }

        /// bare-user-only keeps neither owners nor attributes: canonical commits alone are whole.
        @Test(.enabled(if: isRoot, "only root can check out foreign owners"))
        func aCanonicalCommitInBareUserOnly() throws {
            let archive = folder.path + "/canonical"
            let tree = folder.path + "/tree"
            try SampleRepository.create(archive, mode: "archive")
            try SampleRepository.ostree(
                "checkout",
                "-U",
                "--repo=\(environment.repository)",
                VMEnvironment.ref,
                tree
            )
            try SampleRepository.ostree(
                "commit",
                "--repo=\(archive)",
                "--branch=canonical",
                "--canonical-permissions",
                "--no-xattrs",
                "--tree=dir=\(tree)"
            )
            let wanted = try reference(pulled("bare", from: archive, "canonical"), "canonical")
            let only = try pulled("bare-user-only", from: archive, "canonical")
            // Its files keep the commit's modes, and one of 0640 is its owner's.
            try command(["chown", "-R", "\(OrdinaryUser.id)", only])
            expectEqual(
                try parse(guestListing(only, ref: "canonical")),
                wanted,
                "bare-user-only"
            )
        }

        /// A folder of the host, with all that a folder can hold, by Linux's client and by the host.
        @Test func aFolderIsWhatTheHostSees() throws {
            let repository = folder.path + "/repo"
            try command(["cp", "-a", environment.repository, repository])
            let odd = repository + "/odd"
            let script = """
                import os, sys
                os.makedirs(sys.argv[1] + "/deep/er"); os.chdir(sys.argv[1])
                def write(name, content=b""):
                    with open(name, "wb") as file: file.write(content)
                write("file", b"kept"); os.link("file", "deep/hard"); os.symlink("../file", "deep/soft")
                os.symlink("nowhere", "dangling"); os.symlink("x" * 4000, "long"); os.mkfifo("fifo")
                write("empty"); write("secret", b"secret"); os.chmod("secret", 0o4751)
                os.chmod("deep", 0o1777); write(b"not\\xffutf8", b"odd"); write('a "name"', b"x")
                write("large", bytes(range(256)) * 40000); os.truncate("large", 20000000)
                os.mkdir("crowd")
                for n in range(3000): write(f"crowd/entry-with-a-name-of-some-length-{n}")
                os.setxattr("file", "user.long", b"y" * 2000)
                for root, folders, files in os.walk("."):
                    for name in folders + files:
                        os.chown(os.path.join(root, name), int(sys.argv[2]), -1, follow_symlinks=False)
                """
            let owner = Self.isRoot ? "\(OrdinaryUser.id)" : "-1"
            try command(["python3", "-c", script, odd, owner])
            let guest = try parse(
                guestListing(repository, ref: VMEnvironment.ref, ["--folder"])
            )
            let host = try parse(
                runCommand([VMEnvironment.root + "/scripts/tree-listing", repository])
            )
            #expect(host.count > 3500)
            #expect(host["odd/file"]?.xattrs["user.long"]?.count == 4000)
            for path in Set(guest.keys).union(host.keys).sorted() {
                var seen = guest[path]
                // Linux numbers an inode by its qid path, and 2 (QID2INO in fs/9p/v9fs.h).
                if let inode = seen.flatMap({ UInt64($0.inode) }) { seen?.inode = "\(inode &- 2)" }
                #expect(seen == host[path], "\(path)")
            }
        }

        /// No libostree of ours reads it, so it is refused before anything starts.
        @Test func bareSplitXattrsIsRefused() throws {
            let path = folder.path + "/split"
            try SampleRepository.create(path, mode: "bare-user")
            try SampleRepository.ostree(
                "config",
                "--repo=\(path)",
                "set",
                "core.mode",
                "bare-split-xattrs"
            )
            try command(["chmod", "-R", "a+rX", path])
            let refused = try guestListing(path, ref: VMEnvironment.ref)
            #expect(refused.status == 4, "\(refused.errors)")
            #expect(refused.errors.contains("bare-split-xattrs"), "\(refused.errors)")
        }
    }
}

/// A line of `scripts/tree-listing`, and of `builddisks guest-listing`.
struct ListedPath: Decodable, Equatable {
    var path: String
    /// Type and permissions, octal.
    var mode: String
    var uid: UInt32
    var gid: UInt32
    var size: Int
    var target: String
    var xattrs: [String: String]
    var sha256: String
    var inode: String
    var links: Int

    var isDirectory: Bool { mode.hasPrefix("4") }

    /// All that says what the path is; not which others are the same file.
    var withoutLinks: ListedPath {
        var copy = self
        (copy.path, copy.inode, copy.links) = ("", "", 0)
        return copy
    }
}
