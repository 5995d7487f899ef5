import CLinux
import SystemIO
package import SystemPackage

/// Loads the kernel modules that the initramfs brings along.
package struct KernelModules: Sendable {
    /// File names in the order of loading: one a line; blank lines and `#` comments do not count.
    package static func names(order: String) -> [String] {
        var names: [String] = []
        for line in order.split(whereSeparator: \.isNewline) {
            let name = trimmed(String(line.prefix { $0 != "#" }))
            if !name.isEmpty && !name.contains("/") && name != ".." { names.append(name) }
        }
        return names
    }

    /// Loads what `directory`/order lists from `directory`. A module that cannot be loaded is
    /// reported and passed over: what needs it says more clearly what is missing.
    package static func load(from directory: FilePath, report: (String) -> Void) {
        let order: [UInt8]
        do throws(Errno) {
            order = try readFile(directory.appending("order"), limit: 1 << 20)
        } catch {
            report("no modules: \(directory)/order: \(error)")
            return
        }
        for name in names(order: String(decoding: order, as: UTF8.self)) {
            do throws(Errno) {
                try load(directory.appending(name))
            } catch {
                report("module \(name): \(error)")
            }
        }
    }

    /// The C function is `finit_module`. No error: a module that is already there, or that drives what
    /// this machine does not have (`crc32c_intel` without its instruction).
    private static func load(_ path: FilePath) throws(Errno) {
        let file = try OwnedFD.open(path, O_RDONLY)
        do throws(Errno) {
            try syscall { unsafe clinux_finit_module(file.rawValue, "", 0) }
        } catch .fileExists, .operationNotSupportedByDevice {
            return
        }
    }
}
