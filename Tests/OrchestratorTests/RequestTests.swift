import DiskImage
import OSTree
import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

/// What is asked for is checked before anything is done, and told in the user's own terms.
@Suite struct RequestTests {
    private let sample: SampleRepository

    init() throws { sample = try SampleRepository(SampleTree.canonical) }

    private func request(
        osname: String = "os",
        _ change: (inout BuildRequest) -> Void = { _ in }
    ) -> BuildRequest {
        var request = BuildRequest(
            repository: FilePath(sample.path),
            ref: "os/sample",
            osname: osname,
            output: "/nowhere"
        )
        change(&request)
        return request
    }

    private func problem(_ change: (inout BuildRequest) -> Void) -> String? {
        let request = request(change)
        let error = #expect(throws: BuildError.self) { try request.check() }
        #expect(error?.exitCode == 2)
        return error?.message
    }

    @Test(
        "sizes that make no sense",
        arguments: [
            (.hybrid, 300 << 20, "300M is too small: the layout hybrid needs at least 394M"),
            (.bios, 1000 << 10, "1000K is too small: the layout bios needs at least 329M"),
            (.hybrid, 1, "a size of 1 is no whole number of sectors of 512 bytes"),
        ] as [(BuildRequest.Layout, UInt64, String)]
    )
    func sizes(layout: BuildRequest.Layout, size: UInt64, message: String) {
        let text = problem { request in
            request.layout = layout
            request.size = size
        }
        #expect(text == message)
    }

    @Test(arguments: [1, 99_999_999])
    func bothLimitsOfTheMemory(memory: Int) {
        let text = problem { request in request.memory = memory }
        #expect(text?.contains("from 320 to 1048576") == true, "\(text ?? "")")
    }

    @Test(
        "names that are no plain folders",
        arguments: ["", ".a", "-a", "a b", "a/b", "a\\b", "a\u{7F}"]
    )
    func osnames(name: String) throws {
        let wanted = request(osname: name)
        let error = #expect(throws: BuildError.self) { _ = try BuildPlan(wanted) }
        #expect(error?.exitCode == 2)
        #expect(error?.hint?.contains("not beginning with '.' or '-'") == true)
        _ = try BuildPlan(request(osname: "a.b_c-d"))
    }

    @Test(
        "folders of the output that are no builds",
        arguments: ["current", "failures", ".lock", "a/b"]
    )
    func buildNames(name: String) {
        let wanted = request { request in request.buildName = name }
        let error = #expect(throws: BuildError.self) { _ = try BuildPlan(wanted) }
        #expect(error?.exitCode == 2)
    }

    @Test func whatTheVMIsMadeOfDoesNotChangeAComposedDisk() throws {
        func identity(
            _ method: BuildRequest.Method = .auto,
            _ bootstrap: BootstrapOptions = BootstrapOptions(),
            from: UpdateSource = .none,
            of identity: KeyPath<BuildPlan, Checksum> = \.identity
        ) throws -> Checksum {
            let wanted = request { request in
                request.method = method
                request.bootstrap = bootstrap
                request.update.from = from
            }
            return try BuildPlan(wanted)[keyPath: identity]
        }
        let tree = BootstrapOptions(ref: "os/sample")
        let (plain, other) = (try identity(), try identity(.auto, tree))
        #expect(plain == other)
        let image = try identity(.auto, BootstrapOptions(root: .image))
        #expect(plain == image)
        // Here is a VM, or may be.
        let needed = try identity(of: \.identityInVM)
        let otherNeeded = try identity(.auto, tree, of: \.identityInVM)
        #expect(needed != otherNeeded)
        #expect(needed != plain, "composed and made in the VM, files differ")
        let (vm, otherVM) = (try identity(.vm), try identity(.vm, tree))
        #expect(vm != otherVM)
        let update = try identity(from: .current)
        let otherUpdate = try identity(.auto, tree, from: .current)
        #expect(update != otherUpdate)
        // No choice, one identity.
        #expect(try identity(.vm, tree, of: \.identityInVM) == otherVM)
        #expect(try identity(.auto, tree, from: .current, of: \.identityInVM) == otherUpdate)
    }

    private func refusal(_ bootstrap: BootstrapOptions) -> BuildError? {
        let wanted = request { $0.bootstrap = bootstrap }
        return #expect(throws: BuildError.self) { _ = try BuildPlan(wanted) }
    }

    @Test func whatIsNamedIsThere() {
        let kernel = refusal(BootstrapOptions(kernel: "/nosuch/kernel"))
        #expect(kernel?.exitCode == 4)
        #expect(kernel?.message.contains("/nosuch/kernel") == true)
        #expect(kernel?.message.contains("\(Errno.noSuchFileOrDirectory)") == true)
        let ref = refusal(BootstrapOptions(ref: "zz"))
        #expect(ref?.message.hasPrefix("the bootstrap tree: ") == true)
        let repository = refusal(BootstrapOptions(ref: "zz", repository: "/nosuch"))
        #expect(repository?.message.contains("/nosuch") == true)
    }
}
