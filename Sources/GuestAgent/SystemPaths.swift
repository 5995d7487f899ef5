package import SystemPackage

/// Where the kernel's file systems are; tests put a made-up tree there.
package struct SystemPaths: Sendable {
    package var sys: FilePath
    package var dev: FilePath
    package var proc: FilePath

    package init(sys: FilePath = "/sys", dev: FilePath = "/dev", proc: FilePath = "/proc") {
        self.sys = sys
        self.dev = dev
        self.proc = proc
    }
}
