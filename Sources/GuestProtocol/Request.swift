/// One step that the host asks for.
package enum Request: WireValue {
    /// Connects to a port of the host's virtio socket and mounts a 9P export.
    case mountView(MountView)
    /// Makes a mounted view of the commit the root, so that the commit's own programs run.
    case enterRoot(EnterRoot)
    /// Writes sectors of a disk and makes the kernel read its partition table again.
    case writeSectors(WriteSectors)
    case makeFileSystem(MakeFileSystem)
    case mount(MountFileSystem)
    /// Ends all writing to file systems that `mount` mounted, last first, and flushes their disks. They stay
    /// mounted, read-only.
    case seal(targets: [String])
    case run(RunCommand)
    /// Makes directories, small files and symbolic links, in order.
    case makeEntries([NewEntry])
    /// Installs extlinux into a mounted file system, with the commit's own `extlinux`.
    case installExtlinux(directory: String)
    /// `e2fsck -fn` on each, at once: fails unless the file systems are clean.
    case checkFileSystems([BlockDevice])
    /// Lists a directory tree as `GuestMessage.entries`, parents first, names in byte order.
    case listTree(path: String, readsContent: Bool)
    case statistics
    /// Fills a bare repository from a pack that the host serves on a port of the virtio socket.
    case importPack(ImportPack)
    /// Counts the commits of a bare repository that no ref names, as `Completion.listed`: a prune
    /// would remove them, and what only they need.
    case unreferencedCommits(repository: String)
    /// Mounts an empty file over kernel and initramfs of a stateroot's newest deployment, where /boot has
    /// both: `ostree admin deploy` then reads nothing for a sum that it has no use for.
    case coverKernel(sysroot: String, osname: String)
    /// Undoes `coverKernel`.
    case uncoverKernel
    /// Tells the disk which blocks of a mounted file system are free (FITRIM).
    case trim(target: String)
    /// Adds files to a system that is installed.
    case addFiles(AddFiles)
    /// Tells a machine that was saved and has been resumed what has changed meanwhile.
    case resume(ResumeMachine)
    /// Unmounts everything, answers, switches the machine off.
    case powerOff

    private enum Tag: UInt8, WireValue {
        case mountView = 1
        case enterRoot, writeSectors, makeFileSystem, mount, seal, run, makeEntries
        case installExtlinux, checkFileSystems, listTree, statistics, powerOff, importPack, trim
        case addFiles, unreferencedCommits, coverKernel, uncoverKernel, resume
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self =
            switch try reader.value(Tag.self) {
            case .mountView: .mountView(try reader.value())
            case .enterRoot: .enterRoot(try reader.value())
            case .writeSectors: .writeSectors(try reader.value())
            case .makeFileSystem: .makeFileSystem(try reader.value())
            case .mount: .mount(try reader.value())
            case .seal: .seal(targets: try reader.strings())
            case .run: .run(try reader.value())
            case .makeEntries: .makeEntries(try reader.list())
            case .installExtlinux: .installExtlinux(directory: try reader.string())
            case .checkFileSystems: .checkFileSystems(try reader.list())
            case .listTree:
                .listTree(path: try reader.string(), readsContent: try reader.bool())
            case .statistics: .statistics
            case .powerOff: .powerOff
            case .importPack: .importPack(try reader.value())
            case .trim: .trim(target: try reader.string())
            case .addFiles: .addFiles(try reader.value())
            case .unreferencedCommits: .unreferencedCommits(repository: try reader.string())
            case .coverKernel:
                .coverKernel(sysroot: try reader.string(), osname: try reader.string())
            case .uncoverKernel: .uncoverKernel
            case .resume: .resume(try reader.value())
            }
    }

    package func encode(into writer: inout WireWriter) {
        switch self {
        case .mountView(let value): write(.mountView, value, &writer)
        case .enterRoot(let value): write(.enterRoot, value, &writer)
        case .writeSectors(let value): write(.writeSectors, value, &writer)
        case .makeFileSystem(let value): write(.makeFileSystem, value, &writer)
        case .mount(let value): write(.mount, value, &writer)
        case .seal(let targets):
            writer.append(Tag.seal)
            writer.append(targets)
        case .run(let value): write(.run, value, &writer)
        case .makeEntries(let entries):
            writer.append(Tag.makeEntries)
            writer.append(entries)
        case .installExtlinux(let directory):
            writer.append(Tag.installExtlinux)
            writer.append(directory)
        case .checkFileSystems(let devices):
            writer.append(Tag.checkFileSystems)
            writer.append(devices)
        case .listTree(let path, let readsContent):
            writer.append(Tag.listTree)
            writer.append(path)
            writer.append(readsContent)
        case .statistics: writer.append(Tag.statistics)
        case .powerOff: writer.append(Tag.powerOff)
        case .importPack(let value): write(.importPack, value, &writer)
        case .trim(let target):
            writer.append(Tag.trim)
            writer.append(target)
        case .addFiles(let value): write(.addFiles, value, &writer)
        case .unreferencedCommits(let repository):
            writer.append(Tag.unreferencedCommits)
            writer.append(repository)
        case .coverKernel(let sysroot, let osname):
            writer.append(Tag.coverKernel)
            writer.append(sysroot)
            writer.append(osname)
        case .uncoverKernel: writer.append(Tag.uncoverKernel)
        case .resume(let value): write(.resume, value, &writer)
        }
    }

    private func write(_ tag: Tag, _ value: some WireValue, _ writer: inout WireWriter) {
        writer.append(tag)
        writer.append(value)
    }
}

/// One line for logs: what is asked, and of what.
extension Request: CustomStringConvertible {
    package var description: String {
        switch self {
        case .mountView(let view): "mount export \(view.aname) on \(view.target)"
        case .enterRoot(let root): "enter root \(root.view)"
        case .writeSectors(let write): "write partition table of disk \(write.serial)"
        case .makeFileSystem(let make): "make \(make.kind.name) on \(make.device)"
        case .mount(let mount): "mount \(mount.device) on \(mount.target)"
        case .seal(let targets): "seal \(targets.joined(separator: ", "))"
        case .run(let run): "run \(run.arguments.joined(separator: " "))"
        case .makeEntries(let entries):
            "make \(entries.map(\.path).joined(separator: ", "))"
        case .installExtlinux(let directory): "install extlinux in \(directory)"
        case .checkFileSystems(let devices):
            "check \(devices.map(\.description).joined(separator: ", "))"
        case .listTree(let path, _): "list \(path)"
        case .statistics: "statistics"
        case .powerOff: "power off"
        case .importPack(let value): "import a pack into \(value.repository)"
        case .unreferencedCommits(let repository): "look for unneeded commits in \(repository)"
        case .coverKernel(let sysroot, let osname):
            "cover the kernel of \(osname)'s newest deployment in \(sysroot)"
        case .uncoverKernel: "uncover the kernel"
        case .resume: "resume"
        case .trim(let target): "trim \(target)"
        case .addFiles(let value):
            "add \(value.files.map(\.path).joined(separator: ", ")) to \(value.root)"
        }
    }
}

extension MakeFileSystem.Kind {
    fileprivate var name: String {
        switch self {
        case .ext4: "ext4"
        case .swap: "swap"
        }
    }
}
