import OSTree
package import Orchestrator
package import SystemPackage

/// One disk that is to be built.
package struct Target: Sendable {
    package var request: BuildRequest
    /// Who asks for it: "builddisks.toml:12", or "the command line".
    package var place: String
    /// By what it can be selected: the TOML name, the ref, the ref's last part.
    package var names: [String]
}

/// From a configuration and flags to the disks that they mean.
package struct Selection: Sendable {
    package var file: ConfigurationFile?
    /// What flags say; it goes before everything in the file.
    package var flags: DiskSettings
    package var output: FilePath?
    package var buildName: String?
    package var jobs: Int?
    package var keptBuilds: Int?
    /// Targets by name; none means all.
    package var names: [String]

    package init(
        file: ConfigurationFile?,
        flags: DiskSettings,
        output: FilePath? = nil,
        buildName: String? = nil,
        jobs: Int? = nil,
        keptBuilds: Int? = nil,
        names: [String] = []
    ) {
        self.file = file
        self.flags = flags
        self.output = output
        self.buildName = buildName
        self.jobs = jobs
        self.keptBuilds = keptBuilds
        self.names = names
    }

    /// Every disk of the configuration in its order, each pattern resolved; or the one of the flags.
    /// - Throws: `.usage` where something is missing or said twice, `.input` where a repository
    ///   cannot be read or a pattern finds nothing.
    package func allTargets() throws(BuildError) -> [Target] {
        var targets: [Target] = []
        if let file, names.count > 0 || flags.refs == nil {
            for disk in file.disks { targets += try self.targets(of: disk, in: file) }
            if targets.isEmpty {
                throw BuildError(
                    .usage,
                    "\(file.file) names no disk",
                    hint: "Add a table `[disk.NAME]` with a `ref`."
                )
            }
        } else {
            targets = try self.targets(
                flags.over(file?.defaults ?? DiskSettings()),
                name: nil,
                place: Self.commandLine
            )
        }
        return targets
    }

    /// What is to be run: the disks that are asked for; those of the configuration that are not, stay
    /// as the current build has them.
    package func request() throws(BuildError) -> RunRequest {
        let all = try allTargets()
        let chosen = try selected(of: all)
        let files = Set(chosen.map(\.request.diskFileName))
        return RunRequest(
            disks: chosen.map(\.request),
            kept: all.map(\.request.diskFileName).filter { !files.contains($0) },
            jobs: jobs ?? file?.jobs,
            keptBuilds: keptBuilds ?? file?.keptBuilds
        )
    }

    /// The disks that are asked for by name; all where none is named.
    package func selected() throws(BuildError) -> [Target] { try selected(of: try allTargets()) }

    private static let commandLine = "the command line"

    private func selected(of all: [Target]) throws(BuildError) -> [Target] {
        let chosen = try named(of: all)
        // It serves those disks that are made from another, and need not serve them all.
        if flags.retainedDeployments != nil,
            chosen.allSatisfy({ $0.request.update.from == .none })
        {
            throw BuildError(.usage, "\(Self.commandLine): \(DiskSettings.uselessRetain)")
        }
        return chosen
    }

    private func named(of all: [Target]) throws(BuildError) -> [Target] {
        if names.isEmpty {
            try Self.refuseDuplicates(all)
            return all
        }
        var chosen: [Int] = []
        for name in names {
            let found = all.indices.filter { all[$0].names.contains(name) }
            if found.isEmpty {
                let near = SimilarNames.of(name, among: all.flatMap(\.names))
                let list = (near.isEmpty ? all.map(\.request.target) : near)
                    .joined(separator: ", ")
                throw BuildError(
                    .usage,
                    "no disk is named \"\(name)\"",
                    hint: near.isEmpty ? "There are: \(list)." : "Did you mean: \(list)?"
                )
            }
            chosen += found.filter { !chosen.contains($0) }
        }
        var targets = chosen.sorted().map { all[$0] }
        if let refs = flags.refs {
            guard targets.count == 1, refs.count == 1, let ref = refs.first, !isPattern(ref) else {
                throw BuildError(.usage, "--ref replaces the ref of one disk; name just that one")
            }
            targets[0].request.ref = ref
        }
        try Self.refuseDuplicates(targets)
        return targets
    }

    private func targets(
        of disk: ConfigurationFile.Disk,
        in file: ConfigurationFile
    ) throws(BuildError) -> [Target] {
        var flags = flags
        flags.refs = nil
        let own = disk.settings.over(file.defaults)
        let settings = flags.over(own)
        try Self.refuseContradiction(in: disk.settings, disk.place)
        // Flags may well take the disk's `from` away for one run; the file makes sense all the same.
        if disk.settings.retainedDeployments != nil, !own.isUpdate, !settings.isUpdate {
            throw BuildError(.usage, "\(disk.place): \(DiskSettings.uselessRetain)")
        }
        return try targets(settings, name: disk.name, place: disk.place)
    }

    private func targets(
        _ settings: DiskSettings,
        name: String?,
        place: String
    ) throws(BuildError) -> [Target] {
        try Self.refuseContradiction(in: flags, Self.commandLine)
        let repository = try Self.required(settings.repository, "repository", "--repo", place)
        let refs = try Self.required(settings.refs, "ref", "--ref", place)
        let osname = try Self.required(settings.osname, "osname", "--osname", place)
        let output = try Self.required(output ?? file?.output, "output", "--output", place)
        let isOne = refs.count == 1 && !isPattern(refs[0])
        let additions = try blaming(place) { () throws(BuildError) in
            try AdditionReader.read(settings.files ?? [])
        }
        let found = isOne ? refs : try references(refs, in: repository, place)
        var targets: [Target] = []
        for ref in found {
            var request = BuildRequest(
                repository: repository,
                ref: ref,
                osname: osname,
                output: output,
                buildName: buildName
            )
            if isOne, let name { request.target = name }
            settings.apply(to: &request)
            request.additions = additions
            try blaming(place) { () throws(BuildError) in try request.check() }
            let last = ref.split(separator: "/").last.map(String.init) ?? ref
            var names = name.map { [$0] } ?? []
            for other in [ref, last] where !names.contains(other) { names.append(other) }
            targets.append(Target(request: request, place: place, names: names))
        }
        return targets
    }

    /// - Parameter settings: said at `place`.
    private static func refuseContradiction(
        in settings: DiskSettings,
        _ place: String
    ) throws(BuildError) {
        if let problem = settings.contradiction {
            throw BuildError(.usage, "\(place): \(problem)")
        }
    }

    /// Puts the place before a message.
    private func blaming<Value>(
        _ place: String,
        _ body: () throws(BuildError) -> Value
    ) throws(BuildError) -> Value {
        do throws(BuildError) {
            return try body()
        } catch {
            throw BuildError(error.kind, "\(place): \(error.message)", hint: error.hint)
        }
    }

    /// The repository's refs that one of the patterns matches, sorted.
    private func references(
        _ patterns: [String],
        in repository: FilePath,
        _ place: String
    ) throws(BuildError) -> [String] {
        let all: [String]
        do throws(OSTreeError) {
            all = try Repository(path: repository).references()
        } catch {
            throw BuildError(.input, "\(place): \(error)")
        }
        var found: Set<String> = []
        for pattern in patterns {
            let matching = all.filter { isPattern(pattern) ? matches($0, pattern) : $0 == pattern }
            if matching.isEmpty {
                throw BuildError(
                    .input,
                    "\(place): no ref of \(repository) matches \"\(pattern)\"",
                    hint: "`ostree refs --repo=\(repository)` lists what there is."
                )
            }
            found.formUnion(matching)
        }
        return found.sorted()
    }

    private static func required<Value>(
        _ value: Value?,
        _ key: String,
        _ flag: String,
        _ place: String
    ) throws(BuildError) -> Value {
        if let value { return value }
        throw BuildError(
            .usage,
            "\(place): no `\(key)` is given",
            hint: "Give \(flag), or `\(key)` in \(ConfigurationFile.defaultName)."
        )
    }

    /// Two disks cannot have one name in the build's folder.
    private static func refuseDuplicates(_ targets: [Target]) throws(BuildError) {
        var places: [String: Target] = [:]
        for target in targets {
            let name = target.request.diskFileName
            if let other = places.updateValue(target, forKey: name) {
                throw BuildError(
                    .usage,
                    "\(other.place) and \(target.place) both make \(name) "
                        + "(\(other.request.ref) and \(target.request.ref))",
                    hint: "Disks are named by osname and the last part of target or ref."
                )
            }
        }
    }
}
