import Compose
import OSTree

/// One disk in `build.json`: what it holds, from what and how it was made, and what that cost.
package struct DiskRecord: Sendable, Equatable, Decodable {
    /// A file of the boot loader, and whence it came.
    struct BootBinary: Sendable, Equatable, Decodable {
        var path: String
        var from: String
        var sha256: String

        init(_ binary: BootBinaries.Binary) {
            path = binary.path
            from = binary.isFromCommit ? "commit" : "host"
            sha256 = binary.checksum.hex
        }
    }

    package var file: String
    var target: String
    var osname: String
    var ref: String
    package var commit: String
    /// Seconds since 1970.
    var commitTime: Int
    var version: String?
    /// A checksum over what decides the installed system.
    var plan: String
    /// A checksum over that, the format, the method and what the disk was made from.
    var identity: String
    var updatedFrom: String?
    package var method: String
    var layout: String
    var kernelArguments: [String]
    var format: String
    var sha256: String
    var virtualBytes: UInt64
    var allocatedBytes: UInt64
    /// By phase; "total" is the whole, which is more than their sum.
    var seconds: [String: Double]
    var accelerator: String?
    /// `uname -r` of the bootstrap VM.
    var guestKernel: String?
    /// The version of the commit's libostree.
    var libostree: String?
    var bootBinaries: [String: BootBinary]
    var timeline: Timeline
    /// The build that made the disk, where this one only took it over.
    var carriedFrom: String?

    private enum CodingKeys: String, CodingKey {
        case file, target, osname, ref, commit, version, plan, identity, method, layout, format
        case sha256, seconds, accelerator, libostree, timeline
        case commitTime = "commit_time"
        case updatedFrom = "updated_from"
        case kernelArguments = "kernel_arguments"
        case virtualBytes = "virtual_bytes"
        case allocatedBytes = "allocated_bytes"
        case guestKernel = "guest_kernel"
        case bootBinaries = "boot_binaries"
        case carriedFrom = "carried_from"
    }

    /// Phases in their order, then the total.
    private var secondsInOrder: [(String, JSONValue)] {
        (Phase.allCases.map(\.rawValue) + ["total"]).compactMap { name in
            seconds[name].map { (name, .number($0)) }
        }
    }

    var json: JSONValue {
        .object([
            ("file", .string(file)),
            ("target", .string(target)),
            ("osname", .string(osname)),
            ("ref", .string(ref)),
            ("commit", .string(commit)),
            ("commit_time", .integer(commitTime)),
            ("version", .optional(version)),
            ("plan", .string(plan)),
            ("identity", .string(identity)),
            ("carried_from", .optional(carriedFrom)),
            ("updated_from", .optional(updatedFrom)),
            ("method", .string(method)),
            ("layout", .string(layout)),
            ("kernel_arguments", .array(kernelArguments.map { .string($0) })),
            ("format", .string(format)),
            ("sha256", .string(sha256)),
            ("virtual_bytes", .integer(Int(clamping: virtualBytes))),
            ("allocated_bytes", .integer(Int(clamping: allocatedBytes))),
            ("seconds", .object(secondsInOrder)),
            ("timeline", timeline.json),
            ("accelerator", .optional(accelerator)),
            ("guest_kernel", .optional(guestKernel)),
            ("libostree", .optional(libostree)),
            (
                "boot_binaries",
                .object(
                    bootBinaries.sorted { $0.key < $1.key }.map { name, binary in
                        (
                            name,
                            .object([
                                ("path", .string(binary.path)), ("from", .string(binary.from)),
                                ("sha256", .string(binary.sha256)),
                            ])
                        )
                    }
                )
            ),
        ])
    }
}
