import Foundation
import FoundationXML
import Testing

@testable import Orchestrator

@Suite struct TimelineTests {
    private final class Elements: NSObject, XMLParserDelegate {
        var names: [String: Int] = [:]
        func parser(
            _ parser: XMLParser,
            didStartElement name: String,
            namespaceURI: String?,
            qualifiedName: String?,
            attributes: [String: String]
        ) { names[name, default: 0] += 1 }
    }

    /// The number of elements of each kind; nil where the text is no well-formed XML.
    private func elements(_ text: String) -> [String: Int]? {
        let parser = XMLParser(data: Data(text.utf8))
        let delegate = Elements()
        parser.delegate = delegate
        return parser.parse() ? delegate.names : nil
    }

    @Test func thePictureHoldsEverything() throws {
        let chart = TimelineChart(timeline: sampleTimeline, previous: nil)
        let svg = try #require(chart.svg)
        let found = try #require(elements(svg))
        #expect(found["rect"] == 4, "two phases, one step in two parts")
        #expect(found["path"] == 1)
        #expect(svg.contains(">peak 100<"))
        #expect(svg.contains("pull &lt;the&gt; commit"))
        let compared = try #require(
            TimelineChart(timeline: sampleTimeline, previous: sampleTimeline).svg
        )
        #expect(elements(compared)?["rect"] == 6)
        #expect(compared.contains(">before<"))
    }

    @Test func nothingIsDrawnOfNothing() {
        #expect(TimelineChart(timeline: Timeline(), previous: nil).svg == nil)
        #expect(ThroughputGraph([], start: 0, span: 1) == nil)
    }

    @Test func bytesAreSharedOutOverTheirTime() throws {
        let graph = try #require(
            ThroughputGraph(
                [.init(start: 10, end: 20, bytes: 1000), .init(start: 30, end: 30, bytes: 500)],
                start: 10,
                span: 30
            )
        )
        let sum = graph.rates.reduce(0) { $0 + $1 * graph.step }
        #expect(abs(sum - 1500) < 1)
        #expect(abs(graph.rates[3] - 100) < 0.01)
        #expect(graph.rates[70] == 0)
    }

    @Test(arguments: [(0.5, 0.1), (1.2, 0.1), (10, 1), (95, 10), (700, 100)] as [(Double, Double)])
    func ticks(span: Double, distance: Double) {
        #expect(abs(TimelineChart.tick(for: span) - distance) < 1e-9)
    }

    @Test func thePageIsWholeAndComparesWithTheBuildBefore() throws {
        let record = sampleBuild(
            "b<2>",
            published: 9,
            disks: [sampleDisk("a", timeline: sampleTimeline)]
        )
        var old = sampleDisk("a", timeline: sampleTimeline)
        old.seconds = ["pull": 3, "total": 4.5]
        let html = TimelinePage(
            record: record,
            previous: sampleBuild("b1", published: 8, disks: [old])
        ).html
        #expect(html.contains("<h1>b&lt;2&gt;</h1>"))
        #expect(html.contains("<td>1.50</td><td>3.00</td><td>−1.50 (50 %)</td>"))
        #expect(html.contains("no &lt;such&gt; ref"))
        #expect(!html.contains("src=") && !html.contains("href="), "it needs no other file")
        var carried = sampleDisk("a")
        carried.carriedFrom = "b0"
        let page = TimelinePage(
            record: sampleBuild("b", published: 9, disks: [carried]),
            previous: nil
        )
        #expect(page.html.contains("Unchanged since build <code>b0</code>"))
    }

    @Test func theRecorderKnowsWhenThingsWere() {
        let recorder = TimelineRecorder(SilentReporter(), started: 0)
        recorder.report(.phaseStarted(.pull))
        #expect(recorder.phase == .pull)
        for bytes in [100, 300, 300] as [UInt64] {
            recorder.report(
                .progress(
                    .pull,
                    PhaseProgress(objects: 0, totalObjects: 0, bytes: bytes, totalBytes: 0)
                )
            )
        }
        recorder.report(
            .guestStep(GuestStep(name: "s", seconds: 1, userSeconds: 0.5, systemSeconds: 0.25))
        )
        recorder.report(.phaseEnded(.pull, seconds: 2))
        let timeline = recorder.timeline
        #expect(recorder.phase == nil)
        #expect(timeline.phases.map(\.phase) == ["pull"])
        #expect(timeline.transfers.map(\.bytes) == [100, 200])
        #expect(timeline.steps.map(\.step) == ["s"])
    }
}
