/// Files to add below a folder; each takes the place of what has its name.
package struct AddFiles: WireValue {
    /// An existing folder.
    package var root: String
    package var files: [AddedFile]

    package init(root: String, files: [AddedFile]) {
        self.root = root
        self.files = files
    }

    package init(from reader: inout WireReader) throws(WireError) {
        root = try reader.string()
        files = try reader.list()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(root)
        writer.append(files)
    }
}

package struct AddedFile: WireValue {
    package enum Content: WireValue {
        /// An existing one is taken, and gets the mode and the owner.
        case directory
        case file([UInt8])
        case symlink(target: String)
        /// More of a file that this request, or one before it, has added.
        case append([UInt8])

        private enum Tag: UInt8, WireValue { case directory = 1, file, symlink, append }

        package init(from reader: inout WireReader) throws(WireError) {
            self =
                switch try reader.value(Tag.self) {
                case .directory: .directory
                case .file: .file(try reader.blob())
                case .symlink: .symlink(target: try reader.string())
                case .append: .append(try reader.blob())
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
            case .append(let bytes):
                writer.append(Tag.append)
                writer.append(bytes)
            }
        }
    }

    /// Below the request's root, without a leading slash.
    package var path: String
    /// Permission bits; without meaning for a link and for `append`, as are the owners for `append`.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    package var content: Content
    /// SELinux labels of the folders that lead to it and of itself, one for each name in `path`, empty
    /// where there is none; given to what is made. None at all where the system has no policy.
    package var labels: [String]

    package init(
        path: String,
        mode: UInt32,
        uid: UInt32 = 0,
        gid: UInt32 = 0,
        content: Content,
        labels: [String] = []
    ) {
        self.path = path
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.content = content
        self.labels = labels
    }

    package init(from reader: inout WireReader) throws(WireError) {
        path = try reader.string()
        mode = try reader.integer()
        uid = try reader.integer()
        gid = try reader.integer()
        content = try reader.value()
        labels = try reader.strings()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(path)
        writer.append(mode)
        writer.append(uid)
        writer.append(gid)
        writer.append(content)
        writer.append(labels)
    }
}
