/// Disks that are made in one run and published as one build.
package struct RunRequest: Sendable {
    /// At least one; all with the same output and name of the build.
    package var disks: [BuildRequest]
    /// Files that the new build takes over from the current one, if they are there: disks of the
    /// configuration that were not asked for.
    package var kept: [String]
    /// Disks made at once; nil takes what the host has room for.
    package var jobs: Int?
    /// Builds that stay in the output; nil keeps all.
    package var keptBuilds: Int?

    package init(
        disks: [BuildRequest],
        kept: [String] = [],
        jobs: Int? = nil,
        keptBuilds: Int? = nil
    ) {
        self.disks = disks
        self.kept = kept
        self.jobs = jobs
        self.keptBuilds = keptBuilds
    }
}
