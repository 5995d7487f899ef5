/// What a fuzzer's run has done so far.
package struct Tally: Sendable {
    package var inputs = 0
    package var messages = 0
    package var replies = 0
    package var refusals = 0
    /// Requests that a new Tversion or the connection's end left without a reply, as they may.
    package var abandoned = 0

    package init() {}

    package var text: String {
        "\(inputs) inputs, \(messages) messages, \(replies) replies, "
            + "\(replies - refusals) of them not Rlerror, \(abandoned) abandoned"
    }
}
