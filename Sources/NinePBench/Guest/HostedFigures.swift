import NinePGuest

/// What a task took, in the guest and on the host.
struct HostedFigures {
    var guest = GuestFigures()
    /// Of QEMU and our server.
    var processorSeconds = 0.0
    /// Messages that our server has answered, and how often it allocated memory meanwhile.
    var messages = 0
    var allocations = 0

    mutating func add(_ other: HostedFigures) {
        guest.nanoseconds += other.guest.nanoseconds
        guest.operations += other.guest.operations
        guest.bytes += other.guest.bytes
        guest.sum &+= other.guest.sum
        guest.busyNanoseconds += other.guest.busyNanoseconds
        guest.interrupts += other.guest.interrupts
        processorSeconds += other.processorSeconds
        messages += other.messages
        allocations += other.allocations
    }

    var seconds: Double { Double(guest.nanoseconds) * 1e-9 }
    var operationsPerSecond: Double { Double(guest.operations) / seconds }
    var megabytesPerSecond: Double { Double(guest.bytes) * 1e-6 / seconds }
    /// Processors of the guest that were busy, on average.
    var busyShare: Double { Double(guest.busyNanoseconds) / Double(guest.nanoseconds) }
    var allocationsPerMessage: Double { Double(allocations) / Double(max(1, messages)) }
}
