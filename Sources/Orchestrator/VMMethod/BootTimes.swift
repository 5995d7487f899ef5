import GuestProtocol

/// Where the time went from QEMU's start to an agent that takes requests, in seconds.
package struct BootTimes: Sendable {
    /// From before QEMU was started.
    package var total: Double
    /// Of all of QEMU's threads until then, which other work on the host does not lengthen much.
    package var processor: Double
    /// nil for a machine that was resumed, and did not boot.
    package var stages: Stages?

    /// On the way to the agent's hello.
    package struct Stages: Sendable {
        /// QEMU, firmware, the kernel's loading and decompression, and its first steps: until its clock
        /// starts.
        package var beforeClock: Double
        /// From there to the start of init.
        package var kernel: Double
        /// Loading modules.
        package var modules: Double
        /// The rest of the agent: file systems, the control port, the hello itself.
        package var agent: Double

        init(total: Double, hello: Hello) {
            func seconds(_ milliseconds: UInt64) -> Double { Double(milliseconds) / 1000 }
            beforeClock = max(0, total - seconds(hello.uptimeMilliseconds))
            kernel = seconds(hello.agentStartMilliseconds)
            modules = seconds(hello.moduleMilliseconds)
            agent = max(0, seconds(hello.uptimeMilliseconds) - kernel - modules)
        }
    }
}
