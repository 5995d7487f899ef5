/// The bootstrap machine's first root: the agent as /init, and the modules that it loads.
enum Initramfs {
    /// `/modules/order` lists the files of `/modules`, one a line, in the order of loading.
    static func archive(agent: [UInt8], modules: [ModuleSet.LoadedModule]) -> [UInt8] {
        var archive = CPIOArchive()
        for folder in ["dev", "proc", "run", "sys", "tmp", "modules"] {
            archive.addDirectory(folder)
        }
        archive.addCharacterDevice("dev/console", major: 5, minor: 1, mode: 0o600)
        archive.addFile("init", agent, mode: 0o755)
        var order = ""
        for (index, module) in modules.enumerated() {
            let number = String(index)
            let file =
                String(repeating: "0", count: max(0, 2 - number.count)) + number
                + "-\(module.name).ko"
            archive.addFile("modules/\(file)", module.content, mode: 0o644)
            order += file + "\n"
        }
        archive.addFile("modules/order", Array(order.utf8), mode: 0o644)
        archive.finish()
        return archive.bytes
    }
}
