import Bootstrap
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

/// How the guest gets its root, by what its kernel can do.
@Suite struct BootstrapRootTests {
    /// A kernel with everything built in, but for some.
    private struct Kernel: BootKernel {
        var lacking: Set<String> = []
        let version = "6.1.0-test"
        let origin = "the test"

        func imageKey() -> String { "image" }
        func modulesKey() -> String { lacking.sorted().joined(separator: "+") + "." }
        func imageBytes() -> [UInt8] { [UInt8](repeating: 1, count: 4096) }
        func configuration() -> [UInt8]? { nil }

        func file(_ path: String) -> [UInt8]? {
            let names = WantedModule.standard.map(\.name).filter { !lacking.contains($0) }
            return switch path {
            case "modules.dep": []
            case "modules.builtin": Array(names.map { "kernel/\($0).ko\n" }.joined().utf8)
            default: nil
            }
        }
    }

    private func choose(
        _ choice: BootstrapOptions.RootChoice,
        lacking: Set<String> = []
    ) throws -> BootstrapChoice.Machine {
        let scratch = try ScratchFolder()
        try Data("agent".utf8).write(to: URL(fileURLWithPath: scratch.file("agent")))
        return try BootstrapChoice.Machine(
            Kernel(lacking: lacking),
            choice,
            agent: FilePath(scratch.file("agent")),
            cache: BootstrapCache(folder: FilePath(scratch.file("cache")))
        )
    }

    @Test func aKernelWith9PHasTheView() throws {
        for choice in [BootstrapOptions.RootChoice.auto, .ninep] {
            #expect(try choose(choice).root == .view)
        }
        #expect(try choose(.auto, lacking: ["9pnet_fd", "overlay"]).root == .view)
    }

    @Test func aKernelWithout9PHasAnImage() throws {
        let machine = try choose(.auto, lacking: ["9p", "9pnet_fd"])
        #expect(machine.root == .image)
        #expect(machine.why.contains("since the kernel has no 9P"), "\(machine.why)")
        // The view is what was asked for, and there is no way to have it.
        let error = #expect(throws: BootstrapError.self) {
            try choose(.ninep, lacking: ["9p", "9pnet_fd"])
        }
        #expect("\(error as Any)".contains("no module 9p"))
        #expect(error?.description.contains("--bootstrap-root 9p") == true)
    }

    @Test func anImageCanBeAskedFor() throws {
        let machine = try choose(.image)
        #expect(machine.root == .image)
        #expect(machine.why.contains("as asked"), "\(machine.why)")
    }

    /// Without these no root of either kind will do.
    @Test(arguments: ["vmw_vsock_virtio_transport", "virtio_blk", "ext4"])
    func whatBothNeedIsNamed(module: String) {
        for choice in BootstrapOptions.RootChoice.allCases {
            let error = #expect(throws: BootstrapError.self) {
                try choose(choice, lacking: [module, choice == .auto ? "9p" : "overlay"])
            }
            guard case .moduleMissing(module, _, _)? = error else {
                Issue.record("\(choice): \(error as Any)")
                continue
            }
        }
    }

    /// The objects would come over 9P as well.
    @Test func pull9PAndAnImageDoNotGoTogether() {
        var request = BuildRequest(
            repository: "/repo",
            ref: "os/test",
            osname: "test",
            output: "/out",
            pull: .ninep,
            bootstrap: BootstrapOptions(root: .image)
        )
        let error = #expect(throws: BuildError.self) { try request.check() }
        #expect(error?.kind == .usage)
        #expect(error?.message.contains("pull 9p") == true)
        request.pull = .pack
        #expect(throws: Never.self) { try request.check() }
    }
}
