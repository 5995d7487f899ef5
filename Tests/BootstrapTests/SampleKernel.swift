import Foundation
import TestSupport

/// Kernels small enough for a test, laid out as real ones.
enum SampleKernel {
    struct Failure: Error { let description: String }

    /// An ELF file with one note segment.
    static func elf(noteType: UInt32 = 18, size: Int = 20_000) -> [UInt8] {
        var file = [UInt8](repeating: 0, count: size)
        file.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
        put(&file, at: 32, UInt64(64))  // e_phoff
        put(&file, at: 54, UInt16(56))  // e_phentsize
        put(&file, at: 56, UInt16(2))  // e_phnum
        put(&file, at: 64, UInt32(1))  // PT_LOAD
        put(&file, at: 120, UInt32(4))  // PT_NOTE
        put(&file, at: 128, UInt64(512))
        put(&file, at: 152, UInt64(48))
        // A GNU note first, then Xen's.
        note(&file, at: 512, owner: "GNU", type: 3, value: [1, 2, 3, 4, 5])
        note(&file, at: 536, owner: "Xen", type: noteType, value: [0, 0, 0, 1])
        for index in 1_024..<size { file[index] = UInt8(truncatingIfNeeded: index / 7) }
        return file
    }

    private static func note(
        _ file: inout [UInt8],
        at offset: Int,
        owner: String,
        type: UInt32,
        value: [UInt8]
    ) {
        put(&file, at: offset, UInt32(owner.utf8.count + 1))
        put(&file, at: offset + 4, UInt32(value.count))
        put(&file, at: offset + 8, type)
        file.replaceSubrange(offset + 12..<offset + 12 + owner.utf8.count, with: owner.utf8)
        file.replaceSubrange(offset + 16..<offset + 16 + value.count, with: value)
    }

    /// A bzImage of protocol 2.15 around a compressed payload.
    static func bzImage(payload: [UInt8], contentSize: Int, appendsSize: Bool) -> [UInt8] {
        let setupSectors = 3
        let offset = 64
        var image = [UInt8](repeating: 0, count: (setupSectors + 1) * 512 + offset)
        image[0x1f1] = UInt8(setupSectors)
        image.replaceSubrange(0x202..<0x206, with: "HdrS".utf8)
        put(&image, at: 0x206, UInt16(0x020f))
        put(&image, at: 0x248, UInt32(offset))
        put(&image, at: 0x24c, UInt32(payload.count + (appendsSize ? 4 : 0)))
        image += payload
        if appendsSize {
            var size: [UInt8] = [0, 0, 0, 0]
            put(&size, at: 0, UInt32(contentSize))
            image += size
        }
        return image + [UInt8](repeating: 0xcc, count: 300)
    }

    static func put(_ bytes: inout [UInt8], at offset: Int, _ value: some FixedWidthInteger) {
        for index in 0..<(type(of: value).bitWidth / 8) {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
        }
    }

    /// By the command that a kernel's makefile uses.
    static func compress(_ content: [UInt8], _ command: [String]) throws -> [UInt8] {
        let folder = try ScratchFolder()
        let input = folder.file("in")
        let output = folder.file("out")
        try Data(content).write(to: URL(fileURLWithPath: input))
        let line = command.joined(separator: " ") + " <\(input) >\(output)"
        let verdict = try Referee.run("sh", ["-c", line])
        guard verdict.status == 0 else { throw Failure(description: verdict.output) }
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: output)))
    }

    /// A commit's tree with a kernel and a few modules.
    static func tree(
        vmlinuz: [UInt8],
        versions: [String] = ["6.1.0-test"],
        without missing: String = "none"
    ) throws -> [TarEntry] {
        var tree: [TarEntry] = [.directory(""), .directory("usr"), .directory("usr/lib")]
        tree.append(.directory("usr/lib/modules"))
        tree.append(.directory("usr/lib/modules/empty"))
        for version in versions {
            let folder = "usr/lib/modules/\(version)"
            tree.append(.directory(folder))
            tree.append(.file("\(folder)/vmlinuz", vmlinuz))
            tree.append(.file("\(folder)/initramfs.img", [1]))
            tree.append(.directory("\(folder)/kernel"))
            var dependencies = "kernel/jbd2.ko.zst:\n"
            for name in ["virtio_pci", "virtio_console", "virtio_blk", "9p", "9pnet_fd"]
            where name != missing {
                dependencies += "kernel/\(name).ko:\n"
                tree.append(.file("\(folder)/kernel/\(name).ko", Array("module \(name)".utf8)))
            }
            dependencies += "kernel/vmw_vsock_virtio_transport.ko.gz: kernel/vsock.ko.xz\n"
            dependencies += "kernel/vsock.ko.xz:\nkernel/ext4.ko: kernel/jbd2.ko.zst\n"
            for (file, content, command) in [
                ("vmw_vsock_virtio_transport.ko.gz", "transport", ["gzip", "-9"]),
                ("vsock.ko.xz", "vsock", ["xz", "--check=crc32"]),
                ("jbd2.ko.zst", "jbd2", ["zstd", "-q"]),
                ("ext4.ko", "module ext4", ["cat"]),
            ] {
                let bytes = try compress(Array(content.utf8), command)
                tree.append(.file("\(folder)/kernel/\(file)", bytes))
            }
            tree.append(.file("\(folder)/modules.dep", Array(dependencies.utf8)))
            tree.append(.file("\(folder)/modules.builtin", Array("kernel/unix.ko\n".utf8)))
        }
        return tree
    }
}
