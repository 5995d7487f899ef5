/// What runs the guest's instructions.
package enum Accelerator: String, Sendable, CaseIterable {
    /// The processor, in QEMU.
    case kvm
    /// The processor, with User-mode Linux as the guest's kernel.
    case uml
    /// QEMU's emulator: works everywhere, and is slow.
    case tcg
}

/// What the user asked for.
package enum AcceleratorChoice: String, Sendable, CaseIterable {
    /// KVM where it works, else emulation.
    case auto
    case kvm
    case uml
    case tcg
}
