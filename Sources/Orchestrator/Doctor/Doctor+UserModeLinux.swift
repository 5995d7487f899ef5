import SystemIO
import SystemPackage

extension Doctor {
    /// What User-mode Linux needs: its package, a folder for the guest's memory, and a kernel that
    /// lets it trace its own processes. The last is proved by a start.
    static func userModeLinux() -> [Finding] {
        let subject = "user-mode linux"
        let consequence = "no --accel uml; where KVM does not work, the guest is emulated (TCG)"
        do throws(BuildError) {
            let folder = try PrivateFolder()
            defer { folder.remove() }
            let (installation, memory) = try UMLInstallation.examine(
                memory: BuildRequest.defaultMemory,
                in: folder.path
            )
            try UMLTrial.run(installation, in: folder, launcher: try Tools().launcher)
            let verdicts = AcceleratorVerdicts.userModeLinux
            if case .fails(let reason)? = verdicts.known {
                return [
                    Finding(
                        subject,
                        .limited,
                        "\(installation.program) starts, but has failed to boot: \(reason)",
                        consequence: "--accel auto passes it over",
                        remedy: "rm \(verdicts.file)"
                    )
                ]
            }
            let place = memory == folder.path ? memory.removingLastComponent() : memory
            return [
                Finding(
                    subject,
                    .good,
                    "\(installation.program), Linux \(installation.version), starts; the guest's "
                        + "memory goes to \(place)"
                ),
                confinement(),
            ]
        } catch {
            return [
                Finding(
                    subject,
                    .limited,
                    ([error.message] + error.details.suffix(3)).joined(separator: " | "),
                    consequence: consequence,
                    remedy: error.hint ?? ""
                )
            ]
        }
    }

    private static func confinement() -> Finding {
        let version = Confinement.supportedVersion
        return version > 0
            ? Finding("landlock", .good, "version \(version)")
            : Finding(
                "landlock",
                .limited,
                "this kernel has none, or it is switched off",
                consequence: "a guest that breaks out of User-mode Linux reaches all your files"
            )
    }
}
