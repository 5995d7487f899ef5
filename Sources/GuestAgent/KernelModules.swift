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

    /// Loads what `directory`/order lists from `directory`, and on another thread what order-disk lists: the
    /// kernel waits where both come to the same module. One that cannot be loaded is reported and passed
    /// over: what needs it says more clearly what is missing.
    package static func load(from directory: FilePath, report: (String) -> Void) {
        let disk = Latch<[String]>()
        let isBeside =
            (try? Thread(name: "modules") { disk.set(load("order-disk", from: directory)) }) != nil
        for line in load("order", from: directory) { report(line) }
        for line in isBeside ? disk.wait() : load("order-disk", from: directory) { report(line) }
    }

    /// - Returns: what could not be loaded.
    private static func load(_ list: String, from directory: FilePath) -> [String] {
        var reports: [String] = []
        let order: [UInt8]
        do throws(Errno) {
            order = try readFile(directory.appending(list), limit: 1 << 20)
        } catch {
            return ["no modules: \(directory)/\(list): \(error)"]
        }
        for name in names(order: String(decoding: order, as: UTF8.self)) {
            do throws(Errno) {
                try load(directory.appending(name))
            } catch {
                reports.append("module \(name): \(error)")
            }
        }
        return reports
    }

    /// The C function is `init_module`. No error: a module that is already there, or that drives what
    /// this machine does not have (`crc32c_intel` without its instruction).
    private static func load(_ path: FilePath) throws(Errno) {
        let module = try readFile(path)
        do throws(Errno) {
            do throws(Errno) {
                try insert(ModuleSignature.removed(from: module))
            } catch .keyRejected {
                // A kernel that takes signed modules only.
                try insert(module)
            }
        } catch .fileExists, .operationNotSupportedByDevice {
            return
        }
    }

    private static func insert(_ module: [UInt8]) throws(Errno) {
        try syscall { unsafe clinux_init_module(module, module.count, "") }
    }
}

extension Errno {
    /// swift-system does not name it.
    fileprivate static var keyRejected: Errno { Errno(rawValue: EKEYREJECTED) }
}
