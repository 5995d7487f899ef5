/// Mounts a 9P export that the host serves on a port of the virtio socket (CID 2).
package struct MountView: WireValue {
    package var port: UInt32
    /// Attach name: which export.
    package var aname: String
    /// 9P message size in bytes, header included.
    package var messageSize: UInt32
    /// Made with its parents when missing.
    package var target: String
    package var readOnly: Bool
    /// More v9fs options, for instance `cache=loose`.
    package var options: [String]

    package init(
        port: UInt32,
        aname: String,
        messageSize: UInt32 = 1 << 20,
        target: String,
        readOnly: Bool = true,
        options: [String] = ["cache=loose"]
    ) {
        self.port = port
        self.aname = aname
        self.messageSize = messageSize
        self.target = target
        self.readOnly = readOnly
        self.options = options
    }

    package init(from reader: inout WireReader) throws(WireError) {
        port = try reader.integer()
        aname = try reader.string()
        messageSize = try reader.integer()
        target = try reader.string()
        readOnly = try reader.bool()
        options = try reader.strings()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(port)
        writer.append(aname)
        writer.append(messageSize)
        writer.append(target)
        writer.append(readOnly)
        writer.append(options)
    }
}

/// Assembles a root on tmpfs around the view and moves into it.
///
/// Top-level links of the view are made again, its directories bound read-only; dev, proc, sys are
/// the kernel's; run, tmp, var, mnt and what `writable` names are empty and writable. A view
/// without /etc gets its /usr/etc there.
package struct EnterRoot: WireValue {
    /// Where `mountView` mounted the commit's tree.
    package var view: String
    /// More top-level directories which are to be empty and writable, for instance `target`.
    package var writable: [String]
    /// A command that is run beside what comes next, so that its program and libraries are in memory when
    /// they are wanted. How it ends is of no interest. Empty: none.
    package var warming: [String]

    package init(view: String, writable: [String] = [], warming: [String] = []) {
        self.view = view
        self.writable = writable
        self.warming = warming
    }

    package init(from reader: inout WireReader) throws(WireError) {
        view = try reader.string()
        writable = try reader.strings()
        warming = try reader.strings()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(view)
        writer.append(writable)
        writer.append(warming)
    }
}

/// Mounts a partition's file system; the target is made with its parents when missing.
package struct MountFileSystem: WireValue {
    package var device: BlockDevice
    /// The kernel's name: `ext4`, `vfat`.
    package var type: String
    package var target: String
    /// As mount(8) takes them, comma-separated when joined: `ro`, `noatime`, `nosuid`, `nodev`,
    /// `noexec` become flags, the rest is the file system's own.
    package var options: [String]
    /// ext4 without its journal until it is sealed or unmounted, where the journal has nothing to tell. What is
    /// being written is lost if the machine ends before.
    package var restsJournal: Bool

    package init(
        device: BlockDevice,
        type: String,
        target: String,
        options: [String] = [],
        restsJournal: Bool = false
    ) {
        self.device = device
        self.type = type
        self.target = target
        self.options = options
        self.restsJournal = restsJournal
    }

    package init(from reader: inout WireReader) throws(WireError) {
        device = try reader.value()
        type = try reader.string()
        target = try reader.string()
        options = try reader.strings()
        restsJournal = try reader.bool()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(device)
        writer.append(type)
        writer.append(target)
        writer.append(options)
        writer.append(restsJournal)
    }
}
