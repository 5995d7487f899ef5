import FoundationEssentials
import OSTree
import SystemIO
import SystemPackage

/// `build.json`: the disks of a build, and with what they were made.
package struct BuildRecord: Sendable, Decodable {
    static let schemaVersion = 2
    package static let fileName = "build.json"

    /// Programs that took part.
    package struct Versions: Sendable, Decodable, Equatable {
        var builddisks: String
        var qemu: String?
        /// `uname -r` of the host.
        var kernel: String
    }

    /// A disk that was asked for and could not be made.
    package struct Failure: Sendable, Decodable, Equatable {
        var target: String
        var exitCode: Int
        var message: String

        private enum CodingKeys: String, CodingKey {
            case target, message
            case exitCode = "exit_code"
        }
    }

    package var build: String
    /// Seconds since 1970.
    package var published: Int
    /// Of the run, in seconds.
    var seconds: Double
    package var disks: [DiskRecord]
    var failed: [Failure]
    var versions: Versions

    /// The record of a published build; nil where there is none that can be read.
    init?(in folder: FilePath) {
        guard let bytes = try? readFile(folder.appending(Self.fileName), limit: 16 << 20),
            let record = try? JSONDecoder().decode(Self.self, from: Data(bytes))
        else { return nil }
        self = record
    }

    init(
        build: String,
        published: Int,
        seconds: Double,
        disks: [DiskRecord],
        failed: [Failure],
        versions: Versions
    ) {
        self.build = build
        self.published = published
        self.seconds = seconds
        self.disks = disks
        self.failed = failed
        self.versions = versions
    }

    func disk(named file: String) -> DiskRecord? { disks.first { $0.file == file } }

    func write(to folder: FilePath) throws(BuildError) {
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
            ("build", .string(build)),
            ("published", .integer(published)),
            ("seconds", .number(seconds)),
            ("disks", .array(disks.map(\.json))),
            (
                "failed",
                .array(
                    failed.map {
                        .object([
                            ("target", .string($0.target)), ("exit_code", .integer($0.exitCode)),
                            ("message", .string($0.message)),
                        ])
                    }
                )
            ),
            (
                "versions",
                .object([
                    ("builddisks", .string(versions.builddisks)),
                    ("qemu", .optional(versions.qemu)),
                    ("kernel", .string(versions.kernel)),
                ])
            ),
        ])
    }
}

extension BuildRecord {
    /// The name of a build that holds these disks. One disk alone, named by its ref, gives its own
    /// identity; several, the newest commit's time and a checksum over all identities.
    static func name(of disks: [Member]) -> String {
        let newest = disks.map(\.commitTime).max() ?? 0
        let digest: String
        if disks.count == 1, disks[0].isNamedByRef {
            digest = disks[0].identity
        } else {
            let fields = disks.sorted { $0.file < $1.file }.flatMap { [$0.file, $0.identity] }
            digest = SHA256.checksum(of: Array(fields.joined(separator: "\0").utf8)).hex
        }
        return "\(compactTime(UInt64(clamping: newest)))-\(digest.prefix(8))"
    }

    /// What of a disk goes into the name of its build.
    struct Member {
        var file: String
        var identity: String
        var commitTime: Int
        var isNamedByRef: Bool

        init(_ plan: BuildPlan, identity: Checksum) {
            file = plan.diskFileName
            self.identity = identity.hex
            commitTime = Int(clamping: plan.commit.timestamp)
            isNamedByRef = plan.request.target == plan.request.ref
        }

        init(_ record: DiskRecord) {
            file = record.file
            identity = record.identity
            commitTime = record.commitTime
            isNamedByRef = record.target == record.ref
        }
    }
}

/// The version of this program.
package enum BuilddisksVersion {
    package static let text = "0.1.0"
}
