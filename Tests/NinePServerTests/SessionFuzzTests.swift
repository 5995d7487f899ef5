import NinePFuzzing
import TestSupport
import Testing

/// The fuzzers' corpora and random inputs, through the same checks.
@Suite struct SessionFuzzTests {
    @Test func messagesOfTheCorpus() throws {
        let inputs = try corpus("decoder")
        #expect(inputs.count > 100)
        for input in inputs { input.bytes.withUnsafeBytes { fuzzMessage($0) } }
    }

    @Test func conversationsOfTheCorpus() throws {
        let folder = try ScratchFolder(inMemory: true)
        let fuzzer = try SessionFuzzer(folder: folder.path)
        let inputs = try corpus("session")
        #expect(inputs.count > 100)
        for input in inputs {
            #expect(throws: Never.self, "\(input.name)") {
                try input.bytes.withUnsafeBytes { try fuzzer.run($0) }
            }
        }
        let tally = fuzzer.memory.tally
        #expect(tally.messages >= 20 * tally.inputs)
        #expect(tally.refusals * 2 < tally.replies, "\(tally.text)")
    }

    /// Any input makes a conversation.
    @Test(arguments: 0..<2)
    func conversationsOfRandomInputs(_ seed: Int) throws {
        let folder = try ScratchFolder(inMemory: true)
        let fuzzer = try SessionFuzzer(folder: folder.path)
        var random = SplitMix(seed: UInt64(seed))
        for _ in 0..<50 {
            let input = (0..<8).map { _ in UInt8.random(in: 0...255, using: &random) }
            try input.withUnsafeBytes { try fuzzer.run($0) }
        }
        #expect(fuzzer.memory.tally.refusals * 2 < fuzzer.memory.tally.replies)
    }
}
