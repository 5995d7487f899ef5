import Compose
import Orchestrator
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import Configuration

@Suite struct AddedFileTests {
    private func additions(
        _ files: String,
        defaults: String = "",
        in folder: ScratchFolder,
        flags: [AddedFile]? = nil
    ) throws -> [Addition] {
        let text = """
            repository = "r"
            osname = "o"
            output = "i"
            [defaults.files]
            \(defaults)
            [disk.a]
            ref = "a"
            [disk.a.files]
            \(files)
            """
        let file = try ConfigurationFile(
            Array(text.utf8),
            file: FilePath(folder.file("builddisks.toml"))
        )
        var settings = DiskSettings()
        settings.files = flags
        return try Selection(file: file, flags: settings).selected()[0].request.additions
    }

    @Test func everyKindOfSource() throws {
        let folder = try ScratchFolder()
        try folder.write("motd", "hello\n")
        try folder.write("tree/sub/f", "x")
        try folder.link("tree/l", to: "sub/f")
        let found = try additions(
            """
            "/etc/motd" = "motd"
            "/var/lib/t" = { source = "tree", user = 7, group = 8 }
            "/etc/key" = { source = "motd", mode = "0600" }
            "/etc/empty" = { content = "" }
            "/etc/text" = { content = "x", mode = "0600" }
            """,
            in: folder
        )
        #expect(found[0].path == "etc/motd")
        #expect(found[0].content == .file(Array("hello\n".utf8)))
        #expect(found[0].uid == 0)
        #expect(found[1].path == "var/lib/t" && found[1].content == .directory)
        #expect(found[1].uid == 7 && found[1].gid == 8)
        #expect(found[2].path == "var/lib/t/l" && found[2].content == .symlink(target: "sub/f"))
        #expect(found[3].path == "var/lib/t/sub" && found[3].content == .directory)
        #expect(found[4].path == "var/lib/t/sub/f" && found[4].content == .file([0x78]))
        #expect(found[5].mode == 0o600)
        #expect(found[6].content == .file([]) && found[6].mode == 0o644)
        #expect(found[7].mode == 0o600)
    }

    @Test func aFolderOntoEtcLeavesEtcItselfAlone() throws {
        let folder = try ScratchFolder()
        try folder.write("etc/a", "1")
        let found = try additions("\"/etc\" = \"etc\"", in: folder)
        #expect(found.map(\.path) == ["etc/a"])
    }

    @Test func theNearestWordOnAPathCounts() throws {
        let folder = try ScratchFolder()
        let flag = AddedFile(path: "/etc/c", content: .text("flag"))
        let found = try additions(
            "\"/etc/b\" = { content = \"disk\" }\n\"/etc/c\" = { content = \"disk\" }",
            defaults: "\"/etc/a\" = { content = \"d\" }\n\"/etc/b\" = { content = \"d\" }",
            in: folder,
            flags: [flag]
        )
        let texts = found.map { [$0.path, "\($0.content == .file(Array("disk".utf8)))"] }
        #expect(texts == [["etc/a", "false"], ["etc/b", "true"], ["etc/c", "false"]])
        #expect(found[2].content == .file(Array("flag".utf8)))
    }

    @Test(
        "what cannot be added",
        arguments: [
            ("\"/usr/a\" = \"x\"", 2, ":9: \"/usr/a\": files can be added to /etc and /var"),
            ("\"etc/a\" = \"x\"", 2, ":9: \"etc/a\": files can"),
            ("\"/etc/../usr/a\" = \"x\"", 2, ":9: \"/etc/../usr/a\": files can"),
            ("\"/etc/a/\" = \"x\"", 2, ":9: \"/etc/a/\": files can"),
            (
                "\"/etc/a\" = 5", 2,
                ":9: \"/etc/a\" must be the path of a source or a table, not a whole"
            ),
            ("\"/etc/a\" = {}", 2, ":9: \"/etc/a\" needs either `source` or `content`"),
            ("\"/etc/a\" = { source = \"x\", content = \"y\" }", 2, ":9: \"/etc/a\" needs either"),
            (
                "\"/etc/a\" = { content = \"\", mode = \"99\" }", 2,
                ":9: `mode` is \"99\", and must be octal"
            ),
            ("\"/etc/a\" = { content = \"\", user = -1 }", 2, ":9: `user` is -1"),
            ("\"/etc/a\" = { contents = \"\" }", 2, ":9: \"/etc/a\" needs either"),
            ("\"/etc/a\" = \"missing\"", 4, ":6: cannot read "),
            ("\"/etc/a\" = \"/dev/null\"", 4, ":6: /dev/null is neither a file"),
        ]
    )
    func problems(files: String, code: Int32, message: String) throws {
        let folder = try ScratchFolder()
        let error = #expect(throws: BuildError.self) { _ = try additions(files, in: folder) }
        #expect(error?.exitCode == code)
        #expect(error?.message.contains("builddisks.toml" + message) == true, "\(error as Any)")
    }

    @Test func whatIsTooLargeIsRefused() throws {
        let folder = try ScratchFolder()
        let path = FilePath(folder.file("big"))
        try writeFileAtomically(path, [])
        let made = try runCommand(["truncate", "-s", "65M", folder.file("big")])
        #expect(made.status == 0)
        let error = #expect(throws: BuildError.self) {
            _ = try additions("\"/etc/a\" = \"big\"", in: folder)
        }
        #expect(error?.exitCode == 2)
    }
}
