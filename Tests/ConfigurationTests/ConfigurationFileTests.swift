import DiskImage
import Orchestrator
import SystemPackage
import Testing

@testable import Configuration

private func parse(_ text: String) throws(BuildError) -> ConfigurationFile {
    try ConfigurationFile(Array(text.utf8), file: "/project/builddisks.toml")
}

@Suite struct ConfigurationFileTests {
    @Test func everyKeyIsRead() throws {
        let file = try parse(
            """
            repository = "repo"
            osname = "debian"
            output = "/srv/images"
            jobs = 3
            keep = 5

            [defaults]
            size = "8G"
            kargs = ["quiet", "console=ttyS0"]
            method = "vm"
            pull = "9p"
            layout = "bios"
            format = "raw"
            accel = "tcg"
            memory = 1024
            fsck = true
            from = "current"
            else-fresh = true
            overlay = false
            retain = 3
            fresh-boot = true

            [disk.standard]
            ref = "debian/bookworm/x86_64/standard"
            size = 4294967296

            [disk.all]
            ref = ["*-runtime", "*-devel-debug"]
            osname = "gnome"
            repository = "../other"
            from = "old/disk.qcow2"
            """
        )
        #expect(file.output == "/srv/images")
        #expect(file.jobs == 3)
        #expect(file.keptBuilds == 5)
        #expect(file.defaults.repository == "/project/repo")
        #expect(file.defaults.osname == "debian")
        #expect(file.defaults.size == 8 << 30)
        #expect(file.defaults.kernelArguments == ["quiet", "console=ttyS0"])
        #expect(file.defaults.method == .vm)
        #expect(file.defaults.pull == .ninep)
        #expect(file.defaults.layout == .bios)
        #expect(file.defaults.format == .raw)
        #expect(file.defaults.accelerator == .tcg)
        #expect(file.defaults.memory == 1024)
        #expect(file.defaults.verifiesObjects == true)
        #expect(file.defaults.from == .current)
        #expect(file.defaults.elseFresh == true)
        #expect(file.defaults.publishesOverlay == false)
        #expect(file.defaults.retainedDeployments == 3)
        #expect(file.defaults.bootstrap.resumes == false)
        #expect(file.disks.map(\.name) == ["standard", "all"], "in the file's order")
        #expect(file.disks[0].settings.size == 4 << 30)
        #expect(file.disks[0].settings.refs == ["debian/bookworm/x86_64/standard"])
        #expect(file.disks[0].place == "/project/builddisks.toml:23")
        #expect(file.disks[1].settings.repository == "/other")
        #expect(file.disks[1].settings.from == .disk("/project/old/disk.qcow2"))
    }

    @Test(
        "what is wrong is told with its line",
        arguments: [
            ("repositry = \"x\"", "1: unknown key `repositry`; did you mean `repository`?"),
            (
                "\n[defaults]\nsise = \"1G\"",
                "3: unknown key `sise` in [defaults]; did you mean `size`"
            ),
            (
                "[disk.a]\nref=\"r\"\nkarg = []",
                "3: unknown key `karg` in [disk.a]; did you mean `kargs`"
            ),
            ("[disk.a]\nref=\"r\"\nzzzzzzzzz = 1", "3: unknown key `zzzzzzzzz` in [disk.a]"),
            ("[defaults]\nsize = true", "2: `size` must be a size"),
            ("[defaults]\nsize = \"8 gallons\"", "2: `size` is \"8 gallons\", and must be a size"),
            ("[defaults]\nsize = 0", "2: `size` is 0, and must be 1 or more"),
            ("[defaults]\nsize = 1", "2: `size`: a size of 1 is no whole number of sectors"),
            (
                "[disk.a]\nref = \"r\"\nsize = \"300M\"",
                "3: `size`: 300M is too small: the layout hybrid needs at least 394M"
            ),
            (
                "[disk.a]\nref = \"r\"\nlayout = \"bios\"\nsize = \"3T\"",
                "4: `size`: 3T is too large: a partition table of the layout bios reaches 2T"
            ),
            (
                "[defaults]\nmethod = \"fast\"",
                "2: `method` is \"fast\", and must be \"auto\", \"vm\" or"
            ),
            ("[defaults]\nmethod = 3", "2: `method` must be a string, not a whole number"),
            ("[defaults]\nmemory = \"1G\"", "2: `memory` must be a whole number, not a string"),
            ("[defaults]\nmemory = 1", "2: `memory` is 1, and must be from 320 to"),
            ("[defaults]\nretain = 1.5", "2: `retain` must be a whole number, not a number with"),
            (
                "[defaults]\nfsck = 1979-05-27",
                "2: `fsck` must be true or false, not a date or time"
            ),
            (
                "[defaults]\nkargs = \"quiet\"",
                "2: `kargs` must be an array of strings, not a string"
            ),
            ("[defaults]\nkargs = [\n  \"a\",\n  7,\n]", "4: `kargs` holds a whole number"),
            ("keep = 0", "1: `keep` is 0, and must be 1 or more"),
            ("osname = \"\"", "1: `osname` is empty"),
            ("disk = 5", "1: `disk` must be a table (`[disk.NAME]`), not a whole number"),
            ("[[disk]]\nref = \"r\"", "1: `disk` must be a table (`[disk.NAME]`), not an array"),
            ("[disk]\na = 5", "2: `disk.a` must be a table (`[disk.a]`), not a whole number"),
            ("# c\n[disk.a]\nsize = \"1G\"", "2: [disk.a] has no `ref`"),
            ("[disk.a]\nref = []", "2: `ref` names no ref"),
            ("a = 1\nb = ", "2: "),
            ("[disk.a]\nref=\"x\"\n[disk.a]\nref=\"y\"", "3: "),
        ]
    )
    func problems(text: String, message: String) throws {
        let error = #expect(throws: BuildError.self) { _ = try parse(text) }
        #expect(error?.exitCode == 2)
        let expected = "/project/builddisks.toml:" + message
        #expect(error?.message.hasPrefix(expected) == true, "\(error?.message ?? "")")
    }

