package import Compose
package import DiskImage
package import OSTree
import SystemIO
import SystemPackage

/// What is to be on the disk, from which commit: everything that decides its bytes, checked.
package struct BuildPlan: Sendable {
    package let request: BuildRequest
    package let repository: Repository
    package let commit: Commit
    package let bootBinaries: BootBinaries
    package let layout: DiskLayout
    /// A checksum over what decides the installed system: commit, layout, size, kernel arguments.
    package let contentDigest: Checksum
    /// A checksum over that and what else decides the disk's file: format, method, what it is made
    /// from. A new disk of the method `auto` has this one if it is composed.
    package let identity: Checksum
    /// The same if the VM makes the disk: another only where that is not decided yet.
    package let identityInVM: Checksum
    /// The whole kernel command line of the installed system, without `ostree=`.
    package let kernelArguments: [String]

    /// Reads the repository and checks the request against it.
    package init(_ request: BuildRequest) throws(BuildError) {
        try Self.checkNames(request)
        self.request = request
        do throws(OSTreeError) {
            repository = try Repository(path: request.repository)
            commit = try repository.commit(try repository.resolve(request.ref))
        } catch {
            throw BuildError(.input, "\(error)")
        }
        kernelArguments = ["root=LABEL=gnostree-root", "rw"] + request.kernelArguments
        do throws(ComposeError) {
            bootBinaries = try BootBinaries(for: request.layout, commit: commit, in: repository)
        } catch .missingBootProgram(let wanted) {
            throw BuildError(
                .host,
                "the layout \(request.layout.rawValue) needs \(wanted.title), which neither the "
                    + "commit nor this host has",
                hint: "Install it (\(wanted.remedy)), or choose another --layout."
            )
        } catch {
            throw BuildError(.input, "\(error)")
        }
        let content = Self.content(request, commit, kernelArguments, bootBinaries)
        // Not the method: a disk has the same identifiers however it was made.
        contentDigest = Self.digest(content)
        let identity = DiskIdentity(seed: contentDigest.hex)
        do throws(DiskLayout.Problem) {
            layout = try DiskLayout(request.layout, size: request.size, identity: identity)
        } catch {
            throw BuildError(
                .usage,
                "\(error)",
                hint: "Choose another --size."
            )
        }
        try request.bootstrap.check(repository: repository, commit: commit)
        let method = request.method == .auto ? .compose : request.method
        func digest(_ method: String, inVM: Bool) -> Checksum {
            Self.digest(
                content + [method, request.format.rawValue] + Self.updateFields(request.update)
                    + (inVM ? request.bootstrap.fields : [])
            )
        }
        let isUpdate = request.update.from != .none
        self.identity = digest(method.rawValue, inVM: method == .vm || isUpdate)
        // Whether the VM is needed is known when the commit has been read, much later than the names
        // that the build may have. What the VM is made of decides the bytes only then.
        identityInVM =
            request.method == .auto && !isUpdate ? digest("auto", inVM: true) : self.identity
    }

    package var diskFileName: String { request.diskFileName }

    /// Those that a disk of this plan may have.
    var identities: [String] { [identity.hex, identityInVM.hex] }

    /// The commit and each field that decides what is on the disk.
    private static func content(
        _ request: BuildRequest,
        _ commit: Commit,
        _ kernelArguments: [String],
        _ binaries: BootBinaries
    ) -> [String] {
        let ofTheHost = binaries.all.filter { !$0.isFromCommit }.map(\.checksum.hex)
        return [
            "builddisks-plan-2", commit.checksum.hex, request.ref, request.osname,
            request.layout.rawValue, String(request.size),
            environmentValue("SOURCE_DATE_EPOCH") ?? "",
        ] + ofTheHost + [String(kernelArguments.count)] + kernelArguments
            + request.additions.flatMap(additionFields)
    }

    private static func additionFields(_ addition: Addition) -> [String] {
        let content =
            switch addition.content {
            case .directory: "directory"
            case .file(let bytes): "file " + SHA256.checksum(of: bytes).hex
            case .symlink(let target): "symlink " + target
            }
        return [
            "add", addition.path, String(addition.mode), String(addition.uid),
            String(addition.gid), content,
        ]
    }

    /// `current` counts as a mode, never by its content: an unchanged build is then recognised.
    private static func updateFields(_ update: UpdateOptions) -> [String] {
        let options = [
            update.publishesOverlay ? "overlay" : "whole", String(update.retainedDeployments),
        ]
        return switch update.from {
        case .none: []
        case .current: ["current"] + options
        case .disk(let path): ["disk", (try? PreviousDisk(path))?.identity ?? ""] + options
        }
    }

    /// A checksum over fields, told apart by a NUL, which none of them can hold.
    private static func digest(_ fields: [String]) -> Checksum {
        SHA256.checksum(of: Array(fields.joined(separator: "\0").utf8))
    }

    private static func checkNames(_ request: BuildRequest) throws(BuildError) {
        func isPlain(_ name: String) -> Bool {
            !name.isEmpty && !name.hasPrefix(".") && !name.hasPrefix("-")
                && name.utf8.allSatisfy {
                    $0 > 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") && $0 != 0x7F
                }
        }
        let rule = "without spaces, '/' and '\\', and not beginning with '.' or '-'."
        if !isPlain(request.osname) {
            throw BuildError(
                .usage,
                "\"\(request.osname)\" cannot be an osname",
                hint: "It becomes a folder's name: \(rule)"
            )
        }
        if !isPlain(request.target.split(separator: "/").last.map(String.init) ?? "") {
            throw BuildError(
                .usage,
                "\"\(request.target)\" cannot be a disk's name",
                hint: "It becomes part of a file's name: \(rule)"
            )
        }
        let taken = ["current", FailureReport.folderName]
        if let name = request.buildName, !isPlain(name) || taken.contains(name) {
            throw BuildError(
                .usage,
                "\"\(name)\" cannot be a build's name",
                hint: "It becomes a folder's name, other than "
                    + taken.map { "`\($0)`" }.joined(separator: " and ") + ": \(rule)"
            )
        }
        for argument in request.kernelArguments
        where argument.isEmpty || argument.contains("\0") || argument.contains("\n") {
            throw BuildError(.usage, "a kernel argument is empty or holds a line break")
        }
    }
}
