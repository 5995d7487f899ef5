/// What a machine that was saved cannot know when it is resumed: the time, and that it is not the only one
/// with its memory. It has new devices too, on the PCI bus: a virtio socket and disks.
package struct ResumeMachine: WireValue {
    /// Since 1970.
    package var seconds: UInt64
    package var nanoseconds: UInt32
    /// Random bytes, at most 64, which are told to nobody else.
    package var seed: [UInt8]
    /// Serials of the new disks.
    package var disks: [String]

    package init(seconds: UInt64, nanoseconds: UInt32, seed: [UInt8], disks: [String]) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
        self.seed = seed
        self.disks = disks
    }

    package init(from reader: inout WireReader) throws(WireError) {
        seconds = try reader.integer()
        nanoseconds = try reader.integer()
        seed = try reader.blob()
        disks = try reader.strings()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(seconds)
        writer.append(nanoseconds)
        writer.append(seed)
        writer.append(disks)
    }
}
