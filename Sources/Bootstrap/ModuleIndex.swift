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

    /// The contents of modules.dep, modules.builtin, modules.softdep and modules.alias: some 30,000
    /// lines for a distribution's kernel, so they are taken apart as bytes.
    init(dependencies: [UInt8], builtin: [UInt8], softDependencies: [UInt8], aliases: [UInt8]) {
        for line in ModuleIndex.lines(dependencies) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let path = String(decoding: line[..<colon], as: UTF8.self)
            let name = ModuleIndex.name(ofPath: line[..<colon])
            modules[name] = Module(
                name: name,
                path: path,
                dependencies: ModuleIndex.words(line[(colon + 1)...])
            )
        }
        for line in ModuleIndex.lines(builtin) {
            self.builtin.insert(ModuleIndex.name(ofPath: line))
        }
        for line in ModuleIndex.lines(softDependencies) {
            addSoftDependency(ModuleIndex.words(line))
        }
        for line in ModuleIndex.lines(aliases) where !line.contains(UInt8(ascii: "*")) {
            // Patterns are for devices; what modules ask for by alias has a plain name.
            let words = ModuleIndex.words(line)
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

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        bytes.split(separator: UInt8(ascii: "\n"))
    }

    private static func words(_ line: ArraySlice<UInt8>) -> [String] {
        line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    }

    static func normalised(_ name: String) -> String { normalised(Array(name.utf8)[...]) }

    private static func normalised(_ name: ArraySlice<UInt8>) -> String {
        String(
            decoding: name.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 },
            as: UTF8.self
        )
    }

    private static let suffixes = [".xz", ".zst", ".gz", ".ko"].map { Array($0.utf8) }

    static func name(ofPath path: String) -> String { name(ofPath: Array(path.utf8)[...]) }

    /// "kernel/fs/ext4/ext4.ko.xz" is "ext4".
    private static func name(ofPath path: ArraySlice<UInt8>) -> String {
        var file = path
        if let slash = file.lastIndex(of: UInt8(ascii: "/")) { file = file[(slash + 1)...] }
        for suffix in suffixes where file.suffix(suffix.count).elementsEqual(suffix) {
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
