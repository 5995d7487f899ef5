import SystemIO
import Testing

@testable import Orchestrator

@Suite struct BootstrapCommandLineTests {
    private static let counter = HostCounter(frequency: 2_490_000_000)

    private func words(
        _ accelerator: Accelerator,
        tickRate: Int?,
        counter: HostCounter? = BootstrapCommandLineTests.counter
    ) -> [String] {
        BootstrapCommandLine.text(accelerator, tickRate: tickRate, counter: counter)
            .split(separator: " ").map(String.init)
    }

    /// Ticks of the counter in one tick of the timer, rounded up to what two measurements agree in.
    @Test func delaysAreSetUnderEmulationOnly() {
        let emulated = words(.tcg, tickRate: 250)
        #expect(emulated.contains("lpj=10000000"))
        #expect(emulated.contains("tsc=reliable"))
        for other in [
            words(.kvm, tickRate: 250), words(.tcg, tickRate: 250, counter: nil),
        ] {
            #expect(!other.contains { $0.hasPrefix("lpj=") || $0.hasPrefix("tsc=") })
            #expect(other.contains("panic=-1"))
        }
    }

    /// The agent has to know what this machine has no device for.
    @Test func userModeLinuxIsToldOfItsChannelAndDisk() {
        let arguments = words(.uml, tickRate: nil)
        #expect(arguments.contains("console=tty0"))
        #expect(arguments.contains("builddisks.control=vsock:5642"))
        #expect(arguments.contains("builddisks.disk=vda:target"))
        #expect(!words(.tcg, tickRate: nil).contains { $0.hasPrefix("builddisks.") })
    }

    /// Delays may be longer than asked for, never shorter, whatever the kernel's timer does.
    @Test func anUnknownTickRateCountsAsTheSlowest() {
        #expect(words(.tcg, tickRate: nil).contains("lpj=25000000"))
    }

    /// Two measurements differ by a thousandth at most; the same host is to have the same command line.
    @Test(arguments: [UInt64(2_400_000_000), 2_500_000_000, 2_600_000_000, 3_690_000_000])
    func measurementsOfOneHostAgree(nominal: UInt64) {
        let all = [nominal - 3_000_000, nominal, nominal + 3_000_000]
            .map { HostCounter(frequency: $0).frequency }
        #expect(Set(all) == [nominal + 10_000_000])
        #expect(HostCounter(frequency: .max).frequency > 0)
    }

    @Test func theHostsCounterKeepsTime() throws {
        let first = try #require(TimeStampCounter.frequency())
        let second = try #require(TimeStampCounter.frequency())
        #expect(abs(Double(first) / Double(second) - 1) < 0.02)
    }
}
