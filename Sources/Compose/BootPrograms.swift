/// The programs that start a disk, as bytes.
package struct BootPrograms: Sendable {
    /// For a BIOS: extlinux.
    package struct BIOS: Sendable {
        /// The first sector's code, at most 440 bytes.
        package var bootCode: [UInt8]
        /// The file `extlinux`, which holds the loader; see `ExtlinuxProgram`.
        package var extlinux: [UInt8]

        package init(bootCode: [UInt8], extlinux: [UInt8]) {
            self.bootCode = bootCode
            self.extlinux = extlinux
        }
    }

    /// For UEFI: systemd-boot, and what lets it read /boot.
    package struct UEFI: Sendable {
        /// `systemd-bootx64.efi`.
        package var bootManager: [UInt8]
        /// A driver for ext4.
        package var fileSystemDriver: [UInt8]

        package init(bootManager: [UInt8], fileSystemDriver: [UInt8]) {
            self.bootManager = bootManager
            self.fileSystemDriver = fileSystemDriver
        }
    }

    package var bios: BIOS?
    package var uefi: UEFI?

    package init(bios: BIOS? = nil, uefi: UEFI? = nil) {
        self.bios = bios
        self.uefi = uefi
    }
}
