import CLinux
import SystemIO
import SystemPackage

/// What is known of this host's accelerators.
struct HostAccelerators: AcceleratorSelection.Knowledge {
    /// What the guest is to be made of.
    var options: BootstrapOptions
    /// Of the guest, in MiB.
    var memory: Int

    func obstacle(_ accelerator: Accelerator) -> AcceleratorSelection.Obstacle? {
        switch accelerator {
        case .kvm: Self.obstacleToKVM.map { .init(reason: $0) }
        case .uml: userModeLinuxCannot() ?? obstacleToUserModeLinux()
        case .tcg: nil
        }
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

    private static func verdicts(_ accelerator: Accelerator) -> AcceleratorVerdicts? {
        switch accelerator {
        case .kvm: .kvm
        case .uml: .userModeLinux
        case .tcg: nil
        }
    }

    func verdict(_ accelerator: Accelerator) -> AcceleratorVerdicts.Verdict? {
        Self.verdicts(accelerator)?.known
    }

    func remember(_ verdict: AcceleratorVerdicts.Verdict, of accelerator: Accelerator) {
        Self.verdicts(accelerator)?.remember(verdict)
    }
}
