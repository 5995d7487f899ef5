/// What depmod(8) has written about the modules of one kernel.
struct ModuleIndex: Sendable {
    /// A module in a file of its own.
    struct Module: Sendable, Equatable {
        /// With `_` for `-`.
        let name: String
        /// Below the kernel's folder, compression suffix included.
        let path: String
        /// Paths of what must be loaded before.
        let dependencies: [String]
    }

    private var modules: [String: Module] = [:]
    private var builtin: Set<String> = []
    private var softDependencies: [String: (before: [String], after: [String])] = [:]
    private var aliases: [String: [String]] = [:]

    /// - Parameters: the texts of modules.dep, modules.builtin, modules.softdep, modules.alias.
    init(dependencies: String, builtin: String, softDependencies: String, aliases: String) {
        for line in dependencies.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let path = String(line[..<colon])
            let name = ModuleIndex.name(ofPath: path)
            modules[name] = Module(
                name: name,
                path: path,
                dependencies: line[line.index(after: colon)...].split(separator: " ")
                    .map(String.init)
            )
        }
        for line in builtin.split(separator: "\n") {
            self.builtin.insert(ModuleIndex.name(ofPath: String(line)))
        }
        for line in softDependencies.split(separator: "\n") {
            addSoftDependency(line.split(separator: " ").map(String.init))
        }
        for line in aliases.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "alias" else { continue }
            let alias = ModuleIndex.normalised(words[1])
            self.aliases[alias, default: []].append(ModuleIndex.normalised(words[2]))
        }
    }

    /// "softdep NAME pre: A B post: C".
    private mutating func addSoftDependency(_ words: [String]) {
        guard words.count > 2, words[0] == "softdep" else { return }
        var entry = softDependencies[ModuleIndex.normalised(words[1])] ?? ([], [])
        var isBefore = true
        for word in words.dropFirst(2) {
            switch word {
            case "pre:": isBefore = true
            case "post:": isBefore = false
            default:
                if isBefore { entry.before.append(word) } else { entry.after.append(word) }
            }
        }
        softDependencies[ModuleIndex.normalised(words[1])] = entry
    }

    static func normalised(_ name: some StringProtocol) -> String {
        String(name.map { $0 == "-" ? "_" : $0 })
    }

    /// "kernel/fs/ext4/ext4.ko.xz" is "ext4".
    static func name(ofPath path: String) -> String {
        var file = path.split(separator: "/").last ?? ""
        for suffix in [".xz", ".zst", ".gz", ".ko"] where file.hasSuffix(suffix) {
            file = file.dropLast(suffix.count)
        }
        return normalised(file)
    }

    // MARK: Order

    /// What a name stands for: a module, the kernel itself, or neither.
    enum Resolution: Equatable {
        case modules([String])
        case builtin
        case unknown
    }

    /// As modprobe does: a module's own name first, then built-in ones, then aliases.
    func resolve(_ name: String) -> Resolution {
        let name = ModuleIndex.normalised(name)
        if modules[name] != nil { return .modules([name]) }
        if builtin.contains(name) { return .builtin }
        let targets = (aliases[name] ?? []).filter { modules[$0] != nil }
        return targets.isEmpty ? .unknown : .modules(targets)
    }

    /// `names` with all they need, each once, in an order in which they can be loaded. Unknown names
    /// and soft dependencies that do not exist are left out.
    func loadOrder(of names: [String]) -> [Module] {
        var order: [Module] = []
        var visited: Set<String> = []
        for name in names { visit(name, &order, &visited) }
        return order
    }

    private func visit(_ name: String, _ order: inout [Module], _ visited: inout Set<String>) {
        guard case .modules(let targets) = resolve(name) else { return }
        for target in targets {
            guard let module = modules[target], visited.insert(target).inserted else { continue }
            let soft = softDependencies[target]
            for before in soft?.before ?? [] { visit(before, &order, &visited) }
            // modules.dep lists the closest first.
            for path in module.dependencies.reversed() {
                visit(ModuleIndex.name(ofPath: path), &order, &visited)
            }
            order.append(module)
            for after in soft?.after ?? [] { visit(after, &order, &visited) }
        }
    }
}
