import DiskImage
import SystemIO
import SystemPackage

/// A disk that an update starts from, with what its record says of it.
struct PreviousDisk: Sendable {
    let file: FilePath
    let format: DiskFormat
    /// nil where no `build.json` lies beside the disk.
    let record: DiskRecord?

    /// The disk of `current`; nil where there is none yet.
    init?(currentOf output: OutputFolder, named name: String) {
        guard let current = output.current else { return nil }
        self.init(output.folder(of: current).appending(name))
    }

    /// A disk anywhere; nil where there is no such file.
    init?(_ file: FilePath) {
        guard (try? FileStatus(file))?.kind == .regular else { return nil }
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

    /// Why this disk cannot be taken to the plan; nil when it can.
    func obstacle(to plan: BuildPlan) -> String? {
        if format != plan.request.format {
            return "its format is \(format.rawValue), not \(plan.request.format.rawValue)"
        }
        guard let record else { return nil }
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
}
