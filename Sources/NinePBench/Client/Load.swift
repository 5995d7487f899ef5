/// How a client loads a server.
struct Load {
    var messageSize: UInt32
    var connections: Int
    /// Requests outstanding on each.
    var depth: Int
    var checking: Checking
    /// How often to go through everything, so that a run is long enough to be timed.
    var passes = 1
}
