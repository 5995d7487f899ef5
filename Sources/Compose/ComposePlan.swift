package import DiskImage
package import OSTree

/// What is to be composed; everything that decides the disk's bytes.
package struct ComposePlan: Sendable {
    package enum Format: String, Sendable, CaseIterable { case qcow2, raw }

    package var repository: Repository
    package var commit: Commit
    /// As `ostree admin deploy` would be given it: `os/x86_64/stable`, or a commit's checksum.
    package var ref: String
    package var osname: String
    /// The kernel command line, without `ostree=`.
    package var kernelArguments: [String]
    package var layout: DiskLayout
    package var format: Format
    /// Written to the deployment's `/etc/fstab`; nil leaves what the commit has.
    package var fstab: [UInt8]?
    /// In /etc or /var.
    package var additions: [Addition]
    /// For each firmware that the layout starts from.
    package var programs: BootPrograms
    /// For every time that libostree would take from the clock: seconds since 1970.
    package var created: Int64

    /// - Parameter created: by default the commit's own time.
    package init(
        repository: Repository,
        commit: Commit,
        ref: String,
        osname: String,
        kernelArguments: [String],
        layout: DiskLayout,
        format: Format = .qcow2,
        fstab: [UInt8]? = nil,
        additions: [Addition] = [],
        programs: BootPrograms,
        created: Int64? = nil
    ) {
        self.repository = repository
        self.commit = commit
        self.ref = ref
        self.osname = osname
        self.kernelArguments = kernelArguments
        self.layout = layout
        self.format = format
        self.fstab = fstab
        self.additions = additions
        self.programs = programs
        self.created = created ?? Int64(clamping: commit.timestamp)
    }
}

/// How far a composition is.
package struct ComposeProgress: Sendable, Equatable {
    package var objects: Int
    package var totalObjects: Int
    /// Of contents, inflated, and of metadata objects.
    package var bytes: UInt64
    package var totalBytes: UInt64
}

/// What was composed.
package struct ComposeFigures: Sendable, Equatable {
    /// Objects of the commit, metadata included.
    package var objects: Int
    /// Bytes of contents read, inflated and checked.
    package var contentBytes: UInt64
    /// Bytes of the image file, holes included.
    package var imageBytes: UInt64
    /// Of the image file.
    package var sha256: Checksum
    /// The commit's libostree, whose ways were followed.
    package var libostree: String
    /// Seconds: reading the tree, laying it out, writing it.
    package var readSeconds: Double
    package var layoutSeconds: Double
    package var writeSeconds: Double
}
