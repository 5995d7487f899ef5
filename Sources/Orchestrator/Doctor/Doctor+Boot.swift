import Compose
import SystemPackage

/// What starts disks: firmware to try them with, and programs for those whose commit has none.
extension Doctor {
    static func firmware() -> Finding {
        if case .uefi(let code, _)? = Firmware.uefiOfThisHost {
            return Finding("uefi firmware", .good, "\(code)")
        }
        return Finding(
            "uefi firmware",
            .limited,
            "none for virtual machines",
            consequence: "`boot --firmware uefi` cannot try a disk",
            remedy: "apt install ovmf"
        )
    }

    static func bootPrograms() -> [Finding] {
        WantedBinary.all.map { wanted in
            if let path = wanted.pathOnHost { return Finding(wanted.name, .good, "\(path)") }
            return Finding(
                wanted.name,
                .limited,
                "not here: \(wanted.title)",
                consequence: "a layout that needs it must find it in the commit",
                remedy: wanted.remedy
            )
        }
    }
}
