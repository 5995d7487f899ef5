import Bootstrap
import CLinux
import OSTree
import SystemIO
package import SystemPackage

/// Looks at everything that a build needs of this host, and of a commit if one is named.
package struct Doctor: Sendable {
    /// A repository and a ref in it.
    package struct Target: Sendable {
        package var repository: FilePath
        package var ref: String

        package init(repository: FilePath, ref: String) {
            self.repository = repository
            self.ref = ref
        }
    }

    private let target: Target?
    private let output: FilePath?

    package init(target: Target?, output: FilePath?) {
        self.target = target
        self.output = output
    }

    package func examine() -> [Finding] {
        var findings =
            [Self.agent()] + Self.qemu() + [Self.kvm()] + Self.userModeLinux()
            + [Self.vhostVsock(), Self.firmware()] + Self.bootPrograms() + [Self.libostree()]
        if let output { findings.append(Self.space(output)) }
        if let target { findings += Self.commit(target) }
        return findings
    }

    private static func agent() -> Finding {
        do throws(BuildError) {
            return Finding("agent", .good, "\(try Tools().agent)")
        } catch {
            return Finding(
                "agent",
                .missing,
                error.message,
                consequence: "no VM can be driven",
                remedy: error.hint ?? ""
            )
        }
    }

    private static func qemu() -> [Finding] {
        let remedy = "apt install qemu-system-x86 qemu-utils"
        guard let program = findProgram(QEMUCommand.program.string) else {
            return [
                Finding(
                    "qemu",
                    .missing,
                    "no \(QEMUCommand.program) in PATH",
                    consequence: "no VM can be started",
                    remedy: remedy
                )
            ]
        }
        var findings: [Finding] = []
        let version = text(program, ["--version"]).first ?? "no answer"
        findings.append(Finding("qemu", .good, "\(program): \(version)"))
        let devices = text(program, ["-device", "help"]).joined(separator: "\n")
        let lacking = [
            "vhost-user-vsock-pci", "virtio-blk-pci", "virtio-serial-pci", "virtserialport",
        ].filter { !devices.contains("\"\($0)\"") }
        findings.append(
            lacking.isEmpty
                ? Finding("qemu devices", .good, "all that are needed")
                : Finding(
                    "qemu devices",
                    .missing,
                    "without \(lacking.joined(separator: ", "))",
                    consequence: "the bootstrap VM cannot be built",
                    remedy: "install QEMU 7.2 or later with vhost-user"
                )
        )
        findings.append(
            findProgram("qemu-img").map { Finding("qemu-img", .good, "\($0)") }
                ?? Finding(
                    "qemu-img",
                    .missing,
                    "not in PATH",
                    consequence: "no disk can be made",
                    remedy: remedy
                )
        )
        return findings
    }

    private static func kvm() -> Finding {
        let consequence =
            "the guest runs in User-mode Linux; without that it is emulated (TCG), and a build takes "
            + "several times as long"
        if let obstacle = HostAccelerators.obstacleToKVM {
            return Finding(
                "kvm",
                .limited,
                obstacle,
                consequence: consequence,
                remedy: fileExists("/dev/kvm") ? "sudo adduser $USER kvm, then log in again" : ""
            )
        }
        let verdicts = AcceleratorVerdicts.kvm
        return switch verdicts.known {
        case .works: Finding("kvm", .good, "has booted a guest on this kernel with this QEMU")
        case .fails(let reason):
            Finding(
                "kvm",
                .limited,
                "opens, and fails: \(reason)",
                consequence: consequence,
                remedy: "once it is mended: rm \(verdicts.file)"
            )
        case nil:
            Finding("kvm", .good, "/dev/kvm opens; the first build proves whether a guest boots")
        }
    }

    private static func vhostVsock() -> Finding {
        Finding(
            "vhost-vsock",
            .good,
            fileExists("/dev/vhost-vsock") ? "present" : "absent",
            consequence: "none: the virtio socket is our own (vhost-user)"
        )
    }

    private static func libostree() -> Finding {
        Finding("libostree", .good, LibraryVersion.text)
    }

    private static func space(_ output: FilePath) -> Finding {
        var folder = output
        while !fileExists(folder), !folder.removingLastComponent().isEmpty {
            folder.removeLastComponent()
        }
        guard let free = try? freeSpace(folder) else {
            return Finding(
                "space",
                .missing,
                "\(folder) cannot be looked at",
                consequence: "no disk can be published there",
                remedy: "choose another --output"
            )
        }
        let observation = "\(ProgressText.megabytes(free)) MB free in \(folder)"
        if !mayAccess(folder, W_OK) {
            return Finding(
                "space",
                .missing,
                "\(folder) cannot be written",
                consequence: "no disk can be published there",
                remedy: "choose another --output"
            )
        }
        return free < 2 << 30
            ? Finding(
                "space",
                .limited,
                observation,
                consequence: "a system of 700 MB needs about 1 GB",
                remedy: "free space, or choose another --output"
            )
            : Finding("space", .good, observation)
    }

    private static func commit(_ target: Target) -> [Finding] {
        do throws(OSTreeError) {
            let repository = try Repository(path: target.repository)
            let commit = try repository.commit(try repository.resolve(target.ref))
            return [
                Finding(
                    "commit",
                    .good,
                    "\(target.ref) is \(commit.checksum.hex.prefix(12)), repository mode "
                        + repository.mode.rawValue
                ),
                kernel(repository, commit),
            ]
        } catch {
            return [
                Finding("commit", .missing, "\(error)", consequence: "nothing can be built from it")
            ]
        }
    }

    private static func kernel(_ repository: Repository, _ commit: Commit) -> Finding {
        do {
            let features = try KernelFeatures.examine(repository: repository, commit: commit)
            return Finding("kernel", .good, features)
        } catch {
            return Finding(
                "kernel",
                .missing,
                "\(error)",
                consequence: "the bootstrap VM cannot boot from this commit"
            )
        }
    }

    static func text(_ program: FilePath, _ arguments: [String]) -> [String] {
        guard let launcher = try? symlinkTarget("/proc/self/exe") else { return [] }
        return (try? CommandOutput(launcher: FilePath(launcher), program, arguments))?.lines ?? []
    }
}
