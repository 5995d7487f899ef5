/// What runs the guest's instructions.
package enum Accelerator: String, Sendable, CaseIterable {
    case kvm
    case tcg
}

/// What the user asked for.
package enum AcceleratorChoice: String, Sendable, CaseIterable {
    case auto
    case kvm
    case tcg
}
