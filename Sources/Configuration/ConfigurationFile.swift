package import Orchestrator
import SystemIO
package import SystemPackage
import TOMLKit

/// `builddisks.toml`: the disks of a project. docs/configuration.md is its schema.
package struct ConfigurationFile: Sendable {
    /// One `[disk.NAME]`.
    package struct Disk: Sendable {
        package var name: String
        package var settings: DiskSettings
        /// "builddisks.toml:12", for messages.
        package var place: String
    }

    package var file: FilePath
    package var output: FilePath?
    package var jobs: Int?
    /// Builds that stay in the output.
    package var keptBuilds: Int?
    /// `repository`, `osname` and `[defaults]`.
    package var defaults: DiskSettings
    /// In the file's order.
    package var disks: [Disk]

    package static let defaultName = "builddisks.toml"
    private static let sizeLimit = 1 << 20

    /// - Throws: `.usage` for whatever is wrong with the file, with its lines.
    package init(_ file: FilePath) throws(BuildError) {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try readFile(file, limit: Self.sizeLimit)
        } catch {
            throw BuildError(
                .usage,
                "cannot read the configuration \(file): \(error)",
                hint: "Check the path."
            )
        }
        try self.init(bytes, file: file)
    }

    /// - Parameter file: for messages, and its folder is what paths are relative to.
    package init(_ bytes: [UInt8], file: FilePath) throws(BuildError) {
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw BuildError(.usage, "\(file): this is no text in UTF-8")
        }
        let table = try Self.parse(text, file)
        let document = Document(file: file, lines: KeyLines(text))
        let folder = file.removingLastComponent()
        var root = TableReader(table, path: [], document: document)
        var top = DiskSettings()
        top.repository = root.string("repository").map { path($0, in: folder) }
        top.osname = root.string("osname")
        let output = root.string("output").map { path($0, in: folder) }
        jobs = root.integer("jobs", in: 1...Int.max)
        keptBuilds = root.integer("keep", in: 1...Int.max)
        var defaults = DiskSettings()
        if var reader = root.table("defaults") {
            defaults = DiskSettings(&reader, relativeTo: folder)
            reader.finish()
        }
        let disks = Self.disks(&root, folder)
        root.finish()
        try document.check()
        self.file = file
        self.output = output
        self.defaults = defaults.over(top)
        self.disks = disks
    }

    private static func parse(_ text: String, _ file: FilePath) throws(BuildError) -> TOMLTable {
        do {
            return try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw BuildError(
                .usage,
                "\(file):\(error.source.begin.line): \(error.description)",
                hint: "https://toml.io/en/v1.0.0 is the format."
            )
        } catch {
            throw BuildError(.usage, "\(file): \(error)")
        }
    }

    private static func disks(_ root: inout TableReader, _ folder: FilePath) -> [Disk] {
        root.entries("disk", "`[disk.NAME]`").compactMap { name, value in
            guard let table = value.table else {
                root.document.report(
                    ["disk", name],
                    "`disk.\(name)` must be a table (`[disk.\(name)]`), not "
                        + TableReader.kind(value)
                )
                return nil
            }
            var reader = TableReader(table, path: ["disk", name], document: root.document)
            var settings = DiskSettings(&reader, relativeTo: folder)
            settings.refs = reader.strings("ref", orOne: true)
            reader.finish()
            if table["ref"] == nil {
                reader.document.report(reader.path, "[disk.\(name)] has no `ref`")
            } else if settings.refs == [] {
                reader.report("ref", "`ref` names no ref")
            }
            return Disk(
                name: name,
                settings: settings,
                place: reader.document.place(of: reader.path)
            )
        }
    }
}
