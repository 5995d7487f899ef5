import NineP

/// One message, written by `body`.
func message(_ body: (inout WireWriter) -> Void) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0xaa, count: 4096)
    let count = bytes.withUnsafeMutableBytes { memory -> Int? in
        var writer = WireWriter(memory)
        body(&writer)
        return writer.finish()
    }
    guard let count else { return nil }
    return Array(bytes[..<count])
}

let someName: [UInt8] = [0x66, 0xff, 0x2e, 0x22]
let someQid = Qid(kind: .directory, version: 0x0102_0304, path: 0x1122_3344_5566_7788)
