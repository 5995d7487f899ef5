import OSTree
import SystemIO
package import SystemPackage

/// `build.json`: what was built, from what, how, and what it cost.
package struct BuildRecord: Sendable {
    package static let schemaVersion = 1
    package static let fileName = "build.json"

    package var plan: BuildPlan
    package var summary: BuildSummary
    package var accelerator: Accelerator
    package var kernelRelease: String
    package var sha256: String

    package func write(to folder: FilePath) throws(BuildError) {
        let path = folder.appending(Self.fileName)
        do throws(Errno) {
            try writeFileAtomically(path, (json.indentedText() + "\n").utf8)
        } catch {
            throw .system(error, "cannot write", path)
        }
    }

    private var json: JSONValue {
        .object([
            ("schema", .integer(Self.schemaVersion)),
            ("build", .string(plan.name)),
            ("target", .string(plan.request.ref)),
            ("osname", .string(plan.request.osname)),
            ("ref", .string(plan.request.ref)),
            ("commit", .string(plan.commit.checksum.hex)),
            ("commit_time", .integer(Int(clamping: plan.commit.timestamp))),
            ("version", plan.commit.version.map { .string($0) } ?? .null),
            ("method", .string(plan.request.method.rawValue)),
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
            ("accelerator", .string(accelerator.rawValue)),
            ("guest_kernel", .string(kernelRelease)),
            ("builddisks", .string(BuilddisksVersion.text)),
        ])
    }
}

/// The version of this program.
package enum BuilddisksVersion {
    package static let text = "0.1.0"
}
