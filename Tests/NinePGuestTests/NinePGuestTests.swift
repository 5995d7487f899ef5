import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import NinePGuest

@Suite struct NinePGuestTests {
    @Test(arguments: [
        GuestTask(.list, over: .socket(port: 5640), options: "msize=4096,cache=none", path: ""),
        GuestTask(.files, over: .device(tag: "tree"), options: "cache=loose", path: "a/b"),
        GuestTask(
            .sequential,
            over: .socket(port: .max),
            options: "cache=loose",
            path: "large",
            isChecking: true
        ),
    ])
    func tasksSurviveTheirLine(_ task: GuestTask) {
        #expect(GuestTask(line: task.line) == task)
    }

    @Test(arguments: [
        "", "socket 1 list a check", "socket x list a check /", "disk 1 list a check /",
        "socket 1 walk a check /", "socket 1 list a maybe /", "socket 1 list a check path",
    ])
    func otherLinesAreNoTasks(_ line: String) { #expect(GuestTask(line: line) == nil) }

    @Test func figuresSurviveTheirLine() {
        var figures = GuestFigures()
        figures.nanoseconds = .max
        figures.operations = 2
        figures.sum = 3
        figures.interrupts = 4
        #expect(GuestFigures(line: figures.line) == figures)
        #expect(GuestFigures(line: "1 2 3") == nil)
        #expect(GuestFigures(line: "error: no such file") == nil)
    }

    @Test func aTreeIsCountedAndAddedUp() throws {
        let folder = try ScratchFolder()
        try folder.write("one", [1, 0, 0, 0, 0, 0, 0, 0, 2])
        // Longer than one read, and no multiple of a word.
        try folder.write("a/b/long", Array(repeating: 1, count: 1 << 20) + [5, 1, 0])
        try folder.link("a/link", to: "nowhere")
        let root = FilePath(folder.file(""))
        var listing = TreeReader(readsContent: false, isChecking: false)
        try listing.visit(folder: try OwnedFD.open(root, 0))
        // one, a, a/b, a/b/long, a/link.
        #expect(listing.figures.operations == 5)
        #expect(listing.figures.bytes == 9 + 1_048_579 + 7)
        var reading = TreeReader(readsContent: true, isChecking: true)
        try reading.visit(folder: try OwnedFD.open(root, 0))
        let words = UInt64(0x0101_0101_0101_0101) &* (1 << 17)
        #expect(reading.figures.sum == 1 &+ 2 &+ words &+ 0x105)
        #expect(reading.figures.operations == 5)
    }
}
