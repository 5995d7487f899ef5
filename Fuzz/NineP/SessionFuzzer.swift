import CLinux
import FuzzSupport
import NineP
import NinePServer
import Synchronization
import SystemIO
import SystemPackage

/// Turns any input into whole conversations with the 9P server: several clients, at least 20
/// messages, most of them sensible, every reply judged.
package final class SessionFuzzer {
    package let memory = FuzzMemory()
    private let limits = FuzzLimits()
    private let gate: Gate
    private let bell: Bell
    private let services: [NinePService]
    private let rows: [FuzzExport]
    /// The host's tree lies in it as "tree", and a file beside it now and then.
    private let folder: OwnedFD
    private var grammar: Grammar
    private var hasMoved = false

    /// - Parameter folder: an empty directory of the fuzzer's own.
    package init(folder path: String) throws(Errno) {
        clinux_ignore_signal(SIGPIPE)
        gate = try Gate()
        bell = try Bell()
        let host = ModelNode.host()
        folder = try OwnedFD.open(FilePath(path), O_RDONLY | O_DIRECTORY)
        try ModelNode("", holding: [ModelNode.host(named: "tree")]).create(in: folder.rawValue)
        let synthetic = ModelNode.synthetic()
        let gated = ModelNode.gated()
        let inner = ModelNode.host(named: "host")
        let both = ModelNode("", holding: [ModelNode("note", .file(3)), inner])
        func hostTree() throws(Errno) -> HostTree {
            try HostTree(path: FilePath(path + "/tree"), budget: DescriptorBudget(limit: 10))
        }
        let made = Namespace([
            ("note", .file(ModelNode.contents(3))), ("host", .export(try hostTree())),
        ])
        guard case .directory(let entries) = synthetic.entry else { throw .notDirectory }
        let exports: [(name: String, export: any Export)] = [
            ("made", Namespace(entries)), ("host", try hostTree()), ("both", made),
            ("gated", GatedExport(gated, gate: gate)),
        ]
        rows = zip(exports, [synthetic, host, both, gated]).map {
            FuzzExport(name: $0.0.name, top: $0.1)
        }
        var limits = Limits()
        limits.messageSize = self.limits.messageSize
        limits.fids = self.limits.fids
        limits.connections = self.limits.connections
        limits.extendedAttributeBytes = self.limits.attributeBytes
        limits.workerRequests = self.limits.opens
        limits.pendingReplies = self.limits.replies
        limits.pendingReplyBytes = self.limits.replyBytes
        let table = ExportTable(exports)
        services = [
            NinePService(exports: table, limits: limits),
            NinePService(exports: table, limits: limits, observer: FuzzObserver()),
        ]
        grammar = Grammar(memory)
    }

    package func run(_ input: UnsafeRawBufferPointer) throws(Violation) {
        var choices = Choices(input)
        memory.tally.inputs += 1
        let service = services[choices.oneIn(4) ? 1 : 0]
        var clients = [try connect(service)]
        let count = 20 + choices.below(24)
        var sent = 0
        while sent < count {
            if clients.allSatisfy(\.isDoomed) {
                try finish(clients)
                clients = [try connect(service)]
            }
            let client = choices.pick(clients.filter { !$0.isDoomed })
            if try happen(service, &clients, client, &choices) { continue }
            client.queue(grammar.request(client.model, &choices))
            sent += 1
            // Some requests go out together.
            if choices.oneIn(4) { continue }
            try client.flush(piece: choices.oneIn(8) ? 1 + choices.below(12) : .max / 2, memory)
        }
        memory.tally.messages += sent
        try finish(clients)
        try require(gate.liveCount.load(ordering: .acquiring) == 0, "open files are left")
    }

    /// Now and then something other than a request.
    private func happen(
        _ service: NinePService,
        _ clients: inout [FuzzClient],
        _ client: FuzzClient,
        _ choices: inout Choices
    ) throws(Violation) -> Bool {
        switch choices.below(64) {
        case 0: client.isHolding.toggle()
        case 1, 2: try release(clients)
        case 3:
            let new = FuzzClient(service, ClientModel(limits: limits, exports: rows), bell: bell)
            try require(
                (new != nil) == (clients.count < limits.connections),
                "connection \(clients.count + 1) of \(limits.connections)"
            )
            if let new { clients.append(new) }
        case 4 where clients.count > 1:
            let index = choices.below(clients.count)
            try release(clients)
            try finish([clients.remove(at: index)])
        case 5: moveFile()
        default: return false
        }
        return true
    }

    private func connect(_ service: NinePService) throws(Violation) -> FuzzClient {
        let model = ClientModel(limits: limits, exports: rows)
        guard let client = FuzzClient(service, model, bell: bell) else {
            throw Violation("an ended connection still counts")
        }
        return client
    }

    /// One of the host's files goes, or comes back.
    private func moveFile() {
        hasMoved.toggle()
        _ =
            hasMoved
            ? renameat(folder.rawValue, "tree/moving", folder.rawValue, "aside")
            : renameat(folder.rawValue, "aside", folder.rawValue, "tree/moving")
    }

    /// Opens the gate until everything has been answered.
    private func release(_ clients: [FuzzClient]) throws(Violation) {
        for client in clients { try client.settle(memory) }
        gate.open()
        defer { gate.close() }
        try wait("a request without a reply") { clients.allSatisfy(\.isComplete) }
        for client in clients { try client.judgeReplies(memory) }
        for client in clients where !client.carrier.isClosed {
            try require(client.model.pending.isEmpty, "a request without a reply")
        }
    }

    private func finish(_ clients: [FuzzClient]) throws(Violation) {
        try release(clients)
        gate.open()
        defer { gate.close() }
        for client in clients { client.end(memory) }
        // Workers may hold a session for a moment longer.
        try wait("a session outlives its connection") { clients.allSatisfy(\.isGone) }
    }

    private func wait(
        _ text: @autoclosure () -> String,
        until isDone: () -> Bool
    ) throws(Violation) {
        try require(bell.wait(until: isDone), text())
    }
}

/// Looks at every message, as `--trace` does; writes none.
private final class FuzzObserver: NinePObserver {
    private let statistics = Statistics()
    private let count = Atomic(0)
    var wantsMessages: Bool { true }

    func replied(_ event: ReplyEvent) { statistics.replied(event) }

    func message(_ bytes: UnsafeRawBufferPointer, fromClient: Bool, peer: String) {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        if number % 16 == 0 { precondition(!messageText(bytes).isEmpty) }
    }
}
