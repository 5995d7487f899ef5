import CLinux
import DiskImage
import SystemIO
import SystemPackage

/// A disk that an update starts from, with what its record says of it.
struct PreviousDisk: Sendable {
    let file: FilePath
    let format: DiskFormat
    /// nil where no `build.json` lies beside the disk.
    let record: DiskRecord?

    /// Why there is no disk to be had from a path.
    enum Absence: Error, Equatable {
        case missing
        case folder
        /// A device, a pipe.
        case noFile
        case unreadable(Errno)
    }

    init(_ file: FilePath) throws(Absence) {
        let kind: FileStatus.Kind
        do throws(Errno) {
            kind = try FileStatus(file).kind
            if kind == .regular { _ = try OwnedFD.open(file, O_RDONLY) }
        } catch .noSuchFileOrDirectory {
            throw .missing
        } catch .notDirectory {
            throw .missing
        } catch {
            throw .unreadable(error)
        }
        if kind == .directory { throw .folder }
        guard kind == .regular else { throw .noFile }
        // An overlay names it: not through `current`, which is soon another build.
        let file = resolvedPath(file)
        self.file = file
        record = BuildRecord(in: file.removingLastComponent())?
            .disk(named: file.lastComponent?.string ?? "")
        let named: DiskFormat = file.extension == "raw" ? .raw : .qcow2
        format = record.flatMap { DiskFormat(rawValue: $0.format) } ?? named
    }

    /// What is the same as long as the disk is.
    var identity: String {
        if let record { return record.sha256 }
        guard let status = try? FileStatus(file) else { return "" }
        return "\(status.device):\(status.inode):\(status.size):\(status.modified)"
    }

    /// Why this disk cannot be taken to the plan, as far as its record tells; nil when it can.
    func obstacle(to plan: BuildPlan) -> String? {
        if format != plan.request.format {
            return "its format is \(format.rawValue), not \(plan.request.format.rawValue)"
        }
        guard let record else {
            // What a record says counts more than a name.
            guard format == .raw, let size = try? FileStatus(file).size, size != plan.request.size
            else { return nil }
            return "its size is \(size) bytes, not \(plan.request.size)"
        }
        if record.osname != plan.request.osname {
            return "its osname is \(record.osname), not \(plan.request.osname)"
        }
        if record.layout != plan.request.layout.rawValue {
            return "its layout is \(record.layout), not \(plan.request.layout.rawValue)"
        }
        if record.virtualBytes != plan.request.size {
            return "its size is \(record.virtualBytes) bytes, not \(plan.request.size)"
        }
        return nil
    }

    /// What is wrong with the file itself; nil for nothing. Of a qcow2 only its tables are read: a
    /// machine would boot with a disk that lacks its half, and stumble over that much later.
    var damage: String? {
        guard format == .qcow2 else { return nil }
        let image: SharedFD
        let size: UInt64
        do throws(Errno) {
            image = SharedFD(try OwnedFD.open(file, O_RDONLY))
            size = try FileStatus(descriptor: image.rawValue).size
        } catch {
            return "\(error)"
        }
        do throws(Qcow2Problem) {
            let last = try Qcow2Map(file: image).lastDataOffset ?? 0
            return last < size ? nil : "it is damaged: its end is missing"
        } catch .damaged(let reason) {
            return "it is no qcow2 image, or damaged (\(reason))"
        } catch .unreadable(let errno) {
            return "\(Errno(rawValue: errno))"
        } catch {
            // QEMU knows more kinds than we do.
            return nil
        }
    }
}

extension PreviousDisk.Absence: CustomStringConvertible {
    var description: String {
        switch self {
        case .missing: "there is no such disk"
        case .folder: "it is a folder"
        case .noFile: "it is no file"
        case .unreadable(let errno): "\(errno)"
        }
    }
}
