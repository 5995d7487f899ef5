import CLinux
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import GuestAgent

/// Which kernel a deployment need not read, seen on a sysroot of empty folders and small files.
@Suite struct DeployedKernelTests {
    static let sum = String(repeating: "5", count: 64)

    static func entry(_ version: Int, osname: String = "os", serial: Int = 0) -> String {
        """
        title OS 1 (ostree:0)
        version \(version)
        options quiet root=UUID=7 ostree=/ostree/boot.1/\(osname)/\(sum)/\(serial)
        linux /ostree/\(osname)-\(sum)/vmlinuz-6.1.0
        initrd /ostree/\(osname)-\(sum)/initramfs-6.1.0.img

        """
    }

    @Test(arguments: [
        (entry(2), true), (entry(2, osname: "other"), false),
        (entry(2).replacing("version 2", with: "version x"), false),
        (entry(2).replacing("ostree=/", with: "init=/"), false),
        (entry(2).replacing("/boot.1/", with: "/../"), false),
        (entry(2).replacing("linux ", with: "efi "), false),
        (entry(2).replacing("vmlinuz-6.1.0", with: "bzImage"), false), ("", false),
    ])
    func entryOfADeployment(text: String, isOne: Bool) {
        let entry = DeploymentEntry(text, osname: "os")
        #expect((entry != nil) == isOne)
        guard let entry else { return }
        #expect(entry.version == 2 && entry.release == "6.1.0" && entry.checksum == Self.sum)
        #expect(entry.deployment == "ostree/boot.1/os/\(Self.sum)/0")
    }

    /// A sysroot with two deployments, the second one newer.
    private func sysroot() throws -> ScratchFolder {
        let folder = try ScratchFolder()
        for serial in 0...1 {
            let modules = "ostree/boot.1/os/\(Self.sum)/\(serial)/usr/lib/modules/6.1.0"
            try folder.write("\(modules)/vmlinuz", "kernel")
            try folder.write("\(modules)/initramfs.img", "initramfs")
            try folder.write(
                "boot/loader/entries/ostree-\(serial + 1)-os.conf",
                Self.entry(serial + 1, serial: serial)
            )
        }
        try folder.write("boot/ostree/os-\(Self.sum)/vmlinuz-6.1.0", "kernel")
        try folder.write("boot/ostree/os-\(Self.sum)/initramfs-6.1.0.img", "initramfs")
        return folder
    }

    private func files(_ folder: ScratchFolder, osname: String = "os") -> [String] {
        let newest = DeployedKernel.newest(in: FilePath(folder.path), osname: osname)
        return (newest.map { [$0.kernel, $0.initramfs] } ?? [])
            .map { String($0.string.dropFirst(folder.path.count + 1)) }
    }

    @Test func theNewestDeploymentsAreFound() throws {
        let folder = try sysroot()
        let modules = "ostree/boot.1/os/\(Self.sum)/1/usr/lib/modules/6.1.0"
        #expect(files(folder) == ["\(modules)/vmlinuz", "\(modules)/initramfs.img"])
        #expect(files(folder, osname: "other") == [])
    }

    /// Then libostree installs what it reads: nothing may be covered.
    @Test(arguments: ["vmlinuz-6.1.0", "initramfs-6.1.0.img"], ["", "cut", nil])
    func notWhereBootLacksOne(name: String, content: String?) throws {
        let folder = try sysroot()
        let path = "boot/ostree/os-\(Self.sum)/\(name)"
        if let content {
            try folder.write(path, content)
        } else {
            try folder.write("boot/ostree/elsewhere", "")
            #expect(try runCommand(["rm", folder.file(path)]).status == 0)
        }
        #expect(files(folder) == [])
    }

    /// Files that two deployments share, as libostree checks them out.
    private func deployments() throws -> (ScratchFolder, DeployedKernel, FilePath) {
        let folder = try sysroot()
        let link = "ostree/boot.1/os/\(Self.sum)/1"
        let newest = try #require(DeployedKernel.newest(in: FilePath(folder.path), osname: "os"))
        let other = folder.file("ostree/boot.1/os/\(Self.sum)/2")
        let copied = try runCommand(["cp", "-al", folder.file(link), other])
        #expect(copied.status == 0, "\(copied.errors)")
        return (folder, newest, FilePath(other))
    }

    @Test func linksToTheSameFilesHaveTheSameChecksum() throws {
        let (folder, newest, other) = try deployments()
        #expect(newest.twin(in: other)?.kernel == other.appending("usr/lib/modules/6.1.0/vmlinuz"))
        #expect(newest.twin(in: FilePath(folder.file("elsewhere"))) == nil)
    }

    /// Then /boot gets a folder of its own for it, and what libostree reads is installed there.
    @Test(arguments: ["vmlinuz", "initramfs.img", "devicetree", "dtb/board.dtb"])
    func anotherFileMakesAnotherChecksum(name: String) throws {
        let (_, newest, other) = try deployments()
        let file = other.appending("usr/lib/modules/6.1.0").appending(name)
        #expect(try runCommand(["rm", "-f", file.string]).status == 0)
        let made = try runCommand(["install", "-D", "/etc/hostname", file.string])
        #expect(made.status == 0, "\(made.errors)")
        #expect(newest.twin(in: other) == nil)
    }

    @Test func aDeviceTreeThatIsGoneCountsToo() throws {
        let (folder, newest, other) = try deployments()
        try folder.write(
            "ostree/boot.1/os/\(Self.sum)/1/usr/lib/modules/6.1.0/devicetree",
            "tree"
        )
        #expect(newest.twin(in: other) == nil)
    }

    @Test func anEmptySysrootHasNone() throws {
        #expect(files(try ScratchFolder()) == [])
    }
}

/// struct inotify_event, as the kernel writes it.
@Suite struct FileEventsTests {
    private static func event(_ watch: UInt8, _ name: String = "", padding: Int = 0) -> [UInt8] {
        let bytes = Array(name.utf8) + [UInt8](repeating: 0, count: padding)
        return [watch, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, UInt8(bytes.count), 0, 0, 0] + bytes
    }

    @Test func eventsAreReadOneByOne() {
        let bytes = Self.event(1) + Self.event(2, "etc", padding: 13) + Self.event(3)
        #expect(
            FileEvents.events(bytes) == [
                .init(watch: 1, name: ""), .init(watch: 2, name: "etc"), .init(watch: 3, name: ""),
            ]
        )
        // The queue was too short: no watch at all.
        let overflow: [UInt8] = [255, 255, 255, 255] + [UInt8](repeating: 0, count: 12)
        #expect(FileEvents.events(overflow) == [.init(watch: -1, name: "")])
        for count in 0..<16 { #expect(FileEvents.events(Array(bytes.prefix(count))).isEmpty) }
        #expect(FileEvents.events([1, 0, 0, 0] + [UInt8](repeating: 255, count: 12)).count == 1)
    }

    @Test func theKernelTellsWhatItIsAskedFor() throws {
        let folder = try ScratchFolder()
        try folder.write("there", "x")
        let events = try FileEvents()
        let mask = UInt32(IN_CREATE) | UInt32(IN_CLOSE_NOWRITE)
        let inFolder = try events.watch(FilePath(folder.path), UInt32(IN_CREATE))
        let ofFile = try events.watch(FilePath(folder.file("there")), mask)
        try makeDirectories(FilePath(folder.file("new")))
        #expect(events.next() == [.init(watch: inFolder, name: "new")])
        _ = try readFile(FilePath(folder.file("there")))
        #expect(events.next() == [.init(watch: ofFile, name: "")])
    }
}
