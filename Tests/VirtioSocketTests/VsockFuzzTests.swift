import TestSupport
import Testing
import VirtioSocketFuzzing

/// The fuzzer's corpus and random inputs, through the same checks.
@Suite(.serialized) struct VsockFuzzTests {
    @Test func devicesOfTheCorpus() throws {
        let fuzzer = try VsockFuzzer(countsDescriptors: false)
        let inputs = try corpus("vsock")
        #expect(inputs.count > 50)
        for input in inputs {
            #expect(throws: Never.self, "\(input.name)") {
                try input.bytes.withUnsafeBytes { try fuzzer.run($0) }
            }
        }
        #expect(fuzzer.brokenRings > 0)
    }

    /// Any input makes a device's life.
    @Test(arguments: 0..<2)
    func devicesOfRandomInputs(_ seed: Int) throws {
        let fuzzer = try VsockFuzzer(countsDescriptors: false)
        var random = SplitMix(seed: UInt64(seed))
        for _ in 0..<50 {
            let input = (0..<8).map { _ in UInt8.random(in: 0...255, using: &random) }
            try input.withUnsafeBytes { try fuzzer.run($0) }
        }
    }
}
