import DiskImage
import GuestProtocol
import OSTree
import SystemPackage

/// The steps that turn an empty disk into an installed one, done in the bootstrap VM with the
/// commit's own tools: what `ostree admin` documents, in its order.
struct VMInstallation {
    let guest: Guest
    let plan: BuildPlan

    /// What the guest knows the disk by.
    static let diskSerial = "target"
    static let target = "/run/builddisks/target"
    static let boot = target + "/boot"
    static let repository = "/run/builddisks/repo"
    private static let view = "/run/builddisks/tree"

    /// Moves the guest into the bootstrap tree, and mounts the host's repository if there is 9P.
    /// - Parameter isWarming: whether ostree is going to be needed soon.
    static func enter(
        _ guest: Guest,
        _ root: BootstrapRoot,
        isWarming: Bool = false
    ) throws(BuildError) {
        let tree = try root.mount(in: guest, at: view)
        let enter = EnterRoot(view: tree, warming: isWarming ? ["ostree", "--version"] : [])
        try guest.perform(.enterRoot(enter), "enter the bootstrap tree")
        guard root == .view else { return }
        try guest.mountView(
            VMServices.repositoryExport,
            at: Self.repository,
            "mount the repository in the guest"
        )
    }

    /// `ostree admin init-fs` and `os-init`.
    func initialise() throws(BuildError) {
        try guest.run(
            "initialise the sysroot",
            limit: 60,
            ["ostree", "admin", "init-fs", "--modern", Self.target]
        )
        try guest.run(
            "initialise the stateroot",
            limit: 60,
            ["ostree", "admin", "os-init", "--sysroot=\(Self.target)", plan.request.osname]
        )
    }

    /// Brings the commit's objects to the disk, and sets the ref.
    func pull() throws(BuildError) {
        switch plan.request.pull {
        case .pack:
            try guest.perform(
                .importPack(
                    ImportPack(
                        port: VMServices.packPort,
                        repository: Self.target + "/ostree/repo",
                        ref: plan.request.ref == plan.commit.checksum.hex ? nil : plan.request.ref
                    )
                ),
                "pull the commit",
                limit: 3600
            )
        case .ninep: try pullLocal()
        }
    }

    private func pullLocal() throws(BuildError) {
        let repository = "--repo=\(Self.target)/ostree/repo"
        let checksum = plan.commit.checksum.hex
        // By checksum: the ref may move while we work, and pull-local believes a stale summary more
        // than the ref. Without --untrusted libostree stores corrupt content and exits 0.
        try guest.run(
            "pull the commit",
            limit: 3600,
            [
                "ostree", repository, "pull-local", "--untrusted", "--disable-fsync",
                Self.repository, checksum,
            ]
        )
        if plan.request.ref != checksum {
            try guest.run(
                "set the ref",
                limit: 60,
                ["ostree", repository, "refs", "--force", "--create=\(plan.request.ref)", checksum]
            )
        }
    }

    /// `ostree admin deploy`, with what makes libostree write for the syslinux loader too (it always
    /// writes the entries that systemd-boot reads).
    func deploy() throws(BuildError) {
        if plan.layout.scheme.startsFromBIOS { try prepareForSyslinux() }
        // --karg replaces an earlier argument of the same key; --karg-append keeps both. A repository
        // that holds one commit has nothing to prune; to find that out takes seconds.
        try guest.run(
            "deploy the commit",
            limit: 1800,
            [
                "ostree", "admin", "deploy", "--sysroot=\(Self.target)",
                "--os=\(plan.request.osname)", "--no-prune",
            ]
                + plan.kernelArguments.map { "--karg-append=\($0)" } + [plan.request.ref]
        )
    }

    private func prepareForSyslinux() throws(BuildError) {
        let boot = Self.boot
        // libostree picks syslinux where this link exists, and completes the (empty) file.
        try guest.perform(
            .makeEntries([
                NewEntry(path: boot + "/loader.0", mode: 0o755, content: .directory),
                NewEntry(path: boot + "/loader.0/syslinux.cfg", mode: 0o644, content: .file([])),
                NewEntry(
                    path: boot + "/loader",
                    mode: 0o777,
                    content: .symlink(target: "loader.0")
                ),
                NewEntry(path: boot + "/syslinux", mode: 0o755, content: .directory),
                NewEntry(
                    path: boot + "/syslinux/syslinux.cfg",
                    mode: 0o777,
                    content: .symlink(target: "../loader/syslinux.cfg")
                ),
            ]),
            "prepare the boot folder"
        )
    }

    func installExtlinux() throws(BuildError) {
        try guest.perform(
            .installExtlinux(directory: Self.boot + "/syslinux"),
            "install extlinux",
            limit: 120
        )
    }

    /// Ends all writing: what the disk's file holds afterwards is the finished disk.
    func seal() throws(BuildError) {
        if plan.request.verifiesObjects {
            try guest.run(
                "check the disk's objects",
                limit: 3600,
                ["ostree", "fsck", "--repo=\(Self.target)/ostree/repo"]
            )
        }
        try guest.perform(
            .seal(targets: [Self.boot, Self.target]),
            "end writing to the disk",
            limit: 300
        )
    }

    /// Checks the file systems with the commit's own e2fsck, switches the machine off.
    func check() throws(BuildError) {
        let devices = plan.layout.partitions.compactMap { partition -> BlockDevice? in
            if case .ext4 = partition.content { device(partition) } else { nil }
        }
        try guest.perform(.checkFileSystems(devices), "check the file systems", limit: 600)
        try guest.powerOff()
    }

    func device(_ partition: Partition) -> BlockDevice {
        BlockDevice(serial: Self.diskSerial, partition: UInt32(partition.number))
    }
}

/// What the host offers on the virtio socket.
enum VMServices {
    /// Port of the 9P server; its exports are told apart by aname.
    static let port: UInt32 = 5640
    /// Port of the packs.
    static let packPort: UInt32 = 5641
    static let treeExport = "tree"
    static let repositoryExport = "repo"
    /// Where the repository stands in the export table.
    static let repositoryIndex = 1
    /// Bytes of a 9P message. The kernel's client needs them in one piece of physical memory for each
    /// read (kmalloc in net/9p/client.c), which a small machine soon has no more: a thousandth of the
    /// memory is left to be had. Below 1 MiB with room for the header, so that whole pages are read.
    /// - Parameter memory: of the guest, in MiB.
    static func messageSize(memory: Int) -> UInt32 {
        for pages in [255, 128, 64] as [UInt32] where UInt64(pages) * 4 <= UInt64(memory) {
            return pages == 255 ? 1 << 20 : pages * 4096 + 24
        }
        return 32 * 4096 + 24
    }

    /// Any number above 2 (the host) will do: a guest sees only its own device.
    static let guestCID: UInt64 = 3
}
