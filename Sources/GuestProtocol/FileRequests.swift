/// Runs a program in the current root, with umask 022, standard input from /dev/null, and both
/// outputs sent as `GuestMessage.output`. The request succeeds whatever the exit status is:
/// `Completion.command` tells it.
package struct RunCommand: WireValue {
    /// A name without `/` is looked up in `PATH` of `environment`.
    package var arguments: [String]
    /// The whole environment, `NAME=value` each.
    package var environment: [String]
    package var workingDirectory: String

    package init(
        arguments: [String],
        environment: [String] = RunCommand.defaultEnvironment,
        workingDirectory: String = "/"
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
    }

    package static let defaultEnvironment = [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C.UTF-8", "HOME=/root", "TERM=dumb",
    ]

    package init(from reader: inout WireReader) throws(WireError) {
        arguments = try reader.strings()
        environment = try reader.strings()
        workingDirectory = try reader.string()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(arguments)
        writer.append(environment)
        writer.append(workingDirectory)
    }
}

/// A directory, small file or symbolic link to make. The parent has to exist.
package struct NewEntry: WireValue {
    package enum Content: WireValue {
        /// An existing directory is taken, and gets the mode.
        case directory
        /// Replaces what an existing regular file holds.
        case file([UInt8])
        case symlink(target: String)

        private enum Tag: UInt8, WireValue { case directory = 1, file, symlink }

        package init(from reader: inout WireReader) throws(WireError) {
            self =
                switch try reader.value(Tag.self) {
                case .directory: .directory
                case .file: .file(try reader.blob())
                case .symlink: .symlink(target: try reader.string())
                }
        }

        package func encode(into writer: inout WireWriter) {
            switch self {
            case .directory: writer.append(Tag.directory)
            case .file(let bytes):
                writer.append(Tag.file)
                writer.append(bytes)
            case .symlink(let target):
                writer.append(Tag.symlink)
                writer.append(target)
            }
        }
    }

    package var path: String
    /// Permission bits, set whatever the umask is; without meaning for a link.
    package var mode: UInt32
    package var content: Content

    package init(path: String, mode: UInt32, content: Content) {
        self.path = path
        self.mode = mode
        self.content = content
    }

    package static func directory(_ path: String, mode: UInt32 = 0o755) -> NewEntry {
        NewEntry(path: path, mode: mode, content: .directory)
    }

    package static func file(_ path: String, mode: UInt32 = 0o644, _ text: String) -> NewEntry {
        NewEntry(path: path, mode: mode, content: .file(Array(text.utf8)))
    }

    package static func symlink(_ path: String, to target: String) -> NewEntry {
        NewEntry(path: path, mode: 0o777, content: .symlink(target: target))
    }

    package init(from reader: inout WireReader) throws(WireError) {
        path = try reader.string()
        mode = try reader.integer()
        content = try reader.value()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(path)
        writer.append(mode)
        writer.append(content)
    }
}

/// Connects to a port of the host's virtio socket, says which objects the repository has, and writes
/// those that come back, the commit last, then the ref.
///
/// Objects get their final names at once: an import that fails leaves objects that no commit needs,
/// maybe one of them cut short, so the disk is to be thrown away then.
package struct ImportPack: WireValue {
    package var port: UInt32
    /// A bare repository.
    package var repository: String
    /// Set to the pack's commit, in `refs/heads`; nil sets none.
    package var ref: String?

    package init(port: UInt32, repository: String, ref: String?) {
        self.port = port
        self.repository = repository
        self.ref = ref
    }

    package init(from reader: inout WireReader) throws(WireError) {
        port = try reader.integer()
        repository = try reader.string()
        ref = try reader.optionalString()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(port)
        writer.append(repository)
        writer.append(ref)
    }
}
