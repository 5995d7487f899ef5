import Orchestrator
import SystemPackage
import TestSupport
import Testing

@testable import Configuration

@Suite struct SelectionTests {
    private static let text = """
        repository = "repo"
        osname = "os"
        output = "images"
        [defaults]
        size = "8G"
        kargs = ["quiet"]
        [disk.standard]
        ref = "os/x86_64/standard"
        size = "4G"
        [disk.small]
        ref = "os/x86_64/small"
        """

    private func select(
        _ text: String? = Self.text,
        flags: (inout DiskSettings) -> Void = { _ in },
        names: [String] = [],
        output: FilePath? = nil
    ) throws -> [Target] {
        var settings = DiskSettings()
        flags(&settings)
        let file = try text.map {
            try ConfigurationFile(Array($0.utf8), file: "/project/builddisks.toml")
        }
        return try Selection(file: file, flags: settings, output: output, names: names).selected()
    }

    private func failure(_ body: () throws -> Void) -> BuildError? {
        #expect(throws: BuildError.self) { try body() }
    }

    @Test func allDisksInTheirOrder() throws {
        let targets = try select()
        #expect(targets.map(\.request.target) == ["standard", "small"])
        #expect(targets.map(\.request.size) == [4 << 30, 8 << 30])
        #expect(targets.map(\.request.diskFileName) == ["os-standard.qcow2", "os-small.qcow2"])
        #expect(targets[0].request.repository == "/project/repo")
        #expect(targets[0].request.output == "/project/images")
        #expect(targets[0].request.kernelArguments == ["quiet"])
    }

    @Test(
        "names select",
        arguments: [
            (["small"], ["small"]), (["os/x86_64/small"], ["small"]),
            (["small", "standard", "small"], ["standard", "small"]),
        ]
    )
    func names(names: [String], chosen: [String]) throws {
        #expect(try select(names: names).map(\.request.target) == chosen)
    }

    @Test func disksThatAreNotAskedForStayAsTheyAre() throws {
        let file = try ConfigurationFile(
            Array(("keep = 4\njobs = 3\n" + Self.text).utf8),
            file: "/project/builddisks.toml"
        )
        let request = try Selection(
            file: file,
            flags: DiskSettings(),
            keptBuilds: 2,
            names: ["small"]
        ).request()
        #expect(request.disks.map(\.target) == ["small"])
        #expect(request.kept == ["os-standard.qcow2"])
        #expect(request.jobs == 3)
        #expect(request.keptBuilds == 2, "the option goes before the file")
    }

    @Test func flagsGoBeforeTheFile() throws {
        let targets = try select(
            flags: {
                $0.size = 1 << 30
                $0.kernelArguments = ["a"]
                $0.osname = "other"
            },
            output: "/elsewhere"
        )
        #expect(targets.map(\.request.size) == [1 << 30, 1 << 30])
        #expect(targets.map(\.request.kernelArguments) == [["a"], ["a"]])
        #expect(targets.map(\.request.osname) == ["other", "other"])
        #expect(targets.map(\.request.output) == ["/elsewhere", "/elsewhere"])
    }

    @Test func aRefOfTheFlagsIsADiskOfItsOwnWithTheDefaults() throws {
        let targets = try select(flags: { $0.refs = ["x/y"] })
        #expect(targets.map(\.request.target) == ["x/y"])
        #expect(targets[0].request.size == 8 << 30)
        #expect(targets[0].request.diskFileName == "os-y.qcow2")
    }

    @Test func aRefOfTheFlagsReplacesThatOfTheNamedDisk() throws {
        let targets = try select(flags: { $0.refs = ["x/y"] }, names: ["standard"])
        #expect(targets.map(\.request.ref) == ["x/y"])
        #expect(targets.map(\.request.diskFileName) == ["os-standard.qcow2"])
        #expect(targets[0].request.size == 4 << 30)
    }

    @Test func flagsAloneAreEnough() throws {
        let targets = try select(
            nil,
            flags: {
                $0.refs = ["x/y"]
                $0.repository = "/r"
                $0.osname = "o"
            },
            output: "/out"
        )
        #expect(targets.map(\.request.diskFileName) == ["o-y.qcow2"])
        #expect(targets[0].request.kernelArguments == BuildRequest.defaultKernelArguments)
        #expect(targets[0].request.size == BuildRequest.defaultSize)
    }

    @Test func anUnknownNameIsAnsweredWithNearOnes() {
        let near = failure { _ = try select(names: ["standrad"]) }
        #expect(near?.exitCode == 2)
        #expect(near?.hint == "Did you mean: standard?")
        let far = failure { _ = try select(names: ["qqqqqqqqqqqqq"]) }
        #expect(far?.hint == "There are: standard, small.")
    }

    @Test(
        "what does not go together",
        arguments: [
            ("[disk.a]\nref=\"r\"\noverlay=true", ":4: overlay and else-fresh belong"),
            ("[disk.a]\nref=\"r\"\nfrom=\"current\"\nmethod=\"compose\"", ":4: the method compose"),
            (
                "[disk.a]\nref=\"r\"\nfrom=\"current\"\noverlay=true\nformat=\"raw\"",
                ":4: a raw disk cannot be an overlay"
            ),
            (
                "[disk.a]\nref=\"r\"\nmethod=\"compose\"\naccel=\"kvm\"\nkernel=\"k\"",
                ":4: the method compose has no VM, so kernel, accel would do nothing"
            ),
            ("[disk.a]\nref=\"r\"\nretain=2", ":4: retain belongs"),
            (
                "[defaults]\nlayout=\"uefi\"\n[disk.a]\nref=\"r\"\nsize=\"350M\"",
                ":6: 350M is too small: the layout uefi needs at least 394M"
            ),
        ]
    )
    func combinations(text: String, message: String) {
        let head = "repository=\"r\"\nosname=\"o\"\noutput=\"i\"\n"
        let error = failure { _ = try select(head + text) }
        #expect(error?.exitCode == 2)
        #expect(error?.message.contains("builddisks.toml" + message) == true, "\(error as Any)")
    }

