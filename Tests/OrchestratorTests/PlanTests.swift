import SystemPackage
import Testing

@testable import Orchestrator

@Suite struct SizeTests {
    @Test(
        "sizes as people write them",
        arguments: [
            ("4G", 4 << 30), ("512M", 512 << 20), ("16g", 16 << 30), ("1.5G", 3 << 29),
            ("1048576", 1 << 20), ("2T", 2 << 40),
        ] as [(String, UInt64)]
    )
    func parses(text: String, bytes: UInt64) {
        #expect(BuildRequest.parseSize(text) == bytes)
    }

    @Test(
        "what is no size",
        arguments: ["", "G", "-1", "1.5", "4GB", "0x10", "18446744073709551615G", "nan"]
    )
    func refuses(text: String) {
        #expect(BuildRequest.parseSize(text) == nil)
    }
}

@Suite struct JSONTests {
    @Test(
        "RFC 8259 escapes",
        arguments: [
            ("a\"b", #""a\"b""#), ("a\\b", #""a\\b""#), ("a\nb", #""a\nb""#),
            ("\u{1}", #""\u0001""#), ("ä", "\"ä\""),
        ]
    )
    func strings(value: String, text: String) {
        #expect(JSONValue.string(value).text == text)
    }

    @Test func events() {
        let text = JSONReporter.encode(
            .disk(
                target: "a",
                .progress(
                    .pull,
                    PhaseProgress(objects: 3, totalObjects: 9, bytes: 10, totalBytes: 0)
                )
            )
        ).text
        #expect(
            text
                == #"{"event": "progress", "target": "a", "phase": "pull", "objects": 3, "#
                + #""total_objects": 9, "bytes": 10, "total_bytes": 0}"#
        )
    }

    @Test func numbers() {
        #expect(JSONValue.number(1.5).text == "1.500")
        #expect(JSONValue.number(.nan).text == "null")
    }
}

@Suite struct ProgressTextTests {
    @Test(arguments: [(0.04, "0.0 s"), (12.34, "12.3 s"), (125, "2 min 05 s"), (1e300, "1e+300 s")])
    func durations(seconds: Double, text: String) {
        #expect(ProgressText.duration(seconds) == text)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (14_769, "14,769"), (1_000_000, "1,000,000")])
    func grouping(value: Int, text: String) {
        #expect(ProgressText.grouped(value) == text)
    }

    @Test func progressLine() {
        let progress = PhaseProgress(
            objects: 8123,
            totalObjects: 14769,
            bytes: 171_900_000,
            totalBytes: 290_000_000
        )
        #expect(
            ProgressText.line(progress) == "8,123/14,769 objects  172/290 MB  59 %"
        )
    }
}

@Suite struct ErrorTests {
    @Test(
        "exit codes as README lists them",
        arguments: [
            (.usage, 2), (.host, 3), (.input, 4), (.guest, 5), (.space, 6), (.busy, 7),
            (.fault, 70), (.interrupted(2), 130), (.interrupted(15), 143),
        ] as [(BuildError.Kind, Int32)]
    )
    func exitCodes(kind: BuildError.Kind, code: Int32) {
        #expect(BuildError(kind, "x").exitCode == code)
    }

    @Test func afullFileSystemIsToldBeforeWhatTheGuestSaysOfIt() {
        let guest = BuildError(.guest, "cannot deploy: EIO", details: ["syncfs"])
        for errno in [Errno.noSpace, .diskQuotaExceeded] {
            let told = guest.blamingSpace(of: "/tmp/disk") { _ in errno }
            #expect(told.exitCode == 6)
            #expect(told.message.hasPrefix("cannot write /tmp/disk: \(errno) ("))
            #expect(told.message.hasSuffix(" MB are free there)"))
            #expect(told.details == ["cannot deploy: EIO", "syncfs"])
        }
        for errno in [nil, Errno.notPermitted] {
            #expect(guest.blamingSpace(of: "/tmp/disk") { _ in errno }.message == guest.message)
        }
        #expect(guest.blamingSpace(of: "/tmp/disk").kind == .guest, "there is room")
    }
}
