import ArgumentParser
import Orchestrator
import SystemPackage

/// What the bootstrap VM is made of.
struct BootstrapFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Boot the VM from this tree instead of the commit itself, where the commit lacks the tools.",
            valueName: "ref"
        )
    )
    var bootstrapRef: String?

    @Option(
        help: ArgumentHelp("The repository of that ref (default: --repo).", valueName: "folder")
    )
    var bootstrapRepo: String?

    @Option(
        help: ArgumentHelp(
            "Boot the VM with this kernel instead of the tree's own, where that lacks vsock.",
            valueName: "file"
        )
    )
    var kernel: String?

    @Option(
        help: ArgumentHelp(
            "The modules of that kernel (default: /lib/modules).",
            valueName: "folder"
        )
    )
    var modules: String?

    @Option(
        help: ArgumentHelp(
            "How the VM gets its tree: live over 9P, or as an image on a disk (default: auto, "
                + "which takes an image where the kernel lacks 9P).",
            valueName: "root"
        )
    )
    var bootstrapRoot: BootstrapOptions.RootChoice?

    @Flag(
        help: ArgumentHelp(
            "Boot an emulated VM anew, instead of resuming a snapshot that an earlier start has left.",
            discussion: "Snapshots are kept in the cache, one for each kernel and size of VM."
        )
    )
    var freshBoot = false

    var options: BootstrapOptions {
        BootstrapOptions(
            ref: bootstrapRef,
            repository: bootstrapRepo.map(absolutePath),
            kernel: kernel.map(absolutePath),
            modules: modules.map(absolutePath),
            root: bootstrapRoot,
            resumes: freshBoot ? false : nil
        )
    }
}
