import OSTree
import SystemPackage

/// What has to be read of a commit to know whether it can be composed: its directories, but of files
/// only those that say how libostree would deploy it.
struct PreparedCommit: Sendable {
    let version: LibostreeVersion
    let tree: CommitTree
    /// Without the checksum over their contents.
    let kernel: KernelFiles
    /// nil where the commit has no SELinux policy, or has it switched off.
    let labels: Labels?

    init(_ plan: ComposePlan, scratch: FilePath) throws(ComposeError) {
        try Self.refuseUnlessLocal(plan.ref)
        // What no method can do without comes first.
        tree = try CommitTree(plan.commit, in: plan.repository)
        kernel = try KernelFiles(in: tree)
        version = try LibostreeVersion.read(from: plan.commit, in: plan.repository)
        guard !version.writesComposefs else {
            throw .needsVM(
                "the commit's libostree \(version) writes a composefs image for each deployment, "
                    + "which compose cannot make"
            )
        }
        labels = try Labels(
            plan.commit,
            version,
            plan.repository,
            scratch: scratch.appending("selinux")
        )
    }

    private static func refuseUnlessLocal(_ ref: String) throws(ComposeError) {
        let parts = ref.split(separator: "/")
        guard !parts.isEmpty, !ref.contains(":"), parts.first != "ostree" else {
            throw .needsVM("\"\(ref)\" is not the name of a local branch")
        }
    }
}
