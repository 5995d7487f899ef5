import CLinux
import SystemIO
import SystemPackage

/// What is known of this host's accelerators, for the bootstrap VM.
struct HostAccelerators: AcceleratorSelection.Knowledge {
    /// What the guest is to be made of.
    var options: BootstrapOptions
    /// Of the guest, in MiB.
    var memory: Int

    func obstacle(_ accelerator: Accelerator) -> AcceleratorSelection.Obstacle? {
        switch accelerator {
        case .kvm, .tcg: Self.obstacleInQEMU(accelerator)
        case .uml: userModeLinuxCannot() ?? obstacleToUserModeLinux()
        }
    }

    /// Why QEMU cannot even be started.
    static func obstacleInQEMU(_ accelerator: Accelerator) -> AcceleratorSelection.Obstacle? {
        if findProgram(QEMUCommand.program.string) == nil {
            return .init(reason: QEMUCommand.absence, hint: QEMUCommand.remedy)
        }
        return accelerator == .kvm ? obstacleToKVM.map { .init(reason: $0) } : nil
    }

    /// Why KVM cannot even be tried; nil when it can.
    static var obstacleToKVM: String? {
        if !fileExists("/dev/kvm") { return "this host has no /dev/kvm" }
        if !mayAccess("/dev/kvm", R_OK | W_OK) {
            return "/dev/kvm is not accessible (add yourself to the group kvm)"
        }
        return nil
    }

    /// It is a kernel itself, and its root is always the live view.
    private func userModeLinuxCannot() -> AcceleratorSelection.Obstacle? {
        if options.kernel != nil {
            return .init(kind: .usage, reason: "it cannot start the kernel of --kernel")
        }
        if options.root == .image {
            return .init(kind: .usage, reason: "it takes no --bootstrap-root image")
        }
        return nil
    }

    private func obstacleToUserModeLinux() -> AcceleratorSelection.Obstacle? {
        do throws(BuildError) {
            let folder = try PrivateFolder()
            defer { folder.remove() }
            _ = try UMLInstallation.examine(memory: memory, in: folder.path)
            return nil
        } catch {
            return .init(reason: error.message)
        }
    }

    func verdict(_ accelerator: Accelerator) -> AcceleratorVerdicts.Verdict? {
        AcceleratorVerdicts.of(accelerator)?.known
    }

    func remember(_ verdict: AcceleratorVerdicts.Verdict, of accelerator: Accelerator) {
        AcceleratorVerdicts.of(accelerator)?.remember(verdict)
    }
}

/// The same, for a disk that starts from its firmware.
struct DiskAccelerators: AcceleratorSelection.Knowledge {
    /// Whether a boot that ends well shows that the accelerator works, and that one before it does not:
    /// somebody may also have looked on while it hung, and left.
    var isProof: Bool

    func obstacle(_ accelerator: Accelerator) -> AcceleratorSelection.Obstacle? {
        switch accelerator {
        case .kvm, .tcg: HostAccelerators.obstacleInQEMU(accelerator)
        case .uml:
            .init(
                kind: .usage,
                reason: "it cannot boot a disk, as it has no firmware and brings its own kernel",
                hint: "--accel uml is for the bootstrap VM of `build` and `shell`."
            )
        }
    }

    func verdict(_ accelerator: Accelerator) -> AcceleratorVerdicts.Verdict? {
        AcceleratorVerdicts.of(accelerator)?.known
    }

    func remember(_ verdict: AcceleratorVerdicts.Verdict, of accelerator: Accelerator) {
        if isProof { AcceleratorVerdicts.of(accelerator)?.remember(verdict) }
    }
}
