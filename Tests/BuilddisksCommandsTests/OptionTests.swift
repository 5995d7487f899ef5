import ArgumentParser
import Testing

@testable import BuilddisksCommands

/// Options that the parser takes for numbers and that make no sense.
@Suite struct OptionTests {
    /// Whether the command line is refused as such (exit code 2).
    private func isRefused(_ arguments: [String]) -> Bool {
        do {
            _ = try Builddisks.parseAsRoot(arguments)
            return false
        } catch {
            return Builddisks.exitCode(for: error) == .validationFailure
        }
    }

    @Test(arguments: ["nan", "inf", "-inf", "-3", "0", "1e300", "604801", "soon"])
    func limitIsRefused(limit: String) {
        #expect(isRefused(["boot", "disk", "--expect", "text", "--limit=\(limit)"]))
    }

    @Test(arguments: ["0.5", "300", "604800"])
    func limitIsTaken(limit: String) {
        #expect(!isRefused(["boot", "disk", "--expect", "text", "--limit=\(limit)"]))
    }

    /// The rule of `build`, for every VM: past it QEMU's own words would be all there is.
    @Test(arguments: [
        ["boot", "disk"], ["shell", "--repo", "r", "--ref", "f"],
        ["guest-listing", "--repo", "r", "--ref", "f"],
    ])
    func memoryHasLimits(command: [String]) {
        for memory in ["-5", "0", "319", "1048577", "9223372036854775807"] {
            #expect(isRefused(command + ["--memory=\(memory)"]), "\(memory)")
        }
        for memory in ["320", "1048576"] {
            #expect(!isRefused(command + ["--memory=\(memory)"]), "\(memory)")
        }
    }

    /// Any output would begin with it.
    @Test func nothingCannotBeExpected() {
        #expect(isRefused(["boot", "disk", "--expect", ""]))
    }

    /// An empty path would be the current folder.
    @Test(
        arguments: [
            "repo", "ref", "osname", "from", "bootstrap-ref", "bootstrap-repo", "kernel", "modules",
            "output", "config", "build",
        ]
    )
    func anEmptyOptionOfABuildIsRefused(name: String) {
        #expect(isRefused(["build", "--\(name)", ""]))
        #expect(!isRefused(["build", "--\(name)", "x"]))
    }
}
