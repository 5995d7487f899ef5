/// The life of one connection, as the host sees it. Pure: says what is to be done, does nothing.
enum StreamState: Equatable {
    /// Bytes flow; the guest has perhaps closed some directions.
    case open(guestShut: ShutdownFlags)
    /// The host's service has closed: what is queued goes out, then SHUTDOWN.
    case finishing
    /// SHUTDOWN is sent; the guest answers with RST when its program has read all and closed.
    case awaitingReset
    case gone

    enum Event: Equatable {
        case guestReset
        case guestShutdown(ShutdownFlags)
        /// The handler has taken everything that came before the guest's SHUTDOWN.
        case inputDrained
        /// All queued output is in the guest's hands.
        case outputDrained
        case hostClose
        /// The guest broke the rules (credit), or an error on our side makes the stream useless.
        case violation
        /// The guest has not answered our SHUTDOWN for long.
        case resetOverdue
    }

    enum Action: Equatable {
        case nothing
        /// Tell the guest that both directions are closed; the handler is done.
        case sendShutdown
        /// Answer with RST and forget the connection.
        case reset
        /// Forget the connection without a word.
        case forget
    }

    /// Whether bytes from the guest go to the handler.
    var takesInput: Bool {
        if case .open(let guestShut) = self { !guestShut.contains(.send) } else { false }
    }

    /// Whether queued bytes may still reach the guest.
    var takesOutput: Bool {
        switch self {
        case .open(let guestShut): !guestShut.contains(.receive)
        case .finishing: true
        case .awaitingReset, .gone: false
        }
    }

    mutating func apply(_ event: Event) -> Action {
        switch (self, event) {
        case (.gone, _): return .nothing
        case (_, .guestReset):
            self = .gone
            return .forget
        case (_, .violation), (.awaitingReset, .resetOverdue):
            self = .gone
            return .reset
        case (.open(let before), .guestShutdown(let flags)):
            self = .open(guestShut: before.union(flags.intersection(.both)))
            return .nothing
        case (.open(let guestShut), .inputDrained):
            if guestShut == .both {
                self = .gone
                return .reset
            }
            // No half-closed handlers: a guest that only listens gets what is queued, then the end.
            if guestShut.contains(.send) { self = .finishing }
            return .nothing
        case (.open, .hostClose):
            self = .finishing
            return .nothing
        case (.finishing, .guestShutdown(let flags)) where flags.contains(.receive):
            self = .gone
            return .reset
        case (.finishing, .outputDrained):
            self = .awaitingReset
            return .sendShutdown
        case (.awaitingReset, .guestShutdown(let flags)) where flags.contains(.both):
            self = .gone
            return .reset
        default: return .nothing
        }
    }
}