    @Test(
        "what the method compose and a new disk have no use for",
        arguments: [
            "kernel", "modules", "bootstrap-ref", "bootstrap-repo", "bootstrap-root", "accel",
        ]
    )
    func uselessFlags(name: String) {
        let error = failure {
            _ = try select(flags: {
                $0.method = .compose
                switch name {
                case "kernel": $0.bootstrap.kernel = "/k"
                case "modules": $0.bootstrap.modules = "/m"
                case "bootstrap-ref": $0.bootstrap.ref = "r"
                case "bootstrap-repo": $0.bootstrap.repository = "/r"
                case "bootstrap-root": $0.bootstrap.root = .auto
                default: $0.accelerator = .auto
                }
            })
        }
        #expect(error?.exitCode == 2)
        #expect(error?.message.contains("so \(name) would do nothing") == true)
    }

    /// For some disks of a file, and not for others.
    @Test func defaultsMaySpeakOfTheVM() throws {
        let text = """
            repository = "r"
            osname = "o"
            output = "i"
            [defaults]
            accel = "kvm"
            retain = 3
            [disk.a]
            ref = "r"
            method = "compose"
            """
        #expect(try select(text).map(\.request.target) == ["a"])
        #expect(try select(text, flags: { $0.accelerator = .tcg }).count == 1)
        let error = failure { _ = try select(text, flags: { $0.retainedDeployments = 2 }) }
        #expect(error?.message.contains("the command line: retain belongs") == true)
    }

    @Test func retainOfTheFileOutlivesAFlagThatTakesFromAway() throws {
        let text = Self.text + "\nfrom = \"current\"\nretain = 3"
        let targets = try select(text, flags: { $0.from = UpdateSource.none })
        #expect(targets.map(\.request.update.from) == [.none, .none])
    }

    @Test func retainOfTheFlagsServesTheDisksThatHaveAFrom() throws {
        let text = Self.text + "\nfrom = \"current\""
        func select(_ names: String...) throws -> [Target] {
            try self.select(text, flags: { $0.retainedDeployments = 3 }, names: names)
        }
        #expect(try select().count == 2)
        #expect(try select("small").map(\.request.update.retainedDeployments) == [3])
        let error = failure { _ = try select("standard") }
        #expect(error?.message.contains("the command line: retain belongs") == true)
    }

    @Test func aFileWithoutDisksIsToldSo() {
        let error = failure { _ = try select("repository = \"r\"") }
        #expect(error?.message == "/project/builddisks.toml names no disk")
    }

    @Test(
        "what is missing is named, with the flag that gives it",
        arguments: ["repository", "osname", "output"]
    )
    func missing(key: String) {
        let text = Self.text.split(separator: "\n").filter { !$0.hasPrefix(key) }
            .joined(separator: "\n")
        let error = failure { _ = try select(text) }
        #expect(error?.message.contains("no `\(key)` is given") == true)
        #expect(error?.hint?.contains("--") == true)
    }

    @Test func patternsFindRefs() throws {
        let repository = try SampleRepository(SampleTree.canonical, ref: "gnome/x86_64-runtime")
        let path = repository.path
        for ref in ["gnome/x86_64-devel-debug", "gnome/i686-hwtest", "other/sdk"] {
            _ = try SampleRepository.ostree(
                "refs",
                "--repo=\(path)",
                "gnome/x86_64-runtime",
                "--create=\(ref)"
            )
        }
        let head = "repository=\"\(path)\"\nosname=\"g\"\noutput=\"/i\"\n[disk.all]\n"
        let targets = try select(head + #"ref = ["*-runtime", "*-hwtest", "*-devel-*"]"#)
        #expect(
            targets.map(\.request.ref) == [
                "gnome/i686-hwtest", "gnome/x86_64-devel-debug", "gnome/x86_64-runtime",
            ]
        )
        #expect(targets[0].request.diskFileName == "g-i686-hwtest.qcow2")
        #expect(
            try select(head + "ref = \"*\"", names: ["all"]).count == 4,
            "the entry's name means all its refs"
        )
        #expect(
            try select(head + "ref = \"*\"", names: ["sdk"]).map(\.request.ref) == ["other/sdk"]
        )
        let none = failure { _ = try select(head + "ref = \"*-nothing\"") }
        #expect(none?.exitCode == 4)
        let clash = failure {
            _ = try select(
                head + "ref = \"*-runtime\"\n[disk.\"x86_64-runtime\"]\nref = \"other/sdk\""
            )
        }
        #expect(clash?.message.contains("both make g-x86_64-runtime.qcow2") == true)
    }

    @Test(
        "patterns",
        arguments: [
            ("*-runtime", "a/b/c-runtime", true), ("*-runtime", "a/b-runtime/c", false),
            ("a/?", "a/b", true), ("a/[bc]", "a/d", false), ("A*", "a", false),
        ]
    )
    func patterns(pattern: String, ref: String, isMatch: Bool) {
        #expect(matches(ref, pattern) == isMatch)
        #expect(isPattern(pattern))
        #expect(!isPattern(ref))
    }
}
