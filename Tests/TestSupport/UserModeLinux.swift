import Foundation

/// A Linux kernel as an ordinary process (Debian's package user-mode-linux): the kernel's own judgement
/// of a file system, without privileges and without emulation.
package struct UserModeLinux: Sendable {
    package static let isInstalled = FileManager.default.isExecutableFile(
        atPath: "/usr/bin/linux.uml"
    )

    /// Runs a shell script as the only program of a machine whose root is this host's, read and written
    /// with the caller's rights, and whose disks /dev/ubda, /dev/ubdb, … are `disks`. /mnt is empty and
    /// belongs to the script.
    /// - Parameter sockets: of vhost-user vsock devices.
    /// - Returns: the script's output; its last line is `status N`.
    package static func run(
        _ script: String,
        disks: [String] = [],
        sockets: [String] = [],
        in scratch: ScratchFolder,
        seconds: Int = 600
    ) throws -> String {
        let path = scratch.file("uml-script")
        let output = scratch.file("uml-output")
        let wrapped = """
            #!/bin/sh
            export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
            mount -t proc proc /proc
            mount -t tmpfs tmpfs /mnt
            (
            set -e
            \(script)
            ) >\(output) 2>&1 </dev/null
            echo "status $?" >>\(output)
            halt -f
            """
        try Data(wrapped.utf8).write(to: URL(fileURLWithPath: path))
        let made = try runCommand(["chmod", "755", path])
        guard made.status == 0 else { throw Referee.Missing(description: made.errors) }
        let names = disks.enumerated().map { number, disk in
            "ubd\(Character(UnicodeScalar(UInt8(ascii: "a") + UInt8(number))))=\(disk)"
        }
        let result = try runCommand(
            [
                "timeout", "-k", "5", String(seconds), "linux.uml", "mem=512M", "rootfstype=hostfs",
                "rw",
            ]
                + ["init=\(path)", "con=null", "con0=null,fd:1", "con1=null", "quiet"] + names
                // Virtio device type 19 is a socket.
                + sockets.map { "virtio_uml.device=\($0):19" },
            environment: ["TMPDIR": scratch.path]
        )
        let said = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        guard said.contains("status ") else {
            throw Referee.Missing(
                description: "linux.uml ended with \(result.status): \(result.output) \(said)"
            )
        }
        return said
    }

    /// Lines of a script that load modules of its kernel; there may be no insmod.
    /// - Parameter modules: as modules.dep names them, each behind those that it needs.
    package static func loading(_ modules: [String]) -> String {
        """
        cat >/mnt/load <<'END'
        import ctypes, os, sys
        libc = ctypes.CDLL(None, use_errno=True)
        finit_module = 313
        for path in sys.argv[1:]:
            if libc.syscall(finit_module, os.open(path, os.O_RDONLY), b"", 0):
                sys.exit(path + ": " + os.strerror(ctypes.get_errno()))
        END
        cd /usr/lib/uml/modules/$(uname -r)/kernel
        /usr/bin/python3 /mnt/load \(modules.joined(separator: " "))
        cd /

        """
    }
}
