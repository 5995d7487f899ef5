import NineP
import Testing

/// What `--trace` shows of a message.
@Suite struct MessageTextTests {
    private func text(_ write: (inout WireWriter) -> Void) throws -> String {
        let bytes = message(write)
        return try #require(bytes).withUnsafeBytes { messageText($0) }
    }

    private func attributes(valid: UInt64) -> ReplyAttributes {
        var attributes = ReplyAttributes(qid: Qid(kind: .file, version: 3, path: 0xabc))
        attributes.valid = valid
        attributes.mode = 0o100644
        attributes.uid = 1
        attributes.gid = 2
        attributes.linkCount = 4
        attributes.device = 0x801
        attributes.size = 5
        attributes.blockSize = 4096
        attributes.blocks = 8
        for index in attributes.times.indices { attributes.times[index] = UInt64(index) + 10 }
        attributes.generation = 6
        attributes.dataVersion = 7
        return attributes
    }

    @Test func attributesAreShownAsFarAsTheyAreValid() throws {
        let basic = try text { $0.rgetattr(tag: 1, attributes(valid: 0x7ff)) }
        #expect(
            basic == "Rgetattr tag 1 valid 0x7ff (f abc v3) mode 0100644 uid 1 gid 2 nlink 4 "
                + "rdev 0x801 size 5 blksize 4096 blocks 8 atime 10.000000011 "
                + "mtime 12.000000013 ctime 14.000000015"
        )
        let few = try text { $0.rgetattr(tag: 1, attributes(valid: 0x3a01)) }
        #expect(
            few == "Rgetattr tag 1 valid 0x3a01 (f abc v3) mode 0100644 size 5 "
                + "btime 16.000000017 gen 6 data_version 7"
        )
        let none = try text { $0.rgetattr(tag: 1, attributes(valid: 0)) }
        #expect(none == "Rgetattr tag 1 valid 0x0 (f abc v3)")
    }

    /// Every bit adds the fields of its own, and no other's.
    @Test(arguments: [
        (0x1, ["mode"]), (0x2, ["nlink"]), (0x4, ["uid"]), (0x8, ["gid"]), (0x10, ["rdev"]),
        (0x20, ["atime"]), (0x40, ["mtime"]), (0x80, ["ctime"]), (0x100, []), (0x200, ["size"]),
        (0x400, ["blksize", "blocks"]), (0x800, ["btime"]), (0x1000, ["gen"]),
        (0x2000, ["data_version"]),
    ])
    func eachBitNamesItsField(_ bit: Int, _ fields: [String]) throws {
        let words = try text { $0.rgetattr(tag: 1, attributes(valid: UInt64(bit))) }
            .split(separator: " ").dropFirst(8)
        let names = words.enumerated().filter { $0.offset % 2 == 0 }.map { String($0.element) }
        #expect(names == fields)
    }

    private func set(_ valid: UInt32) throws -> String {
        var attributes = SetAttributes()
        attributes.valid = valid
        attributes.mode = 0o644
        attributes.uid = 3
        attributes.gid = 4
        attributes.size = 1 << 40
        attributes.accessedSeconds = 5
        attributes.accessedNanoseconds = 6
        attributes.modifiedSeconds = 7
        attributes.modifiedNanoseconds = 8
        return try text { $0.tsetattr(tag: 1, fid: 9, attributes) }
    }

    @Test func whatIsToBeSetIsShown() throws {
        #expect(
            try set(0x1ff) == "Tsetattr tag 1 fid 9 valid 0x1ff mode 0644 uid 3 gid 4 "
                + "size 1099511627776 atime 5.000000006 mtime 7.000000008 ctime now"
        )
        #expect(try set(0x30) == "Tsetattr tag 1 fid 9 valid 0x30 atime now mtime now")
        #expect(try set(0x8) == "Tsetattr tag 1 fid 9 valid 0x8 size 1099511627776")
        #expect(try set(0) == "Tsetattr tag 1 fid 9 valid 0x0")
    }

    private func listing(_ count: Int, _ more: [UInt8] = []) throws -> String {
        try text { writer in
            writer.dataReply(.rreaddir, tag: 1, count: 0)
            for index in 0..<count {
                let name = Array("e\(index)".utf8)
                let qid = Qid(kind: .directory, version: 1, path: UInt64(index) + 16)
                let cookie = UInt64(index) + 1
                writer.directoryEntry(qid: qid, cookie: cookie, type: 4, name: name.span)
            }
            writer.data(more[...])
            writer.finishData()
        }
    }

    @Test func entriesAreShownUpToSixteen() throws {
        #expect(try listing(0) == "Rreaddir tag 1 count 0")
        #expect(
            try listing(2) == "Rreaddir tag 1 count 52 \"e0\" (d 10 v1) cookie 1 "
                + "\"e1\" (d 11 v1) cookie 2"
        )
        #expect(try listing(16).hasSuffix("\"e15\" (d 1f v1) cookie 16"))
        #expect(try listing(17).hasSuffix("\"e15\" (d 1f v1) cookie 16 … 1 more"))
        #expect(try listing(100).hasSuffix("cookie 16 … 84 more"))
        #expect(try listing(1, [1, 2]).hasSuffix("cookie 1 and 2 bytes that are no entry"))
    }

    private func data(_ bytes: [UInt8], announced: Int? = nil) throws -> String {
        try text { writer in
            let count = UInt32(announced ?? bytes.count)
            writer.dataReply(.rread, tag: 1, count: count)
            writer.data(bytes[...])
        }
    }

    @Test func theFirstBytesOfDataAreShown() throws {
        #expect(try data([]) == "Rread tag 1 count 0")
        #expect(try data(Array("a\n\"\u{0}".utf8)) == #"Rread tag 1 count 4 "a\x0a\"\x00""#)
        let long = [UInt8](repeating: 0x61, count: 65)
        let shown = String(repeating: "a", count: 64)
        #expect(try data(Array(long.dropLast())) == "Rread tag 1 count 64 \"\(shown)\"")
        #expect(try data(long) == "Rread tag 1 count 65 \"\(shown)\"…")
        // The rest, or all of it, lies in a file.
        #expect(try data([0x61], announced: 1 << 20) == "Rread tag 1 count 1048576 \"a\"…")
        #expect(try data([], announced: 1 << 20) == "Rread tag 1 count 1048576")
        let written = try text { $0.twrite(tag: 1, fid: 2, offset: 3, data: [0x62]) }
        #expect(written == "Twrite tag 1 fid 2 offset 3 count 1 \"b\"")
    }

    @Test func otherFields() throws {
        let lock = try text {
            $0.tlock(
                tag: 1,
                fid: 2,
                kind: 1,
                flags: 3,
                start: 4,
                length: 5,
                process: 6,
                client: [0x63]
            )
        }
        #expect(
            lock == "Tlock tag 1 fid 2 flags 3 type 1 start 4 length 5 proc_id 6 client_id \"c\""
        )
        var figures = ReplyStatistics()
        (figures.type, figures.blockSize, figures.blocks) = (0x0102_1997, 4096, 1)
        (figures.freeBlocks, figures.availableBlocks, figures.files) = (2, 3, 4)
        (figures.freeFiles, figures.identifier, figures.maximumNameLength) = (5, 6, 255)
        #expect(
            try text { $0.rstatfs(tag: 1, figures) } == "Rstatfs tag 1 type 0x1021997 bsize 4096 "
                + "blocks 1 bfree 2 bavail 3 files 4 ffree 5 fsid 0x6 namelen 255"
        )
    }
}
