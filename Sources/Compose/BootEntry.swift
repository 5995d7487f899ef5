import COSTree
import OSTree

/// The one entry of a new disk's boot menu: the BLS file and the syslinux one.
struct BootEntry {
    let osname: String
    let kernel: KernelFiles
    let commit: Checksum
    let options: String
    let title: String
    let version: LibostreeVersion

    /// - Parameter osRelease: the text of usr/lib/os-release.
    init(
        plan: ComposePlan,
        kernel: KernelFiles,
        version: LibostreeVersion,
        osRelease: String?
    ) {
        osname = plan.osname
        self.kernel = kernel
        self.version = version
        commit = plan.commit.checksum
        let path = "ostree=/ostree/boot.1/\(plan.osname)/\(kernel.bootChecksum)/0"
        // Without an initramfs the kernel itself has to find the deployment.
        let initial =
            kernel.initramfs == nil
            ? ["init=/\(path.dropFirst("ostree=/".count))/usr/lib/ostree/ostree-prepare-root"] : []
        options = (plan.kernelArguments + initial + [path]).joined(separator: " ")
        title = Self.title(osRelease, version: plan.commit.version)
    }

    /// Folder of kernel and initramfs below /boot.
    var folder: String { "ostree/\(osname)-\(kernel.bootChecksum)" }

    var fileName: String {
        version.namesEntriesByIndexOnly ? "ostree-1.conf" : "ostree-1-\(osname).conf"
    }

    /// Names in the folder.
    var kernelName: String { "vmlinuz-\(kernel.version)" }
    var initramfsName: String { "initramfs-\(kernel.version).img" }
    var devicetreeName: String { "devicetree-\(kernel.version)" }

    /// loader/entries/…: the keys in libostree's order, those it does not order in that of its
    /// hash table.
    var bls: String {
        var lines = ["title \(title)", "version 1", "options \(options)"]
        var keys = ["options", "title", "version", "linux"]
        if kernel.devicetree != nil { lines.append("devicetree /\(folder)/\(devicetreeName)") }
        lines.append("linux /\(folder)/\(kernelName)")
        if kernel.initramfs != nil {
            lines.append("initrd /\(folder)/\(initramfsName)")
            keys.append("initrd")
        }
        var others: [String: String] = [:]
        let deployment = "/ostree/deploy/\(osname)/deploy/\(commit).0"
        if version.writesAbootKeys {
            others["aboot"] =
                kernel.aboot == nil
                ? "\(deployment)/usr/lib/ostree-boot/aboot.img"
                : "/\(folder)/aboot-\(kernel.version).img"
            others["abootcfg"] = "\(deployment)/usr/lib/ostree-boot/aboot.cfg"
            keys += ["aboot", "abootcfg"]
        }
        if kernel.devicetreeFolder != nil {
            others["fdtdir"] = "/\(folder)/dtb"
            keys.append("fdtdir")
        } else if kernel.devicetree != nil {
            keys.append("devicetree")
        }
        // The arguments are set once more at the end.
        keys.append("options")
        for key in hashTableOrder(keys) {
            if let value = others[key] { lines.append("\(key) \(value)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// loader/syslinux.cfg. `/boot` in front also holds on a /boot of its own, where `boot` is a
    /// link to the folder itself.
    var syslinux: String {
        var lines = [
            "DEFAULT \(title)", "LABEL \(title)", "\tKERNEL /boot/\(folder)/\(kernelName)",
        ]
        if kernel.initramfs != nil { lines.append("\tINITRD /boot/\(folder)/\(initramfsName)") }
        if kernel.devicetree != nil {
            lines.append("\tDEVICETREE /boot/\(folder)/\(devicetreeName)")
        }
        lines.append("\tAPPEND \(options)")
        return lines.joined(separator: "\n") + "\n"
    }

    /// `PRETTY_NAME VERSION (ostree:0)`.
    private static func title(_ osRelease: String?, version: String?) -> String {
        var values: [String: String] = [:]
        for line in (osRelease ?? "").split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[String(parts[0])] = shellUnquoted(parts[1]) }
        }
        var title = values["PRETTY_NAME"] ?? values["ID"] ?? ""
        if let version, !version.isEmpty, !title.contains(version) { title += " \(version)" }
        return title + " (ostree:0)"
    }

    /// A word as the shell would read it (`g_shell_unquote`).
    private static func shellUnquoted(_ text: Substring) -> String {
        var result = ""
        var quote: Character?
        var escaped = false
        for c in text {
            if escaped {
                if quote == "\"" && !"$`\"\\\n".contains(c) { result.append("\\") }
                result.append(c)
                escaped = false
            } else if c == "\\" && quote != "'" {
                escaped = true
            } else if c == quote {
                quote = nil
            } else if quote == nil && (c == "\"" || c == "'") {
                quote = c
            } else {
                result.append(c)
            }
        }
        return result
    }
}

/// The order in which GLib's hash table gives keys back that were put in in this order. It is the
/// same in every GLib since 2.74, and decides the order of lines in a boot entry.
private func hashTableOrder(_ keys: [String]) -> [String] {
    // SAFETY: the table takes copies made by g_strdup and frees them; the keys that are read back
    // live until it is destroyed at the end.
    let table = unsafe g_hash_table_new_full(g_str_hash, g_str_equal, g_free, nil)
    defer { unsafe g_hash_table_destroy(table) }
    for key in keys { unsafe g_hash_table_replace(table, g_strdup(key), nil) }
    var iterator = unsafe GHashTableIter()
    unsafe g_hash_table_iter_init(&iterator, table)
    var order: [String] = []
    var key: gpointer?
    while unsafe g_hash_table_iter_next(&iterator, &key, nil) != 0 {
        if let text = unsafe key?.assumingMemoryBound(to: CChar.self) {
            unsafe order.append(String(cString: text))
        }
    }
    return order
}
