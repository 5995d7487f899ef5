import CLinux
import Foundation
import NineP
import NinePServer
import Testing

/// The refusals of each request, as docs/9p.md lists them.
struct DocumentedRefusals {
    /// Of a request, by its name ("Twalk").
    private var own: [String: Set<String>] = [:]
    private var ofAny: Set<String> = []

    static let shared = Result { try DocumentedRefusals() }

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("docs/9p.md")
        var heading: [String] = []
        for line in try String(contentsOf: path, encoding: .utf8).components(separatedBy: "\n") {
            guard line.hasPrefix("| ") else {
                if !line.hasPrefix("|---") { heading = [] }
                continue
            }
            let cells = line.split(separator: "|").map { String($0) }
            if heading.isEmpty {
                heading = cells.map { $0.trimmingCharacters(in: .whitespaces) }
            } else if cells.count == heading.count {
                add(cells, heading)
            }
        }
    }

    private mutating func add(_ cells: [String], _ heading: [String]) {
        switch heading {
        case ["request", "what it does", "refusals"]: add(cells[2], to: cells[0])
        case ["refusal", "requests", "when"]: add(cells[0], to: cells[1])
        case ["refusal", "when"]: ofAny.formUnion(Self.codes(cells[0]))
        default: break
        }
    }

    private mutating func add(_ refusals: String, to requests: String) {
        for name in Self.words(requests) where name.hasPrefix("T") {
            own[name, default: []].formUnion(Self.codes(refusals))
        }
    }

    private static func words(_ text: String) -> [String] {
        text.components(separatedBy: CharacterSet.alphanumerics.inverted)
    }

    private static func codes(_ text: String) -> [String] {
        words(text).filter { $0.count > 2 && $0.hasPrefix("E") && $0 == $0.uppercased() }
    }

    var requests: Set<String> { Set(own.keys) }

    func contain(_ code: Int32, of request: MessageType?) -> Bool {
        guard let name = errnoName(code) else { return false }
        if ofAny.contains(name) { return true }
        guard let request else { return false }
        return own[Self.name(request)]?.contains(name) ?? false
    }

    static func name(_ type: MessageType) -> String {
        "\(type)".prefix(1).uppercased() + "\(type)".dropFirst()
    }
}

/// "ENOENT".
private func errnoName(_ code: Int32) -> String? {
    strerrorname_np(code).map { String(cString: $0) }
}

/// Holds every refusal that a test brings about against docs/9p.md.
final class RefusalCheck: NinePObserver {
    private let next: (any NinePObserver)?

    init(next: (any NinePObserver)?) { self.next = next }

    func replied(_ event: ReplyEvent) {
        next?.replied(event)
        guard let code = event.errno else { return }
        do {
            let isListed = try DocumentedRefusals.shared.get().contain(code, of: event.request)
            let request = event.request.map(DocumentedRefusals.name) ?? "an unknown request"
            let name = errnoName(code) ?? "\(code)"
            #expect(isListed, "docs/9p.md does not list \(name) for \(request)")
        } catch {
            Issue.record(error)
        }
    }

    var wantsMessages: Bool { next?.wantsMessages ?? false }

    func message(_ bytes: UnsafeRawBufferPointer, fromClient: Bool, peer: String) {
        next?.message(bytes, fromClient: fromClient, peer: peer)
    }
}

@Suite struct DocumentedRefusalsTests {
    @Test func theTableNamesEveryRequest() throws {
        let documented = try DocumentedRefusals.shared.get()
        let all = MessageType.allCases.filter(\.isRequest).map(DocumentedRefusals.name)
        #expect(documented.requests == Set(all))
    }

    @Test func theTableIsReadAsItIsMeant() throws {
        let documented = try DocumentedRefusals.shared.get()
        #expect(documented.contain(ESTALE, of: .tread) && documented.contain(EISDIR, of: .tread))
        #expect(documented.contain(EPROTO, of: .tread) && documented.contain(EPROTO, of: nil))
        #expect(!documented.contain(ENOENT, of: .tread) && !documented.contain(ENOENT, of: nil))
        #expect(documented.contain(EROFS, of: .tsymlink) && !documented.contain(EROFS, of: .twalk))
    }
}
