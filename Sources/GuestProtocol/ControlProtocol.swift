/// Constants of the control protocol between the host and the agent in the guest.
///
/// `docs/control-protocol.md` describes the whole conversation.
package enum ControlProtocol {
    /// The version that this code speaks. Any change of a message's encoding raises it; the frame's
    /// header and the start of `Hello` stay as they are in every version.
    package static let version: UInt16 = 8

    /// The virtio-serial port's name, found by the guest in /sys/class/virtio-ports/*/name.
    package static let portName = "org.builddisks.control"

    /// Longest payload of one frame, in bytes. The protocol carries commands and their output, never
    /// file system contents.
    package static let maximumPayload = 1 << 20

    /// Longest string (a path, an argument, a log line) in bytes.
    package static let maximumString = 1 << 16

    /// Most elements of one list.
    package static let maximumCount = 1 << 16

    /// Most bytes of a command's output in one `GuestMessage.output`.
    package static let outputChunk = 1 << 14

    /// Bytes of a command's last output that a result keeps.
    package static let outputTail = 1 << 13

    /// Milliseconds between two heartbeats.
    package static let heartbeatMilliseconds: UInt32 = 1000
}