    @Test func allProblemsAreToldAtOnce() throws {
        let error = #expect(throws: BuildError.self) {
            _ = try parse("output = 1\n[defaults]\nsize = []\n[disk.a]\nref = 3\nlayuot = \"bios\"")
        }
        #expect(error?.message.contains("toml:1: `output`") == true)
        #expect(error?.details.count == 3)
        #expect(error?.details.last?.contains("toml:6: unknown key `layuot`") == true)
    }

    @Test(
        "what is no text",
        arguments: [[0xFF, 0xFE], [0x61, 0x00], Array("a = \"\u{0}\"".utf8)] as [[UInt8]]
    )
    func noText(bytes: [UInt8]) {
        let error = #expect(throws: BuildError.self) {
            _ = try ConfigurationFile(bytes, file: "b.toml")
        }
        #expect(error?.exitCode == 2)
    }

    @Test func deepNestingIsAnError() {
        let text = "a = " + String(repeating: "[", count: 100_000)
        let error = #expect(throws: BuildError.self) { _ = try parse(text) }
        #expect(error?.exitCode == 2)
    }
}

@Suite struct KeyLinesTests {
    @Test(
        "every way to write a key",
        arguments: [
            ("a = 1\nb = 2", ["b"], 2),
            ("\n\n[t]\n# c\nk = 1", ["t", "k"], 5),
            ("[t]\n[t.u]\nk = 1", ["t", "u", "k"], 3),
            ("a.b.c = 1\na.b.d = 2", ["a", "b", "d"], 2),
            ("\"a b\" = 1\n'c.d' = 2", ["c.d"], 2),
            ("\"\\u0061\\n\" = 1\n\"x\" = 2", ["a\n"], 1),
            ("a = \"\"\"\nx = 1\n\"\"\"\nx = 2", ["x"], 4),
            ("a = '''\nb = 1'''\nb = 2", ["b"], 3),
            ("a = \"\"\"q\"\"\"\"\"\nb = 2", ["b"], 2),
            ("a = \"# \\\" [x]\" # b = 1\nb = 2", ["b"], 2),
            ("a = [1,\n 2, # ]\n [3]]\nb = 2", ["b"], 4),
            ("a = [1,\n 2]", ["a", "[1]"], 2),
            ("a = { b = 1, c = { d = '}' } }\ne = 1", ["a", "c", "d"], 1),
            ("a = { b = 1 }\ne = 1", ["e"], 2),
            ("a = 1\r\nb = 2\r\n", ["b"], 2),
            ("[t]\nk = 1", ["t", "missing", "deeper"], 1),
            ("a = 1979-05-27T07:32:00Z\nb=1", ["b"], 2),
        ] as [(String, [String], Int)]
    )
    func lines(text: String, path: [String], line: Int) {
        #expect(KeyLines(text).line(of: path) == line)
    }

    @Test(
        "what is no TOML ends too",
        arguments: [
            "a", "=", "[", "[[", "a = \"", "a = '''", "a = [", "a = {", "{{{", "a = {b", "\\",
        ]
    )
    func malformed(text: String) {
        #expect(KeyLines(text).line(of: ["nothing"]) == 1)
    }
}
