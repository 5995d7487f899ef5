import GuestProtocol

/// The steps that take an installed disk to another commit: /var stays, local changes of /etc are
/// merged by libostree, the deployment before stays for rollback.
struct VMUpdate {
    let installation: VMInstallation
    let plan: BuildPlan

    private var guest: Guest { installation.guest }
    private var sysroot: String { "--sysroot=\(VMInstallation.target)" }

    func mount() throws(BuildError) {
        try installation.mount(["noatime", "nobarrier"])
    }

    /// Gives back what is free: what the update freed, and what the system freed while it ran. So a
    /// disk does not grow from update to update.
    func trim() throws(BuildError) {
        for target in [VMInstallation.target, VMInstallation.boot] {
            try guest.perform(.trim(target: target), "trim \(target)", limit: 300)
        }
    }

    /// `ostree admin deploy` merges from the stateroot's newest deployment. The kernel arguments are
    /// the plan's alone, as on a new disk.
    func deploy() throws(BuildError) {
        let retained = plan.request.update.retainedDeployments
        let keep = retained > UpdateOptions.defaultRetained ? ["--retain"] : []
        try guest.perform(
            .coverKernel(sysroot: VMInstallation.target, osname: plan.request.osname),
            "cover the kernel that is installed"
        )
        try guest.run(
            "deploy the commit",
            limit: 1800,
            [
                "ostree", "admin", "deploy", sysroot, "--os=\(plan.request.osname)", "--karg-none",
                "--no-prune",
            ]
                + keep + plan.kernelArguments.map { "--karg-append=\($0)" } + [plan.request.ref]
        )
        try guest.perform(.uncoverKernel, "uncover the kernel that is installed")
        // Each update adds one deployment, so at most one is too many.
        if retained != UpdateOptions.defaultRetained { try undeploy(retained) }
        try prune()
    }

    /// Removes what no deployment and no other ref needs any more. libostree reads every folder of
    /// every commit for that, which takes seconds, so it is asked only where a commit has lost its
    /// last ref.
    private func prune() throws(BuildError) {
        let repository = VMInstallation.target + "/ostree/repo"
        let count = try guest.count(
            .unreferencedCommits(repository: repository),
            "look for commits that are not needed"
        )
        if count == 0 { return }
        try guest.run(
            "remove what is not needed",
            limit: 600,
            ["ostree", "admin", "cleanup", sysroot]
        )
    }

    /// Removes the deployment at an index, if there is one, and what only it needed.
    private func undeploy(_ index: Int) throws(BuildError) {
        do throws(BuildError) {
            try guest.run(
                "remove an old deployment",
                limit: 600,
                ["ostree", "admin", "undeploy", sysroot, String(index)]
            )
        } catch {
            guard error.details.contains(where: { $0.contains("Out of range") }) else {
                throw error
            }
        }
    }
}
