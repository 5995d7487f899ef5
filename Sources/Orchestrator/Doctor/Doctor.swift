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
            + [Self.vhostVsock(), Self.firmware()] + Self.bootPrograms()
            + [Self.libostree(), Self.cache()]
        if let output { findings.append(Self.space(output)) }
        return findings + commit
    }

    /// Of the commit, if one is named.
    var commit: [Finding] { target.map(Self.commit) ?? [] }

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

    static func qemu() -> [Finding] {
        let remedy = "apt install qemu-system-x86 qemu-utils"
        let image =
            findProgram("qemu-img").map { Finding("qemu-img", .good, "\($0)") }
            ?? Finding(
                "qemu-img",
                .missing,
                "not in PATH",
                consequence: "no disk can be made",
                remedy: remedy
            )
        guard let program = findProgram(QEMUCommand.program.string) else {
            return [
                Finding(
                    "qemu",
                    .limited,
                    "no \(QEMUCommand.program) in PATH",
                    consequence: "no VM: only new disks, of commits that can be composed, unless "
                        + "User-mode Linux is there",
                    remedy: remedy
                ),
                image,
            ]
        }
        let version = text(program, ["--version"]).first ?? "no answer"
        let devices = text(program, ["-device", "help"]).joined(separator: "\n")
        let lacking = [
            "vhost-user-vsock-pci", "virtio-blk-pci", "virtio-serial-pci", "virtserialport",
        ].filter { !devices.contains("\"\($0)\"") }
        return [
            Finding("qemu", .good, "\(program): \(version)"),
            lacking.isEmpty
                ? Finding("qemu devices", .good, "all that are needed")
                : Finding(
                    "qemu devices",
                    .limited,
                    "without \(lacking.joined(separator: ", "))",
                    consequence: "QEMU cannot be the bootstrap VM",
                    remedy: "install QEMU 7.2 or later with vhost-user"
                ),
            image,
        ]
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
                kernel(repository, commit), try programs(repository, commit),
            ]
        } catch {
            return [
                Finding("commit", .missing, "\(error)", consequence: "nothing can be built from it")
            ]
        }
    }

    private static func kernel(_ repository: Repository, _ commit: Commit) -> Finding {
        do throws(BootstrapError) {
            let features = try KernelFeatures.examine(repository: repository, commit: commit)
            return Finding("kernel", .good, features)
        } catch .moduleMissing(let name, let kernel, let reason) {
            return Finding(
                "kernel",
                .limited,
                "\(BootstrapError.moduleMissing(name, kernel, reason: reason))",
                consequence: "the VM needs a kernel of this host; compose needs none"
            )
        } catch {
            return Finding(
                "kernel",
                .missing,
                "\(error)",
                consequence: "no disk of this commit could boot"
            )
        }
    }

    private static func programs(
        _ repository: Repository,
        _ commit: Commit
    ) throws(OSTreeError) -> Finding {
        let wanted = VMMethod.programs(newDisk: BuildRequest.defaultLayout)
        let missing = try BootstrapChoice.missing(wanted, in: commit, of: repository)
        if missing.isEmpty {
            return Finding("programs", .good, "the commit has \(wanted.joined(separator: ", "))")
        }
        return Finding(
            "programs",
            .limited,
            "the commit lacks \(missing.joined(separator: ", "))",
            consequence: missing.contains("ostree")
                ? "compose cannot know its libostree, and the VM needs the programs of another tree"
                : "--method vm needs the programs of another tree; compose needs none of these",
            remedy: "name a tree that has them: build --bootstrap-ref REF"
        )
    }

    static func text(_ program: FilePath, _ arguments: [String]) -> [String] {
        guard let launcher = try? symlinkTarget("/proc/self/exe") else { return [] }
        return (try? CommandOutput(launcher: FilePath(launcher), program, arguments))?.lines ?? []
    }
}
