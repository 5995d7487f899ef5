import CLinux
import Synchronization
import SystemPackage

/// Makes one 64-bit number of a space (a device, an export) and a number within it, so that no two
/// objects share a qid path and none ever changes its own.
///
/// Space 0's numbers stay as they are while they fit, so that a guest usually sees the host's inode
/// numbers. The few that do not fit get numbers of their own, kept for the folder's life.
final class PathFolder: Sendable {
    private struct Key: Hashable {
        let space: Int
        let number: UInt64
    }

    /// How many low bits the number within a space may occupy.
    private let bits: UInt64
    private let others = Mutex<[Key: UInt64]>([:])

    init(bits: UInt64) { self.bits = bits }

    func fold(space: Int, number: UInt64) -> UInt64 {
        let topSpace = (UInt64(1) << (64 - bits)) - 1
        if number >> bits == 0, UInt64(space) < topSpace {
            return UInt64(space) << bits | number
        }
        return others.withLock { others in
            let key = Key(space: space, number: number)
            if let known = others[key] { return known }
            let new = topSpace << bits | UInt64(others.count)
            others[key] = new
            return new
        }
    }
}

/// Numbers the devices of a tree in the order they are met.
final class DeviceTable: Sendable {
    private let devices = Mutex<[UInt64]>([])
    private let folder = PathFolder(bits: 48)

    /// - Throws: EOVERFLOW for more devices than Linux lets anyone mount.
    func index(of device: UInt64) throws(Errno) -> UInt16 {
        let index = devices.withLock { devices in
            if let known = devices.firstIndex(of: device) { return known }
            devices.append(device)
            return devices.count - 1
        }
        guard let index = UInt16(exactly: index) else { throw Errno(rawValue: EOVERFLOW) }
        return index
    }

    /// The qid path.
    func path(_ object: HostObject) -> UInt64 {
        folder.fold(space: Int(object.device), number: object.inode)
    }
}
