import DiskImage
import SystemPackage

/// What an update starts from: found, and looked at before anything is begun.
extension Run {
    /// Why a disk cannot be updated, and what to do about it.
    private struct Refusal {
        var reason: String
        /// Without its full stop.
        var advice: String
    }

    /// What a disk is made from.
    struct Start: Sendable {
        /// nil for a new one.
        var disk: PreviousDisk?
        /// Why that is not what was asked for.
        var note: String?
    }

    /// The disk that the plan starts from.
    func start(
        of plan: BuildPlan,
        _ publication: Publication
    ) throws(BuildError) -> Start {
        let options = plan.request.update
        let path: FilePath
        switch options.from {
        case .none: return Start()
        case .current: path = publication.currentPath(of: plan.diskFileName)
        case .disk(let named): path = named
        }
        let refusal: Refusal
        switch Result(catching: { () throws(PreviousDisk.Absence) in try PreviousDisk(path) }) {
        case .success(let disk):
            guard let found = try self.refusal(of: disk, for: plan) else {
                return Start(disk: disk)
            }
            refusal = found
        case .failure(let absence):
            refusal = Self.refusal(absence, options.from, publication)
        }
        let message = "\(path) cannot be updated: \(refusal.reason)"
        guard options.elseFresh else {
            throw BuildError(
                .input,
                message,
                hint: "\(refusal.advice), or add --else-fresh to build from scratch then."
            )
        }
        return Start(note: "\(message); building from scratch.")
    }

    private static func refusal(
        _ absence: PreviousDisk.Absence,
        _ source: UpdateSource,
        _ publication: Publication
    ) -> Refusal {
        let reason = "\(absence)"
        switch absence {
        case .missing where source == .current:
            let files = publication.currentFiles
            guard let first = files.first else {
                return Refusal(reason: reason, advice: "Build the first disk without --from")
            }
            return Refusal(
                reason: reason + "; `current` holds \(files.joined(separator: ", "))",
                advice: "Name what it holds: --from \(publication.currentPath(of: first))"
            )
        case .missing: return Refusal(reason: reason, advice: "Check the path")
        case .folder, .noFile: return Refusal(reason: reason, advice: "Name a disk's file")
        case .unreadable: return Refusal(reason: reason, advice: "Let it be read by this user")
        }
    }

    private func refusal(
        of disk: PreviousDisk,
        for plan: BuildPlan
    ) throws(BuildError) -> Refusal? {
        let whole = "Name a disk that is whole"
        if let damage = disk.damage { return Refusal(reason: damage, advice: whole) }
        let wanted = "Ask for what that disk has"
        if let obstacle = disk.obstacle(to: plan) {
            return Refusal(reason: obstacle, advice: wanted)
        }
        // Whatever a record says or does not say, the steps go by the plan's partitions.
        let head: [UInt8]
        do throws(BuildError) {
            head = try DiskFile.head(
                disk.file,
                format: disk.format,
                count: DiskLayout.headLength,
                launcher: context.tools.launcher
            )
        } catch {
            // No program, no room: not the disk's fault.
            guard error.command != nil, error.kind == .host else { throw error }
            let words = error.details.first.map { ": \($0)" } ?? ""
            return Refusal(reason: "QEMU cannot read it\(words)", advice: whole)
        }
        if plan.layout.isFound(in: head) { return nil }
        return Refusal(
            reason: "its partitions are not those of the layout \(plan.layout.scheme.rawValue)",
            advice: wanted
        )
    }
}
