import CLinux
import SystemIO
import SystemPackage

/// What one run of a workload took.
struct Measurement {
    let seconds: Double
    let operations: Int
    let bytes: Int
    let sum: DataSum
    /// User and system time.
    let serverSeconds: Double
    let clientSeconds: Double

    var operationsPerSecond: Double { Double(operations) / seconds }
    var bytesPerSecond: Double { Double(bytes) / seconds }
    var serverSecondsPerOperation: Double { serverSeconds / Double(max(1, operations)) }
    var serverSecondsPerByte: Double { serverSeconds / Double(max(1, bytes)) }
    /// The client's processor time as a share of the run.
    var clientShare: Double { clientSeconds / seconds }

    init(_ workload: Workload, on server: ServerProcess, _ load: Load) throws {
        let driver = try LoadDriver(workload, on: server, load)
        let before = (server: try server.processorSeconds(), own: ownProcessorSeconds())
        let start = monotonicSeconds()
        try driver.run()
        seconds = monotonicSeconds() - start
        serverSeconds = try server.processorSeconds() - before.server
        clientSeconds = ownProcessorSeconds() - before.own
        operations = driver.operations
        bytes = driver.byteCount
        sum = driver.sum
    }
}

private func ownProcessorSeconds() -> Double { seconds(of: CLOCK_PROCESS_CPUTIME_ID) }

extension [Double] {
    /// 0 for no values.
    var median: Double {
        let sorted = sorted()
        return isEmpty ? 0 : (sorted[count / 2] + sorted[(count - 1) / 2]) / 2
    }
}
