import NinePFuzzing

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneMessage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    fuzzMessage(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
