import CLinux
import NinePFuzzing
import TestSupport

// FUZZ_TRACE=1 prints the conversations of an input.

/// Where the host's tree lies; goes when the process ends.
private nonisolated(unsafe) var folder: ScratchFolder?
private nonisolated(unsafe) var fuzzer: SessionFuzzer?

@_cdecl("LLVMFuzzerInitialize")
public func makeFuzzer(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt {
    do {
        // Of a disk the server may leave a read to a worker; who is answered when is then chance.
        let scratch = try ScratchFolder(inMemory: true)
        let new = try SessionFuzzer(folder: scratch.path)
        if getenv("FUZZ_TRACE") != nil {
            new.memory.trace = { line in
                print(line)
                fflush(nil)
            }
        }
        fuzzer = new
        folder = scratch
    } catch {
        fatalError("cannot make the host's tree: \(error)")
    }
    atexit {
        if let fuzzer { print("sessions: \(fuzzer.memory.tally.text)") }
        folder = nil
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneConversation(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try fuzzer?.run(UnsafeRawBufferPointer(start: start, count: count))
    } catch {
        fatalError("\(error)")
    }
    return 0
}
