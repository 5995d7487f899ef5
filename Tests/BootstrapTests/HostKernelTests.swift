import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Bootstrap

@Suite struct HostKernelTests {
    /// A host's root with kernels as a distribution lays them out.
    private func host(_ versions: [String]) throws -> ScratchFolder {
        let folder = try ScratchFolder()
        for version in versions {
            for path in ["boot", "lib/modules/\(version)"] {
                try FileManager.default.createDirectory(
                    atPath: folder.file(path),
                    withIntermediateDirectories: true
                )
            }
            let image = try image(version)
            try Data(image).write(to: URL(fileURLWithPath: folder.file("boot/vmlinuz-\(version)")))
            for (name, text) in [
                ("lib/modules/\(version)/modules.dep", "kernel/9p.ko:\n"),
                ("lib/modules/\(version)/modules.builtin", "kernel/virtio_pci.ko\n"),
                ("boot/config-\(version)", "CONFIG_HZ_250=y\nCONFIG_HZ=250\n"),
            ] {
                try text.write(toFile: folder.file(name), atomically: true, encoding: .utf8)
            }
        }
        return folder
    }

    /// A bzImage whose header names its version.
    private func image(_ version: String) throws -> [UInt8] {
        var image = SampleKernel.bzImage(payload: [], contentSize: 0, appendsSize: true)
        SampleKernel.put(&image, at: 0x20e, UInt16(0x400))
        image.replaceSubrange(0x600..<0x600 + version.utf8.count, with: version.utf8)
        image[0x600 + version.utf8.count] = UInt8(ascii: " ")
        return image
    }

    @Test func theVersionComesFromTheImage() throws {
        let host = try host(["6.1.0-9-test"])
        let image = FilePath(host.file("boot/vmlinuz-6.1.0-9-test"))
        for modules in ["lib/modules", "lib/modules/6.1.0-9-test"] {
            let kernel = try HostKernel(image: image, modules: FilePath(host.file(modules)))
            #expect(kernel.version == "6.1.0-9-test")
            #expect(try kernel.tickRate() == 250)
            #expect(try kernel.file("modules.dep") == Array("kernel/9p.ko:\n".utf8))
            #expect(try kernel.file("none") == nil)
            #expect(try ModuleSet(kernel).missing()?.name == "virtio_console")
        }
        let wrong = FilePath(host.file("boot/config-6.1.0-9-test"))
        #expect(throws: BootstrapError.self) { try HostKernel(image: wrong, modules: nil) }
        #expect(throws: BootstrapError.self) {
            try HostKernel(image: image, modules: FilePath(host.file("boot")))
        }
    }

    @Test func installedKernelsAreFoundWhereTheyAreComplete() throws {
        let host = try host(["6.1.0-1-test", "6.1.0-2-test", "6.1.0-3-test"])
        try FileManager.default.removeItem(atPath: host.file("boot/vmlinuz-6.1.0-3-test"))
        let found = HostKernel.installed(root: FilePath(host.path))
        #expect(found.map(\.version) == ["6.1.0-2-test", "6.1.0-1-test"])
        #expect(HostKernel.installed(root: FilePath(host.file("boot"))).isEmpty)
    }

    /// A module that was replaced is another initramfs.
    @Test func theKeyFollowsTheModules() throws {
        let host = try host(["6.1.0-9-test"])
        let image = FilePath(host.file("boot/vmlinuz-6.1.0-9-test"))
        let kernel = try HostKernel(image: image, modules: FilePath(host.file("lib/modules")))
        let before = try kernel.modulesKey()
        #expect(try kernel.modulesKey() == before)
        try "other".write(
            toFile: host.file("lib/modules/6.1.0-9-test/new.ko"),
            atomically: true,
            encoding: .utf8
        )
        #expect(try kernel.modulesKey() != before)
    }
}
