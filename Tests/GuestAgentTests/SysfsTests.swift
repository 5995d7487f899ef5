import GuestProtocol
import SystemPackage
import TestSupport
import Testing

@testable import GuestAgent

/// A made-up /sys and /dev.
struct FakeSystem {
    let folder: ScratchFolder
    let paths: SystemPaths

    init(_ files: [String: String]) throws {
        folder = try ScratchFolder()
        paths = SystemPaths(
            sys: FilePath(folder.file("sys")),
            dev: FilePath(folder.file("dev")),
            proc: FilePath(folder.file("proc"))
        )
        for (name, text) in files {
            try folder.write(name, text)
        }
    }
}

@Suite struct SysfsTests {
    static let disks = [
        "sys/block/loop0/size": "0\n",
        "sys/block/vda/serial": "cache", "sys/block/vda/vda1/partition": "1\n",
        "sys/block/vdb/serial": "target\n",
        "sys/block/vdb/vdb1/partition": "1\n", "sys/block/vdb/vdb12/partition": "12\n",
        "sys/block/vdb/queue/scheduler": "none\n",
        "sys/block/nvme0n1/device/serial": "fast            \n",
        "sys/block/nvme0n1/nvme0n1p2/partition": "2\n",
        "dev/vdb12": "",
    ]

    @Test(arguments: [
        (BlockDevice(serial: "target"), "vdb"),
        (BlockDevice(serial: "target", partition: 1), "vdb1"),
        (BlockDevice(serial: "target", partition: 12), "vdb12"),
        (BlockDevice(serial: "cache", partition: 1), "vda1"),
        (BlockDevice(serial: "fast", partition: 2), "nvme0n1p2"),
    ])
    func nodeIsFoundBySerial(device: BlockDevice, name: String) throws {
        let system = try FakeSystem(Self.disks)
        let devices = BlockDevices(paths: system.paths)
        #expect(try devices.node(device) == system.paths.dev.appending(name))
        #expect(devices.exists(device) == (name == "vdb12"))
    }

    @Test(arguments: [
        BlockDevice(serial: "tar"), BlockDevice(serial: ""),
        BlockDevice(serial: "target", partition: 2), BlockDevice(serial: "target", partition: 0),
    ])
    func whatIsMissingIsNamed(device: BlockDevice) throws {
        let system = try FakeSystem(Self.disks)
        let failure = #expect(throws: Failure.self) {
            try BlockDevices(paths: system.paths).node(device)
        }
        #expect(failure?.kind == .noSuchDevice)
        #expect(failure?.subject.contains(device.serial) == true)
    }

    @Test func aVirtioSocketCountsOnlyWithADriver() throws {
        var files = [
            "sys/bus/virtio/devices/virtio0/device": "0x0003\n",
            "sys/bus/virtio/devices/virtio0/driver/uevent": "",
            "sys/bus/virtio/devices/virtio2/device": "0x0013\n",
        ]
        let alone = try FakeSystem(files)
        #expect(!VirtioDevices(paths: alone.paths).haveSocket)
        files["sys/bus/virtio/devices/virtio2/driver/uevent"] = ""
        let driven = try FakeSystem(files)
        #expect(VirtioDevices(paths: driven.paths).haveSocket)
        let empty = try FakeSystem([:])
        #expect(!VirtioDevices(paths: empty.paths).haveSocket)
    }

    @Test func portIsFoundByName() throws {
        let system = try FakeSystem([
            "sys/class/virtio-ports/vport1p1/name": "org.other\n",
            "sys/class/virtio-ports/vport1p2/name": "org.builddisks.control\n",
            "sys/class/virtio-ports/vport2p0/dev": "",
        ])
        let node = ControlPort.node("org.builddisks.control", paths: system.paths)
        #expect(node == system.paths.dev.appending("vport1p2"))
        #expect(ControlPort.node("org", paths: system.paths) == nil)
    }

    @Test func portThatNeverComesIsATimeout() throws {
        let system = try FakeSystem([:])
        #expect(throws: Errno.timedOut) {
            try ControlPort.open("org.x", paths: system.paths, milliseconds: 30)
        }
    }

    @Test func figuresOfProc() throws {
        let system = try FakeSystem([
            "proc/uptime": "12.34 20.00\n",
            "proc/meminfo": "MemTotal:        1000 kB\nMemFree: 5 kB\nMemAvailable:     900 kB\n",
            "proc/stat": "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 9 9 9 9\n",
            "proc/sys/kernel/osrelease": "6.1.0-9-amd64\n",
        ])
        let statistics = ProcStatistics(paths: system.paths)
        #expect(
            statistics.read()
                == Statistics(
                    uptimeMilliseconds: 12_340,
                    totalKiB: 1000,
                    availableKiB: 900,
                    userMilliseconds: 30,
                    systemMilliseconds: 160,
                    idleMilliseconds: 40,
                    ioWaitMilliseconds: 50
                )
        )
        #expect(statistics.kernelRelease() == "6.1.0-9-amd64")
    }

    @Test(arguments: ["", "cpu", "nan inf", "-1 0", "1e300 0", "cpu  x y"])
    func oddProcFilesAreZero(text: String) {
        #expect(ProcStatistics.uptimeMilliseconds(text) == 0)
        #expect(ProcStatistics.cpuMilliseconds(text) == Array(repeating: 0, count: 7))
        #expect(ProcStatistics.memory(text)["MemTotal"] == nil)
    }
}
