import ByteStream
import CLinux
import Foundation
import Synchronization
import SystemIO
import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

@Suite struct UserModeLinuxTests {
    @Test func theCommandLineHasOneDeviceADiskAndTheSocket() {
        let arguments = UMLCommand.arguments(
            MachineConfiguration(
                boot: .kernel("/k", initramfs: "/cache/i", commandLine: "quiet panic=-1"),
                disks: [],
                memory: 512,
                processors: 2,
                vsockSocket: "/r/vsock",
                console: .file("/r/console")
            ),
            initramfs: "/r/initramfs",
            folder: "/r",
            disks: ["/r/a", "/r/b"]
        )
        #expect(arguments.contains("mem=512M"))
        #expect(arguments.contains("initrd=/r/initramfs"))
        #expect(arguments.contains("panic=-1"))
        #expect(
            arguments.filter { $0.hasPrefix("virtio_uml.device=") } == [
                "virtio_uml.device=/r/a:2", "virtio_uml.device=/r/b:2",
                "virtio_uml.device=/r/vsock:19",
            ]
        )
    }

    @Test func anyPathCanBeADisk() throws {
        let path = "/a \"b\", c\\d=e/disk"
        let arguments = StorageDaemon.arguments(
            .init(path: FilePath(path), format: .qcow2, serial: "target"),
            socket: "/r/disk"
        )
        let node = try #require(
            try JSONSerialization.jsonObject(with: Data(arguments[1].utf8)) as? [String: Any]
        )
        #expect((node["file"] as? [String: Any])?["filename"] as? String == path)
        #expect(node["driver"] as? String == "qcow2")
    }

    @Test func aFolderWithoutRoomIsPassedOver() throws {
        let folder = try ScratchFolder()
        #expect(GuestMemory.obstacle(FilePath(folder.path), size: 1) == nil)
        let obstacle = GuestMemory.obstacle(FilePath(folder.path), size: 1 << 40)
        #expect(obstacle?.contains("are needed") == true)
        #expect(GuestMemory.obstacle("/nowhere", size: 1) != nil)
        let error = #expect(throws: BuildError.self) {
            _ = try GuestMemory.folder(preferring: FilePath(folder.path), size: 1 << 40)
        }
        #expect(error?.kind == .host)
    }

    /// The control protocol over the virtio socket: a descriptor on one side, a connection on the
    /// other, whole and in order however little each takes at a time.
    @Test func bytesPassBothWays() throws {
        let control = SocketControl()
        #expect(try control.accept(milliseconds: 0) == nil)
        let connection = RecordingConnection()
        let handler = try #require(control.accept(connection))
        #expect(control.accept(RecordingConnection()) == nil, "one guest, one connection")
        let descriptor = try #require(try control.accept(milliseconds: 1000))

        // More than a socket holds: the handler takes part of it, and asks for the rest.
        let sent = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let received = Mutex<[UInt8]>([])
        let reader = try SystemIO.Thread(name: "reader") {
            var bytes: [UInt8] = []
            while bytes.count < sent.count {
                guard pollReadable([descriptor.rawValue], milliseconds: 10_000) != nil else {
                    break
                }
                bytes += (try? readSome(descriptor.rawValue, limit: 100_000)) ?? []
            }
            received.withLock { [bytes] in $0 = bytes }
        }
        var done = 0
        while done < sent.count {
            let taken = sent[done...].withUnsafeBytes { handler.received($0) }
            done += taken
            if done < sent.count { connection.waitForResume() }
        }
        reader.join()
        #expect(received.withLock { $0 } == sent)

        try writeAll(descriptor.rawValue, Array("welcome".utf8))
        #expect(connection.waitForBytes(7) == Array("welcome".utf8))
        handler.closed()
        #expect(pollReadable([descriptor.rawValue], milliseconds: 5000) == 0)
        #expect(try readSome(descriptor.rawValue, limit: 10) == [])
    }
}

/// Keeps what is sent, counts `resume()`.
private final class RecordingConnection: StreamConnection {
    private let state = Monitor<(bytes: [UInt8], resumed: Bool)>(([], false))

    func send(_ message: OutgoingMessage) {
        let bytes = Array(message.buffer.bytes)
        state.update { $0.bytes += bytes }
        message.buffer.recycle()
    }

    func waitForBytes(_ count: Int) -> [UInt8] {
        state.wait { $0.bytes.count >= count ? $0.bytes : nil }
    }

    func waitForResume() {
        state.wait { state in
            guard state.resumed else { return nil as Void? }
            state.resumed = false
            return ()
        }
    }

    var queuedByteCount: Int { 0 }
    func resume() { state.update { $0.resumed = true } }
    func close() {}
    var peerDescription: String { "test" }
}
