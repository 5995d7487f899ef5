import CLinux
import GuestProtocol
import SystemIO

/// The time now, and the CPU time of all commands so far (getrusage, RUSAGE_CHILDREN).
struct ResourceUse {
    private var seconds: Double
    private var user: Double
    private var system: Double

    static func now() -> ResourceUse {
        var usage = rusage()
        unsafe getrusage(RUSAGE_CHILDREN, &usage)
        return ResourceUse(
            seconds: monotonicSeconds(),
            user: Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6,
            system: Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6
        )
    }

    func figures(since before: ResourceUse) -> Figures {
        Figures(
            elapsed: Self.milliseconds(seconds - before.seconds),
            user: Self.milliseconds(user - before.user),
            system: Self.milliseconds(system - before.system)
        )
    }

    private static func milliseconds(_ seconds: Double) -> UInt64 {
        UInt64(exactly: max(0, (seconds * 1000).rounded())) ?? 0
    }
}
