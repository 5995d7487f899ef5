import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

/// What an update may start from, and what is said of all else.
@Suite struct PreviousDiskTests {
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    private func path(_ name: String) -> FilePath { FilePath(scratch.file(name)) }

    @Test func whatIsNoFileIsSaidSo() throws {
        try makeSymlink(path("loop"), to: "loop")
        for (name, words) in [
            ("nothing", "there is no such disk"), ("nothing/below", "there is no such disk"),
            (".", "it is a folder"), ("loop", "\(Errno.tooManySymbolicLinkLevels)"),
        ] {
            let error = #expect(throws: PreviousDisk.Absence.self) {
                try PreviousDisk(path(name))
            }
            #expect(error.map { "\($0)" } == words)
        }
    }

    @Test func aFileThatIsNoImage() throws {
        try scratch.write("text.qcow2", String(repeating: "no image\n", count: 1000))
        try scratch.write("short", "x")
        for name in ["text.qcow2", "short"] {
            let damage = try PreviousDisk(path(name)).damage
            #expect(damage?.contains("no qcow2 image") == true, "\(damage ?? "")")
        }
    }

    @Test func anImageThatWasCutOff() throws {
        let whole = path("whole.qcow2")
        for (program, arguments) in [
            ("qemu-img", ["create", "-q", "-f", "qcow2", whole.string, "64M"]),
            ("qemu-io", ["-f", "qcow2", "-c", "write -P 7 0 8M", whole.string]),
        ] {
            let made = try Referee.run(program, arguments)
            try #require(made.status == 0, "\(made.output)")
        }
        #expect(try PreviousDisk(whole).damage == nil)
        let bytes = try readFile(whole)
        try writeFileAtomically(path("half.qcow2"), bytes[..<(bytes.count / 2)])
        #expect(try PreviousDisk(path("half.qcow2")).damage == "it is damaged: its end is missing")
        try writeFileAtomically(path("tables.qcow2"), bytes[..<200_000])
        let damage = try PreviousDisk(path("tables.qcow2")).damage
        #expect(damage?.contains("damaged") == true, "\(damage ?? "")")
    }
}
