/// The bootstrap machine's first root: the agent as /init, and the modules that it loads.
enum Initramfs {
    /// `/modules/order` and `/modules/order-disk` list files of `/modules`, one a line, each in its order of
    /// loading.
    static func archive(
        agent: [UInt8],
        modules: [ModuleSet.LoadedModule],
        orders: (disk: [String], others: [String])
    ) -> [UInt8] {
        var archive = CPIOArchive()
        for folder in ["dev", "proc", "run", "sys", "tmp", "modules"] {
            archive.addDirectory(folder)
        }
        archive.addCharacterDevice("dev/console", major: 5, minor: 1, mode: 0o600)
        archive.addFile("init", agent, mode: 0o755)
        for module in modules {
            archive.addFile("modules/\(module.name).ko", module.content, mode: 0o644)
        }
        for (file, names) in [("order", orders.others), ("order-disk", orders.disk)] {
            let lines = names.map { "\($0).ko\n" }.joined()
            archive.addFile("modules/\(file)", Array(lines.utf8), mode: 0o644)
        }
        archive.finish()
        return archive.bytes
    }
}
