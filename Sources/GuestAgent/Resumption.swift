import CLinux
import GuestProtocol
import SystemIO
import SystemPackage

extension ResumeMachine {
    /// Sets the clock, mixes the seed into the kernel's random numbers, and has the kernel look for new PCI
    /// devices.
    func perform(paths: SystemPaths) throws(Failure) {
        try Failure.naming("set the clock", "CLOCK_REALTIME") { () throws(Errno) in
            var time = timespec(tv_sec: Int(clamping: seconds), tv_nsec: Int(nanoseconds))
            try syscall { unsafe clock_settime(CLOCK_REALTIME, &time) }
        }
        let random = paths.dev.appending("urandom")
        try Failure.naming("seed", random.string) { () throws(Errno) in
            let file = try OwnedFD.open(random, O_RDWR)
            let descriptor = file.rawValue
            try syscall {
                unsafe seed.withUnsafeBytes {
                    unsafe clinux_add_entropy(descriptor, $0.baseAddress, $0.count)
                }
            }
        }
        let rescan = paths.sys.appending("bus/pci/rescan")
        try Failure.naming("look for new devices", rescan.string) { () throws(Errno) in
            let file = try OwnedFD.open(rescan, O_WRONLY)
            // The kernel answers when it has probed what it finds (drivers/pci/pci-sysfs.c).
            try writeAll(file.rawValue, [UInt8(ascii: "1")])
        }
        let blocks = BlockDevices(paths: paths)
        for serial in disks {
            _ = try blocks.node(BlockDevice(serial: serial))
        }
        guard VirtioDevices(paths: paths).haveSocket else {
            throw Failure(.noSuchDevice, step: "find", subject: "the virtio socket")
        }
    }
}

/// The virtio bus in sysfs.
struct VirtioDevices {
    let paths: SystemPaths

    /// As in `device` there (linux/virtio_ids.h).
    private static let socketID = "0x0013"

    /// Whether there is a virtio socket that a driver serves.
    var haveSocket: Bool {
        let folder = paths.sys.appending("bus/virtio/devices")
        let names = (try? directoryNames(folder)) ?? []
        return names.contains { name in
            let device = folder.appending(name)
            guard let bytes = try? readFile(device.appending("device"), limit: 64) else {
                return false
            }
            return trimmed(String(decoding: bytes, as: UTF8.self)) == Self.socketID
                && fileExists(device.appending("driver"))
        }
    }
}
