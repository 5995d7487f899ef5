/// One thing that `builddisks doctor` has looked at.
package struct Finding: Sendable {
    package enum State: String, Sendable {
        case good
        /// Works, with the consequence that is named.
        case limited
        /// No build is possible.
        case missing
    }

    package var subject: String
    package var state: State
    /// What was seen.
    package var observation: String
    /// What follows from it; empty where nothing does.
    package var consequence: String
    /// The command or step that mends it; empty where there is none.
    package var remedy: String

    package init(
        _ subject: String,
        _ state: State,
        _ observation: String,
        consequence: String = "",
        remedy: String = ""
    ) {
        self.subject = subject
        self.state = state
        self.observation = observation
        self.consequence = consequence
        self.remedy = remedy
    }

    package var json: JSONValue {
        .object([
            ("subject", .string(subject)), ("state", .string(state.rawValue)),
            ("observation", .string(observation)), ("consequence", .string(consequence)),
            ("remedy", .string(remedy)),
        ])
    }
}
