import Testing

@testable import Bootstrap

@Suite struct ModuleIndexTests {
    private static let index = ModuleIndex(
        dependencies: Array(
            """
            kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/fs/mbcache.ko.xz kernel/lib/crc16.ko.xz
            kernel/fs/jbd2/jbd2.ko.xz:
            kernel/fs/mbcache.ko.xz:
            kernel/lib/crc16.ko.xz:
            kernel/arch/x86/crypto/crc32c-intel.ko.xz:
            kernel/crypto/crc32c_generic.ko.zst:
            kernel/net/9p/9pnet.ko:
            kernel/net/9p/9pnet_fd.ko: kernel/net/9p/9pnet.ko
            kernel/fs/9p/9p.ko: kernel/fs/netfs/netfs.ko.gz kernel/net/9p/9pnet.ko
            kernel/fs/netfs/netfs.ko.gz:
            kernel/a.ko: kernel/b.ko
            kernel/b.ko: kernel/a.ko
            kernel/late.ko:
            """.utf8
        ),
        builtin: Array(
            "kernel/drivers/virtio/virtio_pci.ko\nkernel/fs/nls/nls_iso8859-1.ko\n".utf8
        ),
        softDependencies: Array(
            """
            # Soft dependencies extracted from modules themselves.
            softdep ext4 pre: crypto-crc32c
            softdep jbd2 pre: crypto-crc32c nowhere
            softdep 9p post: late
            """.utf8
        ),
        aliases: Array(
            """
            # Aliases extracted from modules themselves.
            alias crypto-crc32c crc32c_intel
            alias crypto-crc32c crc32c_generic
            alias fs-ext4 ext4
            """.utf8
        )
    )

    @Test(arguments: [
        (["ext4"], ["crc32c_intel", "crc32c_generic", "crc16", "mbcache", "jbd2", "ext4"]),
        (["9p", "9pnet_fd"], ["9pnet", "netfs", "9p", "late", "9pnet_fd"]),
        (["9pnet-fd", "9p"], ["9pnet", "9pnet_fd", "netfs", "9p", "late"]),
        (["crc32c-intel", "crc32c_intel"], ["crc32c_intel"]),
        (["virtio_pci", "nls-iso8859-1", "unknown"], []),
        (
            ["fs-ext4", "jbd2"],
            ["crc32c_intel", "crc32c_generic", "crc16", "mbcache", "jbd2", "ext4"]
        ),
        (["a"], ["b", "a"]),
    ]) func dependenciesComeFirst(wanted: [String], expected: [String]) {
        #expect(ModuleIndexTests.index.loadOrder(of: wanted).map(\.name) == expected)
    }

    @Test func namesAreResolvedAsModprobeDoes() {
        let index = ModuleIndexTests.index
        #expect(index.resolve("virtio-pci") == .builtin)
        #expect(index.resolve("nls_iso8859_1") == .builtin)
        #expect(index.resolve("crypto-crc32c") == .modules(["crc32c_intel", "crc32c_generic"]))
        #expect(index.resolve("vsock") == .unknown)
    }

    @Test(arguments: [
        ("kernel/fs/ext4/ext4.ko", "ext4"), ("x/crc32c-intel.ko.xz", "crc32c_intel"),
        ("x/snd-a.ko.zst", "snd_a"), ("plain.ko.gz", "plain"), ("", ""),
    ]) func aPathNamesItsModule(path: String, name: String) {
        #expect(ModuleIndex.name(ofPath: path) == name)
    }
}
