import CLinux
import VirtioSocketFuzzing

private nonisolated(unsafe) var fuzzer: VsockFuzzer?

@_cdecl("LLVMFuzzerInitialize")
public func makeFuzzer(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt {
    do {
        fuzzer = try VsockFuzzer()
    } catch {
        fatalError("cannot make a guest: \(error)")
    }
    atexit {
        guard let fuzzer else { return }
        print(
            "vsock: \(fuzzer.inputs) inputs, \(fuzzer.steps) steps, \(fuzzer.brokenRings) broken rings"
        )
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneDevice(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try fuzzer?.run(UnsafeRawBufferPointer(start: start, count: count))
    } catch {
        fatalError("\(error)")
    }
    return 0
}
