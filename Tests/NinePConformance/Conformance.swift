import CLinux
import NineP

/// One question to a 9P2000.L server that shares a `TestTree` read-only, and what ours answers.
package struct ConformanceCase: Sendable {
    package let name: String
    /// What `docs/9p.md` promises.
    package let expected: String
    /// Two requests are under way at once, which a server may answer in either order.
    package let isRace: Bool
    let observe: @Sendable (ConformancePeer) throws -> String

    init(
        _ name: String,
        _ expected: String,
        isRace: Bool = false,
        _ observe: @escaping @Sendable (ConformancePeer) throws -> String
    ) {
        self.name = name
        self.expected = expected
        self.isRace = isRace
        self.observe = observe
    }

    package static let all = conversation + walks + opens + listings + attributes + hosts + writes

    /// What a server answers: a value, the name of an errno, or that it does not.
    package func observed(_ peer: ConformancePeer) -> String { outcome { try observe(peer) } }
}

/// A server to be asked.
package struct ConformancePeer: Sendable {
    let socket: String
    /// What Tattach is to name.
    let attachName: String
    let tree: TestTree

    package init(socket: String, attachName: String, tree: TestTree) {
        self.socket = socket
        self.attachName = attachName
        self.tree = tree
    }

    func connect() throws -> TestClient { TestClient(try SocketTransport(unix: socket, limit: 2)) }

    /// A client whose fid 0 is the root.
    func attach(_ messageSize: UInt32 = 65_560) throws -> TestClient {
        let client = try connect()
        try client.version(messageSize)
        try client.attach(0, attachName)
        return client
    }
}

/// What the body returns, or why it could not.
func outcome(_ body: () throws -> String) -> String {
    do {
        return try body()
    } catch let refusal as Refusal {
        return errnoName(refusal.code)
    } catch {
        return "no reply"
    }
}

/// "ok" for a body that ends well.
func verdict(_ body: () throws -> Void) -> String {
    outcome {
        try body()
        return "ok"
    }
}

private func errnoName(_ code: Int32) -> String {
    strerrorname_np(code).map { String(cString: $0) } ?? "errno \(code)"
}

extension [String] {
    /// Several outcomes in one line.
    var line: String { joined(separator: " ") }
}
