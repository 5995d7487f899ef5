/// What runs the guest's instructions.
package enum Accelerator: String, Sendable, CaseIterable {
    /// The processor, in QEMU.
    case kvm
    /// The processor, with User-mode Linux as the guest's kernel.
    case uml
    /// QEMU's emulator: works everywhere, and is slow.
    case tcg

    /// What messages call it.
    var title: String {
        switch self {
        case .kvm: "KVM"
        case .uml: "User-mode Linux"
        case .tcg: "emulation (TCG)"
        }
    }
}

/// What the user asked for.
package enum AcceleratorChoice: String, Sendable, CaseIterable {
    /// The fastest that works.
    case auto
    case kvm
    case uml
    case tcg

    /// What it means for a disk that starts from its firmware. User-mode Linux has none.
    var candidatesForDisk: [Accelerator] { self == .auto ? [.kvm, .tcg] : candidates }

    /// What it means for the bootstrap VM, in the order in which they are tried.
    var candidates: [Accelerator] {
        switch self {
        case .auto: [.kvm, .uml, .tcg]
        case .kvm: [.kvm]
        case .uml: [.uml]
        case .tcg: [.tcg]
        }
    }
}
