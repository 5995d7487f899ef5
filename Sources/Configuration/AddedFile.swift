package import SystemPackage
import TOMLKit

/// One entry of `files`: what the installed system gets at a path, and whence.
package struct AddedFile: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        /// A file, a symbolic link, or a folder with all that is in it.
        case copy(FilePath)
        case text(String)
    }

    /// In the installed system, below /etc or /var: "/etc/motd".
    package var path: String
    package var content: Content
    /// Permission bits; nil takes those of the source, or 0644 for a text.
    package var mode: UInt16?
    package var uid: UInt32
    package var gid: UInt32

    package init(
        path: String,
        content: Content,
        mode: UInt16? = nil,
        uid: UInt32 = 0,
        gid: UInt32 = 0
    ) {
        self.path = path
        self.content = content
        self.mode = mode
        self.uid = uid
        self.gid = gid
    }

    /// Why a path cannot be added to; nil when it can.
    package static func obstacle(to path: String) -> String? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && part != "." && part != ".." && !part.utf8.contains(0)
                && part.utf8.count <= 255
        }
        guard path.hasPrefix("/"), isPlain, parts.first == "etc" || parts.first == "var" else {
            return "files can be added to /etc and /var, by whole paths"
        }
        return nil
    }

    /// "644", "0644", "0o644": octal, at most 7777.
    static func mode(_ text: String) -> UInt16? {
        let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
        guard let mode = UInt16(digits, radix: 8), mode <= 0o7777, digits.count <= 5 else {
            return nil
        }
        return mode
    }

    static let idRange = 0...Int(UInt32.max - 1)
}

extension AddedFile {
    /// Reads `files`: paths of the installed system, each with a source, or with a table of more.
    static func read(_ table: inout TableReader, relativeTo folder: FilePath) -> [AddedFile]? {
        guard table.has("files") else { return nil }
        let example = "`[\((table.path + ["files"]).joined(separator: "."))]`"
        return table.entries("files", example).compactMap { path, value in
            let place = table.path + ["files", path]
            if let obstacle = obstacle(to: path) {
                table.document.report(place, "\"\(path)\": \(obstacle)")
                return nil
            }
            if let source = value.string, !source.isEmpty {
                return AddedFile(path: path, content: .copy(in: folder, source))
            }
            guard let inner = value.table else {
                table.document.report(
                    place,
                    "\"\(path)\" must be the path of a source or a table, not "
                        + TableReader.kind(value)
                )
                return nil
            }
            var reader = TableReader(inner, path: place, document: table.document)
            let file = AddedFile(path, &reader, folder)
            reader.finish()
            return file
        }
    }

    /// Reads one table.
    private init?(_ path: String, _ table: inout TableReader, _ folder: FilePath) {
        let source = table.string("source")
        let text = table.text("content")
        self.init(
            path: path,
            content: source.map { .copy(in: folder, $0) } ?? .text(text ?? ""),
            mode: table.text("mode", "octal digits like \"0644\"", Self.mode),
            uid: UInt32(table.integer("user", in: Self.idRange) ?? 0),
            gid: UInt32(table.integer("group", in: Self.idRange) ?? 0)
        )
        if table.has("source") == table.has("content") {
            table.document.report(table.path, "\"\(path)\" needs either `source` or `content`")
            return nil
        }
    }
}

extension AddedFile.Content {
    fileprivate static func copy(in folder: FilePath, _ source: String) -> Self {
        .copy(Configuration.path(source, in: folder))
    }
}
