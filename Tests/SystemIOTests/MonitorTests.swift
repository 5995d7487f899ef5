import SystemIO
import Testing

@Suite struct MonitorTests {
    @Test func aWaitEndsWithItsTimeLimit() {
        let monitor = Monitor(0)
        let begun = monotonicSeconds()
        #expect(monitor.wait(seconds: 1) { $0 > 0 ? $0 : nil } == nil)
        #expect(monotonicSeconds() - begun >= 1)
    }

    @Test func aWaitEndsWithTheValue() throws {
        let monitor = Monitor(0)
        _ = try Thread(name: "changes") {
            for _ in 0..<3 { monitor.update { $0 += 1 } }
        }
        #expect(monitor.wait(seconds: 60) { $0 == 3 ? $0 : nil } == 3)
    }
}
