/// The kernel proper inside a bzImage, so that the host decompresses it and not the guest.
struct KernelImage: Sendable {
    /// What QEMU is to load with `-kernel`.
    let bytes: [UInt8]
    /// Whether it is an ELF file which QEMU enters by its PVH note.
    let isPVH: Bool

    /// Takes the `vmlinux` out of `vmlinuz`. A kernel that cannot be entered by PVH, or that we
    /// cannot take apart, stays as it is: QEMU then boots it the ordinary way.
    init(vmlinuz: [UInt8]) throws(Decompression.Failure) {
        if ELF.isELF(vmlinuz[...]) {
            bytes = vmlinuz
            isPVH = ELF.hasPVHEntry(vmlinuz)
            return
        }
        if let payload = KernelImage.payload(of: vmlinuz[...]),
            let format = Decompression.Format(payload)
        {
            // Behind the data the makefile appends the size of what is in it (for gzip it is the
            // last field anyway).
            let size = Int(LittleEndian.u32(payload.suffix(4), at: 0))
            let content = try Decompression.decompress(payload, format, expected: size)
            guard content.count == size else {
                throw Decompression.Failure(
                    "it decompresses to \(content.count) bytes instead of \(size)"
                )
            }
            if ELF.isELF(content[...]) && ELF.hasPVHEntry(content) {
                bytes = content
                isPVH = true
                return
            }
        }
        bytes = vmlinuz
        isPVH = false
    }

    /// What `uname -r` will say: the first word of the string that `kernel_version` of the header
    /// points to (Documentation/arch/x86/boot.rst); nil for anything but a bzImage.
    static func version(of image: [UInt8]) -> String? {
        guard image.dropFirst(0x202).prefix(4).elementsEqual("HdrS".utf8) else { return nil }
        let offset = Int(LittleEndian.u16(image[...], at: 0x20e))
        guard offset != 0 else { return nil }
        let word = image.dropFirst(offset + 0x200).prefix(128).prefix { $0 > 0x20 && $0 < 0x7f }
        return word.isEmpty ? nil : String(decoding: word, as: UTF8.self)
    }

    /// The compressed kernel (Documentation/arch/x86/boot.rst, payload_offset and payload_length,
    /// boot protocol 2.08); nil if there is none.
    static func payload(of image: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let header = image.dropFirst(0x202).prefix(4)
        guard header.elementsEqual("HdrS".utf8), LittleEndian.u16(image, at: 0x206) >= 0x0208 else {
            return nil
        }
        let setupSectors = image[image.startIndex + 0x1f1]
        let start = (Int(setupSectors == 0 ? 4 : setupSectors) + 1) * 512
        let offset = start + Int(LittleEndian.u32(image, at: 0x248))
        let length = Int(LittleEndian.u32(image, at: 0x24c))
        guard length > 8, offset <= image.count - length else { return nil }
        return image[image.startIndex + offset..<image.startIndex + offset + length]
    }
}

/// As much of ELF (elf.h) as tells how QEMU will enter a kernel.
enum ELF {
    /// A 64-bit little-endian ELF file.
    static func isELF(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) && bytes.count >= 64
    }

    private static let noteSegment: UInt32 = 4  // PT_NOTE
    private static let pvhEntry: UInt32 = 18  // XEN_ELFNOTE_PHYS32_ENTRY

    static func hasPVHEntry(_ file: [UInt8]) -> Bool {
        let bytes = file[...]
        let table = Int(clamping: LittleEndian.u64(bytes, at: 32))
        let entrySize = Int(LittleEndian.u16(bytes, at: 54))
        let count = Int(LittleEndian.u16(bytes, at: 56))
        guard table < bytes.count else { return false }
        for index in 0..<count {
            let entry = table + index * entrySize
            guard LittleEndian.u32(bytes, at: entry) == noteSegment else { continue }
            let offset = Int(clamping: LittleEndian.u64(bytes, at: entry + 8))
            let size = Int(clamping: LittleEndian.u64(bytes, at: entry + 32))
            guard offset <= bytes.count, size <= bytes.count - offset else { continue }
            if notes(bytes[offset..<offset + size], contain: pvhEntry, of: "Xen") { return true }
        }
        return false
    }

    /// Notes are name size, value size, type, then both padded to four bytes.
    private static func notes(
        _ bytes: ArraySlice<UInt8>,
        contain type: UInt32,
        of owner: String
    ) -> Bool {
        var rest = bytes
        while rest.count >= 12 {
            let nameSize = Int(LittleEndian.u32(rest, at: 0))
            let valueSize = Int(LittleEndian.u32(rest, at: 4))
            let name = rest.dropFirst(12).prefix(nameSize)
            if LittleEndian.u32(rest, at: 8) == type, name.elementsEqual(Array(owner.utf8) + [0]) {
                return true
            }
            rest = rest.dropFirst(12 + (nameSize + 3) & ~3 + (valueSize + 3) & ~3)
        }
        return false
    }
}
