import CLinux
import GuestProtocol
import SystemPackage
import TestSupport
import Testing

@testable import GuestAgent

/// What the privileged steps are going to do, as far as it can be seen without the privilege.
@Suite struct PlanTests {
    @Test(arguments: [
        ("", []),
        ("virtio.ko\n9p.ko\n", ["virtio.ko", "9p.ko"]),
        ("# made by builddisks\n\n  a.ko  # why\n\tb.ko\r\n", ["a.ko", "b.ko"]),
        ("../evil.ko\n/etc/passwd\n..\nlast.ko", ["last.ko"]),
    ])
    func moduleOrder(text: String, names: [String]) {
        #expect(KernelModules.names(order: text) == names)
    }

    @Test func modulesThatAreMissingAreReported() throws {
        let folder = try ScratchFolder()
        var reports: [String] = []
        KernelModules.load(from: FilePath(folder.path)) { reports.append($0) }
        #expect(reports.count == 2)
        try folder.write("order", "a.ko\n")
        try folder.write("order-disk", "b.ko\n")
        reports = []
        KernelModules.load(from: FilePath(folder.path)) { reports.append($0) }
        #expect(reports == ["a", "b"].map { "module \($0).ko: No such file or directory" })
    }

    /// As scripts/sign-file.c appends it: signature, its length in the trailer's last four bytes, magic.
    private static func signed(_ module: [UInt8], length: [UInt8]) -> [UInt8] {
        module + [9, 9, 9, 9, 9] + [0, 0, 2, 0, 0, 0, 0, 0] + length
            + Array("~Module signature appended~\n".utf8)
    }

    @Test(
        arguments: [
            (signed([1, 2, 3], length: [0, 0, 0, 5]), [1, 2, 3]),
            (signed([], length: [0, 0, 0, 5]), []),
            ([1, 2, 3], [1, 2, 3]),
            ([], []),
            // Not of a signature's form: the kernel shall judge.
            (signed([1], length: [0, 0, 0, 7]), signed([1], length: [0, 0, 0, 7])),
            (
                signed([1], length: [255, 255, 255, 255]),
                signed([1], length: [255, 255, 255, 255])
            ),
            (
                Array("~Module signature appended~\n".utf8),
                Array("~Module signature appended~\n".utf8)
            ),
        ] as [([UInt8], [UInt8])]
    )
    func moduleSignature(module: [UInt8], bare: [UInt8]) {
        #expect(ModuleSignature.removed(from: module) == bare)
    }

    @Test(arguments: [
        ([], UInt(0), ""),
        (["ro", "noatime"], UInt(MS_RDONLY) | UInt(MS_NOATIME), ""),
        (["rw,nodev", "data=ordered"], UInt(MS_NODEV), "data=ordered"),
        (["barrier=0", "noinit_itable"], 0, "barrier=0,noinit_itable"),
    ])
    func mountOptions(options: [String], flags: UInt, data: String) {
        let parsed = MountOptions(options)
        #expect(parsed.flags == flags)
        #expect(parsed.data == data)
    }

    @Test func viewOptions() throws {
        let view = MountView(port: 5640, aname: "tree", messageSize: 524_312, target: "/view")
        #expect(
            try view.clientOptions(descriptor: 7)
                == "trans=fd,rfdno=7,wfdno=7,version=9p2000.L,msize=524312,uname=root,"
                + "aname=tree,cache=loose"
        )
        let wrong = MountView(port: 5640, aname: "a,rw", target: "/view")
        #expect(throws: Failure.self) { try wrong.clientOptions(descriptor: 7) }
    }

    @Test func rootIsAssembledFromAnOSTreeTree() throws {
        let folder = try ScratchFolder()
        for directory in ["usr/etc", "sysroot", "boot", "dev", "opt"] {
            try folder.makeDirectory(directory)
        }
        for (name, target) in [
            ("bin", "usr/bin"), ("tmp", "sysroot/tmp"), ("ostree", "sysroot/ostree"),
        ] {
            try folder.link(name, to: target)
        }
        try folder.write("README", "")
        let plan = try EnterRoot(view: folder.path, writable: ["target"]).plan()
        let entries = Dictionary(uniqueKeysWithValues: plan.map { ($0.name, $0.entry) })
        #expect(
            entries == [
                "usr": .bind(from: folder.file("usr")), "boot": .bind(from: folder.file("boot")),
                "opt": .bind(from: folder.file("opt")),
                "sysroot": .bind(from: folder.file("sysroot")),
                "etc": .bind(from: folder.file("usr/etc")),
                "bin": .link("usr/bin"), "ostree": .link("sysroot/ostree"),
                "dev": .kernel, "proc": .kernel, "sys": .kernel,
                "run": .empty(mode: 0o755), "var": .empty(mode: 0o755),
                "mnt": .empty(mode: 0o755), "target": .empty(mode: 0o755),
                "tmp": .empty(mode: 0o1777),
            ]
        )
    }

    @Test func ownEtcOfATreeIsKept() throws {
        let folder = try ScratchFolder()
        try folder.write("etc/passwd", "")
        try folder.write("usr/etc/passwd", "")
        let plan = try EnterRoot(view: folder.path).plan()
        #expect(plan.first { $0.name == "etc" }?.entry == .bind(from: folder.file("etc")))
    }

    @Test(arguments: ["", "..", "a/b", ".hidden"])
    func writableNamesAreTopLevel(name: String) {
        let failure = #expect(throws: Failure.self) {
            try EnterRoot(view: "/nowhere", writable: [name]).perform(base: "/nowhere/base")
        }
        #expect(failure?.kind == .invalidRequest)
    }

    @Test func onlyWhatWasMountedIsSealed() {
        var table = MountTable()
        let failure = #expect(throws: Failure.self) { try table.seal(["/"]) }
        #expect(failure?.kind == .invalidRequest)
    }

    /// The root's own file system cannot be unmounted at the end.
    @Test func whatTheRootIsOnStaysMounted() throws {
        var table = MountTable()
        for target in ["/run/root", "/run/root-other", "/target"] {
            table.add(try MountedPartition("/dev/none", on: target, restingJournal: false))
        }
        table.keepForever("/run/root/tree")
        #expect(table.targets == ["/run/root-other", "/target"])
        table.keepForever("/target")
        #expect(table.targets == ["/run/root-other"])
    }
}
