import Compose
import OSTree
import SystemIO
import SystemPackage

/// `build.json`: what was built, from what, how, and what it cost.
struct BuildRecord: Sendable {
    static let schemaVersion = 1
    static let fileName = "build.json"

    var plan: BuildPlan
    var summary: BuildSummary
    var result: MethodResult
    var previous: PreviousDisk?
    var sha256: String

    func write(to folder: FilePath) throws(BuildError) {
        let path = folder.appending(Self.fileName)
        do throws(Errno) {
            try writeFileAtomically(path, (json.indentedText() + "\n").utf8)
        } catch {
            throw .system(error, "cannot write", path)
        }
    }

    private static func source(_ binary: BootBinaries.Binary) -> JSONValue {
        .object([
            ("path", .string(binary.path)),
            ("from", .string(binary.isFromCommit ? "commit" : "host")),
            ("sha256", .string(binary.checksum.hex)),
        ])
    }

    private var json: JSONValue {
        .object([
            ("schema", .integer(Self.schemaVersion)),
            ("build", .string(plan.name)),
            ("target", .string(plan.request.target)),
            ("osname", .string(plan.request.osname)),
            ("ref", .string(plan.request.ref)),
            ("commit", .string(plan.commit.checksum.hex)),
            ("commit_time", .integer(Int(clamping: plan.commit.timestamp))),
            ("version", plan.commit.version.map { .string($0) } ?? .null),
            ("plan", .string(plan.contentDigest.hex)),
            ("updated_from", previous.map { .string($0.file.string) } ?? .null),
            ("method", .string(result.method.rawValue)),
            ("layout", .string(plan.request.layout.rawValue)),
            ("kernel_arguments", .array(plan.kernelArguments.map { .string($0) })),
            (
                "disk",
                .object([
                    ("file", .string(plan.diskFileName)),
                    ("format", .string(plan.request.format.rawValue)),
                    ("sha256", .string(sha256)),
                    ("virtual_bytes", .integer(Int(clamping: summary.virtualBytes))),
                    ("allocated_bytes", .integer(Int(clamping: summary.allocatedBytes))),
                ])
            ),
            (
                "seconds",
                .object(
                    summary.phases.map { ($0.phase.rawValue, .number($0.seconds)) }
                        + [("total", .number(summary.totalSeconds))]
                )
            ),
            ("accelerator", result.accelerator.map { .string($0.rawValue) } ?? .null),
            ("guest_kernel", result.kernelRelease.map { .string($0) } ?? .null),
            (
                "boot_binaries",
                .object([
                    ("mbr", Self.source(plan.bootBinaries.bootCode)),
                    ("extlinux", Self.source(plan.bootBinaries.extlinux)),
                ])
            ),
            ("builddisks", .string(BuilddisksVersion.text)),
        ])
    }
}

/// The version of this program.
package enum BuilddisksVersion {
    package static let text = "0.1.0"
}
