import DiskImage
import SystemIO
package import SystemPackage

/// What a machine starts its disk with.
package enum Firmware: Sendable, Equatable {
    /// SeaBIOS, which QEMU brings.
    case bios
    /// OVMF: its code, and the variables that a new machine begins with.
    case uefi(code: FilePath, variables: FilePath)

    /// OVMF where distributions have it, in the pairs that belong together.
    private static let places: [(code: FilePath, variables: FilePath)] = [
        ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
        ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
        ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
        ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
        ("/usr/share/qemu/edk2-x86_64-code.fd", "/usr/share/qemu/edk2-i386-vars.fd"),
    ]

    /// UEFI as this host has it; nil where it has none.
    package static var uefiOfThisHost: Firmware? {
        places.first { mayAccess($0.code, 4) && mayAccess($0.variables, 4) }
            .map { .uefi(code: $0.code, variables: $0.variables) }
    }
}

/// Which firmware the user wants.
package enum FirmwareChoice: String, Sendable, CaseIterable {
    /// UEFI for a disk that its record says starts from nothing else; else the BIOS.
    case auto
    case bios
    case uefi

    func firmware(for disk: FilePath) throws(BuildError) -> Firmware {
        let wantsUEFI: Bool
        switch self {
        case .bios: wantsUEFI = false
        case .uefi: wantsUEFI = true
        case .auto:
            let layout = (try? PreviousDisk(disk))?.record?.layout
            wantsUEFI = layout.flatMap(DiskLayout.Scheme.init)?.startsFromBIOS == false
        }
        guard wantsUEFI else { return .bios }
        guard let firmware = Firmware.uefiOfThisHost else {
            throw BuildError(
                .host,
                "this host has no UEFI firmware for virtual machines",
                hint: "Install it: apt install ovmf"
            )
        }
        return firmware
    }
}
