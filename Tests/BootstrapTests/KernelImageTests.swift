import Testing

@testable import Bootstrap

@Suite struct KernelImageTests {
    static let compressions: [(command: [String], appendsSize: Bool)] = [
        (["gzip", "-n", "-9"], false),
        (["xz", "--check=crc32", "--x86", "--lzma2=,dict=32MiB"], true),
        (["xz", "--format=lzma"], true),
        (["zstd", "-q", "-19"], true),
        (["lz4", "-l", "-9"], true),
    ]

    @Test(arguments: compressions)
    func theKernelInsideIsFound(command: [String], appendsSize: Bool) throws {
        let elf = SampleKernel.elf()
        let image = SampleKernel.bzImage(
            payload: try SampleKernel.compress(elf, command),
            contentSize: elf.count,
            appendsSize: appendsSize
        )
        let kernel = try KernelImage(vmlinuz: image)
        #expect(kernel.isPVH)
        #expect(kernel.bytes == elf)
    }

    /// More than one 8 MiB block of the legacy frame.
    @Test func aLargeLZ4KernelIsFound() throws {
        let elf = SampleKernel.elf(size: 17 << 20)
        let payload = try SampleKernel.compress(elf, ["lz4", "-l", "-1"])
        let image = SampleKernel.bzImage(
            payload: payload,
            contentSize: elf.count,
            appendsSize: true
        )
        #expect(try KernelImage(vmlinuz: image).bytes.count == elf.count)
    }

    @Test func aKernelWithoutPVHNoteStaysAsItIs() throws {
        let elf = SampleKernel.elf(noteType: 17)
        let image = SampleKernel.bzImage(
            payload: try SampleKernel.compress(elf, ["gzip", "-n"]),
            contentSize: elf.count,
            appendsSize: false
        )
        let kernel = try KernelImage(vmlinuz: image)
        #expect(!kernel.isPVH)
        #expect(kernel.bytes == image)
    }

    @Test(arguments: [0, 1, 600, 0x250]) func whatIsNoBzImageStaysAsItIs(count: Int) throws {
        let bytes = [UInt8](repeating: 0x48, count: count)
        let kernel = try KernelImage(vmlinuz: bytes)
        #expect(!kernel.isPVH)
        #expect(kernel.bytes == bytes)
    }

    @Test func anELFKernelIsTakenAsItIs() throws {
        let elf = SampleKernel.elf()
        let kernel = try KernelImage(vmlinuz: elf)
        #expect(kernel.isPVH)
        #expect(kernel.bytes == elf)
    }

    @Test(arguments: compressions)
    func aDamagedPayloadIsRefused(command: [String], appendsSize: Bool) throws {
        let elf = SampleKernel.elf()
        var payload = try SampleKernel.compress(elf, command)
        payload[payload.count / 2] ^= 0xff
        payload[payload.count / 2 + 1] ^= 0xff
        let image = SampleKernel.bzImage(
            payload: payload,
            contentSize: elf.count,
            appendsSize: appendsSize
        )
        // LZ4 and lzma have no checksum: there the content may merely differ.
        let kernel = try? KernelImage(vmlinuz: image)
        #expect(kernel == nil || kernel?.bytes != elf)
    }

    /// Damaged tables of an ELF file are no reason to trap.
    @Test func randomChangesOfAnELFFileNeverTrap() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var elf = SampleKernel.elf(size: 1_100)
            for _ in 0..<8 {
                elf[Int.random(in: 6..<600, using: &generator)] = UInt8.random(in: 0...255)
            }
            _ = ELF.hasPVHEntry(elf)
        }
    }
}
