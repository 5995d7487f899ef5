package import DiskImage
package import OSTree
import SystemIO
package import SystemPackage

/// The programs that start the disk: the commit's own where it has them, else the host's.
///
/// Those of the host change the disk's bytes without the commit changing, so their checksums belong
/// into the build's identity and record.
package struct BootBinaries: Sendable {
    package struct Binary: Sendable, Equatable {
        /// As the record has it: `extlinux`.
        package var name: String
        package var bytes: [UInt8]
        /// Path in the commit or on the host.
        package var path: String
        package var isFromCommit: Bool
        /// Of `bytes`.
        package var checksum: Checksum
    }

    package let all: [Binary]
    package let programs: BootPrograms

    /// Finds what a scheme's firmware and boot loader need.
    package init(
        for scheme: DiskLayout.Scheme,
        commit: Commit,
        in repository: Repository
    ) throws(ComposeError) {
        var found: [Binary] = []
        func bytes(_ wanted: WantedBinary) throws(ComposeError) -> [UInt8] {
            let binary = try Self.find(wanted, commit, repository)
            found.append(binary)
            return binary.bytes
        }
        var programs = BootPrograms()
        if scheme.startsFromBIOS {
            programs.bios = BootPrograms.BIOS(
                bootCode: try bytes(scheme.startsFromUEFI ? .gptCode : .mbrCode),
                extlinux: try bytes(.extlinux)
            )
        }
        if scheme.startsFromUEFI {
            programs.uefi = BootPrograms.UEFI(
                bootManager: try bytes(.bootManager),
                fileSystemDriver: try bytes(.fileSystemDriver)
            )
        }
        all = found
        self.programs = programs
    }

    private static func find(
        _ wanted: WantedBinary,
        _ commit: Commit,
        _ repository: Repository
    ) throws(ComposeError) -> Binary {
        for path in wanted.paths {
            let bytes = try reading { () throws(OSTreeError) in
                try repository.contents(of: path, in: commit)
            }
            if let bytes { return binary(wanted, bytes, path, fromCommit: true) }
        }
        if let path = wanted.pathOnHost, let bytes = try? readFile(path) {
            return binary(wanted, bytes, path.string, fromCommit: false)
        }
        throw .missingBootProgram(wanted)
    }

    private static func binary(
        _ wanted: WantedBinary,
        _ bytes: [UInt8],
        _ path: String,
        fromCommit: Bool
    ) -> Binary {
        Binary(
            name: wanted.name,
            bytes: bytes,
            path: path,
            isFromCommit: fromCommit,
            checksum: SHA256.checksum(of: bytes)
        )
    }
}

/// A program that starts disks, and where distributions have it.
package struct WantedBinary: Sendable {
    /// As the record has it.
    package let name: String
    package let title: String
    /// Without the leading slash.
    let paths: [String]
    /// How it comes to this host.
    package let remedy: String

    /// The first of the paths that can be read here.
    package var pathOnHost: FilePath? {
        paths.lazy.map { FilePath("/" + $0) }.first { mayAccess($0, 4) }
    }

    package static let mbrCode = WantedBinary(
        name: "mbr",
        title: "mbr.bin of syslinux",
        paths: syslinux("mbr.bin"),
        remedy: "apt install syslinux-common"
    )
    package static let gptCode = WantedBinary(
        name: "gptmbr",
        title: "gptmbr.bin of syslinux",
        paths: syslinux("gptmbr.bin"),
        remedy: "apt install syslinux-common"
    )
    package static let extlinux = WantedBinary(
        name: "extlinux",
        title: "extlinux",
        paths: ["usr/bin/extlinux", "usr/sbin/extlinux", "sbin/extlinux"],
        remedy: "apt install extlinux"
    )
    package static let bootManager = WantedBinary(
        name: "systemd-boot",
        title: "systemd-boot",
        paths: ["usr/lib/systemd/boot/efi/systemd-bootx64.efi"],
        remedy: "apt install systemd-boot-efi"
    )
    package static let fileSystemDriver = WantedBinary(
        name: "efi-ext4-driver",
        title: "an EFI driver for ext4 (rEFInd's or EfiFs')",
        paths: [
            "usr/share/refind/refind/drivers_x64/ext4_x64.efi",
            "usr/share/rEFInd/refind/drivers_x64/ext4_x64.efi",
            "usr/share/refind/drivers_x64/ext4_x64.efi", "usr/lib/efifs-x64/ext2_x64.efi",
        ],
        // The package would make itself the boot manager of this machine.
        remedy: "echo refind refind/install_to_esp boolean false | debconf-set-selections, "
            + "then apt install refind"
    )

    package static let all = [mbrCode, gptCode, extlinux, bootManager, fileSystemDriver]

    private static func syslinux(_ name: String) -> [String] {
        ["usr/lib/syslinux/mbr/\(name)", "usr/lib/EXTLINUX/\(name)", "usr/share/syslinux/\(name)"]
    }
}
