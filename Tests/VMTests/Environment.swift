import Foundation
import TestSupport
import Testing

/// Every test that starts a machine: one at a time, since they share the processors, and look for
/// what others of their user have left.
@Suite(
    .serialized,
    .enabled(if: VMEnvironment.hasQEMU, VMEnvironment.skipReason),
    // The shorter limit holds, and 100 kills take long.
    .timeLimit(.minutes(60))
)
enum VirtualMachineTests {}

/// What the VM tests stand on: the release binaries, the `tiny` fixture, an ordinary user.
struct VMEnvironment: Sendable {
    /// The checkout.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// VM tests run wherever QEMU is; `make test` fails if they are skipped there.
    static let hasQEMU = FileManager.default.isExecutableFile(
        atPath: "/usr/bin/qemu-system-x86_64"
    )

    static let skipReason: Comment = "no qemu-system-x86_64 here"

    static let hasUserModeLinux = FileManager.default.isExecutableFile(
        atPath: "/usr/bin/linux.uml"
    )

    static let noUserModeLinux: Comment = "no linux.uml here"

    /// For tests of what is done in a machine, whatever machine that is: the quickest that is certain
    /// to work here. Emulation is the reference, and has tests of its own.
    static let quickAccelerator = hasUserModeLinux ? "uml" : "tcg"

    static let shared = Result { try VMEnvironment() }

    /// Archive repository of the fixture, readable by everyone.
    let repository: String
    static let ref = "tiny/x86_64/main"
    static let nextRef = "tiny/x86_64/next"
    private let scratch: ScratchFolder
    /// A folder with copies of the binaries, as a user would have unpacked them.
    private var binaries: String { scratch.path + "/bin" }
    var builddisks: String { binaries + "/builddisks" }
    var ninepServe: String { binaries + "/ninep-serve" }

    private init() throws {
        scratch = try ScratchFolder()
        let made = try runCommand([Self.root + "/fixtures/get", "tiny"])
        try #require(made.status == 0, "fixtures/get tiny: \(made.errors)")
        let cached = made.output.split(separator: "\n").last.map(String.init) ?? ""
        // The cache belongs to whoever runs the tests; the ordinary user needs a copy to read.
        repository = scratch.path + "/repo"
        let copied = try runCommand(["cp", "-a", "--reflink=auto", cached, repository])
        try #require(copied.status == 0, "\(copied.errors)")
        try FileManager.default.createDirectory(
            atPath: binaries,
            withIntermediateDirectories: true
        )
        for name in ["builddisks", "builddisks-agent", "ninep-serve"] {
            let built = Self.root + "/.build/release/" + name
            try #require(
                FileManager.default.isReadableFile(atPath: built),
                "\(built) is missing: make build"
            )
            try FileManager.default.copyItem(atPath: built, toPath: binaries + "/" + name)
        }
        let opened = try runCommand(["chmod", "-R", "a+rX", scratch.path])
        try #require(opened.status == 0, "\(opened.errors)")
    }

    /// A folder that the ordinary user owns.
    func userFolder() throws -> ScratchFolder {
        let folder = try ScratchFolder()
        if getuid() == 0 { chown(folder.path, OrdinaryUser.id, OrdinaryUser.id) }
        return folder
    }
}

/// Someone without any capability and without a way to get one.
enum OrdinaryUser {
    static let id: UInt32 = 65534

    /// To be put before a command.
    static var prefix: [String] {
        let identity =
            getuid() == 0
            ? ["--reuid=\(id)", "--regid=\(id)", "--clear-groups", "--bounding-set=-all"] : []
        return ["setpriv"] + identity + [
            "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs",
        ]
    }

    /// The capability sets that a command started so really has: all zero.
    static func capabilities() throws -> [String] {
        try runCommand(prefix + ["grep", "^Cap", "/proc/self/status"]).output
            .split(separator: "\n").map(String.init)
    }
}
