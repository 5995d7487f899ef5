import GuestProtocol

/// One message of every kind, with every optional field both ways.
enum Samples {
    static let disk = BlockDevice(serial: "target")
    static let boot = BlockDevice(serial: "target", partition: 1)

    static let requests: [Request] = [
        .mountView(MountView(port: 5640, aname: "tree", target: "/view")),
        .mountView(
            MountView(port: 1, aname: "", messageSize: 4096, target: "/r", readOnly: false)
        ),
        .enterRoot(EnterRoot(view: "/view", writable: ["target", "repo"])),
        .enterRoot(EnterRoot(view: "/view", warming: ["ostree", "--version"])),
        .writeSectors(
            WriteSectors(
                serial: "target",
                extents: [
                    .init(offset: 0, bytes: Array(repeating: 0x55, count: 4)),
                    .init(offset: .max, bytes: []),
                ],
                partitions: [1, 2, 3]
            )
        ),
        .makeFileSystem(
            MakeFileSystem(device: boot, kind: .ext4(arguments: ["-q", "-F", "-O", "none,extent"]))
        ),
        .makeFileSystem(
            MakeFileSystem(
                device: boot,
                kind: .swap(label: "swap", uuid: "5f1d7f0a-0000-4000-8000-0123456789ab")
            )
        ),
        .mount(MountFileSystem(device: boot, type: "ext4", target: "/t", options: ["noatime"])),
        .mount(MountFileSystem(device: disk, type: "ext4", target: "/", restsJournal: true)),
        .seal(targets: []),
        .seal(targets: ["/t/boot", "/t"]),
        .run(RunCommand(arguments: ["ostree", "admin", "init-fs", "--modern", "/t"])),
        .makeEntries([
            .directory("/t/boot/loader.0"), .file("/t/boot/a", "grüße\n"),
            .symlink("/t/boot/loader", to: "loader.0"),
        ]),
        .installExtlinux(directory: "/t/boot/syslinux"),
        .checkFileSystems([disk, boot]), .checkFileSystems([]),
        .listTree(path: "/t", readsContent: true),
        .statistics, .importPack(ImportPack(port: 5641, repository: "/t/repo", ref: "a/b")),
        .importPack(ImportPack(port: 1, repository: "", ref: nil)), .trim(target: "/t"),
        .unreferencedCommits(repository: "/t/repo"),
        .coverKernel(sysroot: "/t", osname: "os"), .uncoverKernel,
        .resume(
            ResumeMachine(
                seconds: 1_767_225_600,
                nanoseconds: 999_999_999,
                seed: [1, 2],
                disks: ["target", ""]
            )
        ),
        .addFiles(
            AddFiles(
                root: "/t",
                files: [
                    AddedFile(path: "etc/a", mode: 0o600, uid: 7, gid: 8, content: .file([1, 2])),
                    AddedFile(path: "etc/a", mode: 0, content: .append([3])),
                    AddedFile(path: "etc/d", mode: 0o755, content: .directory),
                    AddedFile(
                        path: "etc/l",
                        mode: 0o777,
                        content: .symlink(target: "a"),
                        labels: ["", "system_u:object_r:etc_t:s0"]
                    ),
                ]
            )
        ),
        .powerOff,
    ]

    static let hostMessages: [HostMessage] =
        [.welcome(version: ControlProtocol.version), .cancel(RequestID(.max))]
        + requests.map { .request(RequestID(7), timeLimit: 30_000, $0) }

    static let entry = TreeEntry(
        path: [0x75, 0xFF, 0x2F],
        mode: 0o104755,
        uid: 1000,
        gid: .max,
        size: 1 << 40,
        modificationSeconds: -1,
        modificationNanoseconds: 999_999_999,
        inode: 12,
        linkCount: 3,
        linkTarget: [],
        attributes: [.init(name: Array("security.capability".utf8), value: [1, 0, 0, 2])]
    )

    static let failure = Failure(
        .commandFailed,
        step: "mke2fs",
        subject: "disk target partition 1",
        errno: 5,
        command: ["mke2fs", "-F"],
        status: .exited(1),
        outputTail: Array("no space\n".utf8)
    )

    static let guestMessages: [GuestMessage] = [
        .hello(
            Hello(
                kernelRelease: "6.1.0",
                agentBuild: "1",
                uptimeMilliseconds: 2400,
                agentStartMilliseconds: 2000,
                moduleMilliseconds: 300
            )
        ),
        .heartbeat(
            Heartbeat(uptimeMilliseconds: 3400, availableKiB: 1 << 20, active: RequestID(1))
        ),
        .heartbeat(Heartbeat(uptimeMilliseconds: 3400, availableKiB: 0, active: nil)),
        .log(LogLine(level: .warning, text: "ext4: mounted")),
        .progress(RequestID(1), Progress(step: "entries", done: 5, total: 0)),
        .output(RequestID(1), .standardError, [0, 1, 0xFF]),
        .entries(RequestID(1), [entry, entry]),
        .completed(RequestID(1), .done, Figures(elapsed: 1, user: 2, system: 3)),
        .completed(
            RequestID(1),
            .command(.signalled(9), outputTail: [10]),
            Figures(elapsed: 1, user: 2, system: 3)
        ),
        .completed(RequestID(1), .listed(14_000), Figures(elapsed: 1, user: 0, system: 0)),
        .completed(
            RequestID(1),
            .statistics(
                Statistics(
                    uptimeMilliseconds: 1,
                    totalKiB: 2,
                    availableKiB: 3,
                    userMilliseconds: 4,
                    systemMilliseconds: 5,
                    idleMilliseconds: 6,
                    ioWaitMilliseconds: 7
                )
            ),
            Figures(elapsed: 0, user: 0, system: 0)
        ),
        .failed(RequestID(1), failure),
        .failed(RequestID(1), Failure(.noSuchDevice, step: "mount")),
    ]
}
