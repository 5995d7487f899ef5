/// What one client may use at most: nothing that a client sends makes the server use more.
package struct Limits: Sendable {
    /// Largest message either way, in bytes: the ceiling of what Tversion negotiates. Linux's fd
    /// transport takes at most 1 MiB (net/9p/trans_fd.c, MAX_SOCK_BUF).
    package var messageSize: UInt32 = 1 << 20
    /// Connections at a time of one service.
    package var connections = 256
    /// How long a connection may take for its first Tversion before another may have its place, in
    /// nanoseconds.
    package var silence: UInt64 = 10_000_000_000
    /// Fids of one connection.
    package var fids = 262_144
    /// Replies of one connection that its carrier has not delivered yet.
    package var pendingReplies = 1024
    /// Memory of those replies, in bytes; file data is not in it, as it stays in the page cache.
    package var pendingReplyBytes = 4 << 20
    /// Opens and reads of one connection that workers may be busy with.
    package var workerRequests = 32
    /// Values of extended attributes that the fids of one connection hold, in bytes.
    package var extendedAttributeBytes = 4 << 20
    package init() {}
}
