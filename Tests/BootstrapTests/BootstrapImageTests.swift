import Foundation
import OSTree
import SystemPackage
import TestSupport
import Testing

@testable import Bootstrap

@Suite struct BootstrapImageTests {
    private static let vmlinuz: [UInt8] = {
        let elf = SampleKernel.elf()
        let payload = (try? SampleKernel.compress(elf, ["xz", "--check=crc32"])) ?? []
        return SampleKernel.bzImage(payload: payload, contentSize: elf.count, appendsSize: true)
    }()

    private func prepare(
        _ tree: [TarEntry],
        agent: [UInt8]? = Array("agent".utf8)
    ) throws -> (image: BootstrapImage, kernel: [UInt8], initramfs: [UInt8], scratch: ScratchFolder)
    {
        let scratch = try ScratchFolder()
        let sample = try SampleRepository(tree)
        defer { withExtendedLifetime(sample) {} }
        let repository = try Repository(path: FilePath(sample.path))
        let commit = try repository.commit(repository.resolve("os/sample"))
        if let agent { try Data(agent).write(to: URL(fileURLWithPath: scratch.file("agent"))) }
        let image = try BootstrapImage.prepare(
            KernelFinder.find(in: commit, of: repository),
            agent: FilePath(scratch.file("agent")),
            cache: BootstrapCache(folder: FilePath(scratch.file("cache")))
        )
        let kernel = try Data(contentsOf: URL(fileURLWithPath: image.kernel.string))
        let initramfs = try Data(contentsOf: URL(fileURLWithPath: image.initramfs.string))
        return (image, [UInt8](kernel), [UInt8](initramfs), scratch)
    }

    private func failure(_ body: () throws -> Void) -> BootstrapError? {
        do {
            try body()
            return nil
        } catch {
            return error as? BootstrapError
        }
    }

    @Test func kernelAndInitramfsComeOutOfTheCommit() throws {
        let made = try prepare(SampleKernel.tree(vmlinuz: BootstrapImageTests.vmlinuz))
        #expect(made.image.kernelVersion == "6.1.0-test")
        #expect(made.image.isPVH)
        #expect(made.kernel == SampleKernel.elf())
        let files = try CPIOReader.files(made.initramfs)
        #expect(files["init"] == .file(mode: 0o100755, Array("agent".utf8)))
        #expect(files["dev"] == .file(mode: 0o040755, []))
        for (file, expected) in [
            (
                "order",
                [
                    "virtio_pci.ko", "virtio_console.ko", "vsock.ko",
                    "vmw_vsock_virtio_transport.ko", "9p.ko", "9pnet_fd.ko",
                ]
            ), ("order-disk", ["virtio_blk.ko", "jbd2.ko", "ext4.ko"]),
        ] {
            let order = try #require(files["modules/\(file)"])
            let names = String(decoding: order.content, as: UTF8.self).split(separator: "\n")
            #expect(names.map(String.init) == expected)
        }
        for (name, content) in [
            ("vsock", "vsock"), ("vmw_vsock_virtio_transport", "transport"), ("jbd2", "jbd2"),
            ("ext4", "module ext4"),
        ] {
            #expect(files["modules/\(name).ko"]?.content == Array(content.utf8))
        }
    }

    @Test func aTreeWithoutAKernelIsRefused() throws {
        let trees: [[TarEntry]] = [
            SampleTree.canonical, try SampleKernel.tree(vmlinuz: [], versions: []),
        ]
        for tree in trees {
            let error = failure { _ = try prepare(tree) }
            guard case .noKernel = error else { Issue.record("\(error as Any)"); continue }
            #expect(error?.isOfTheHost == false)
        }
    }

    @Test func twoKernelsAreRefused() throws {
        let tree = try SampleKernel.tree(
            vmlinuz: BootstrapImageTests.vmlinuz,
            versions: ["6.1", "6.12"]
        )
        let error = failure { _ = try prepare(tree) }
        guard case .severalKernels(_, ["6.1", "6.12"]) = error else {
            Issue.record("\(error as Any)")
            return
        }
    }

    @Test func aMissingModuleIsNamed() throws {
        let tree = try SampleKernel.tree(vmlinuz: BootstrapImageTests.vmlinuz, without: "9p")
        let error = failure { _ = try prepare(tree) }
        guard case .moduleMissing("9p", let kernel, _) = error, kernel.version == "6.1.0-test"
        else {
            Issue.record("\(error as Any)")
            return
        }
    }

    @Test func aMissingAgentIsTheHostsFault() throws {
        let tree = try SampleKernel.tree(vmlinuz: BootstrapImageTests.vmlinuz)
        let error = failure { _ = try prepare(tree, agent: nil) }
        guard case .agentUnreadable(_, .noSuchFileOrDirectory) = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(error?.isOfTheHost == true)
    }
}

/// Reads the "newc" format, for what the kernel will see; the kernel's own reader judges in VM tests.
enum CPIOReader {
    enum Entry: Equatable {
        case file(mode: UInt32, [UInt8])

        var content: [UInt8] { if case .file(_, let content) = self { content } else { [] } }
    }

    struct Malformed: Error {}

    static func files(_ archive: [UInt8]) throws -> [String: Entry] {
        var files: [String: Entry] = [:]
        var position = 0
        while position + 110 <= archive.count {
            let header = archive[position..<position + 110]
            guard header.starts(with: "070701".utf8) else { throw Malformed() }
            let fields = (0..<13).map { index in
                let digits = header.dropFirst(6 + 8 * index).prefix(8)
                return Int(String(decoding: digits, as: UTF8.self), radix: 16) ?? -1
            }
            let nameStart = position + 110
            let name = String(
                decoding: archive[nameStart..<nameStart + fields[11] - 1],
                as: UTF8.self
            )
            if name == "TRAILER!!!" { return files }
            let start = (nameStart + fields[11] + 3) & ~3
            let content = Array(archive[start..<start + fields[6]])
            files[name] = .file(mode: UInt32(fields[1]), content)
            position = (start + fields[6] + 3) & ~3
        }
        throw Malformed()
    }
}
