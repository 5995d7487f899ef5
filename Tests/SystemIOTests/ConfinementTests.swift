import CLinux
import Foundation
import Synchronization
import SystemIO
import SystemPackage
import TestSupport
import Testing

/// Landlock confines a thread and what it starts; each test has a thread for it.
@Suite struct ConfinementTests {
    private func confined(
        _ confinement: Confinement,
        _ body: @escaping @Sendable () -> [Errno?]
    ) throws -> [Errno?] {
        let result = Mutex<[Errno?]>([])
        let thread = try SystemIO.Thread(name: "confined") {
            guard (try? confinement.enter()) == true else { return }
            let errors = body()
            result.withLock { $0 = errors }
        }
        thread.join()
        return result.withLock { $0 }
    }

    private static func error(_ body: () throws(Errno) -> Void) -> Errno? {
        do throws(Errno) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test func onlyWhatIsNamedCanBeReadAndWritten() throws {
        guard Confinement.supportedVersion > 0 else {
            // A kernel without Landlock says so, and confines nothing.
            let isConfined = try Confinement(readable: [], writable: []).enter()
            #expect(!isConfined)
            return
        }
        let folder = try ScratchFolder()
        let top = FilePath(folder.path)
        for name in ["open", "read", "closed"] {
            try makeDirectories(top.appending(name))
            try writeFileAtomically(top.appending(name).appending("file"), "x".utf8)
        }
        let errors = try confined(
            Confinement(
                readable: [top.appending("read")],
                writable: [top.appending("open"), top.appending("missing")]
            )
        ) {
            ["open", "read", "closed"].flatMap { name -> [Errno?] in
                let file = top.appending(name).appending("file")
                return [
                    Self.error { () throws(Errno) in _ = try OwnedFD.open(file, O_RDONLY) },
                    Self.error { () throws(Errno) in _ = try OwnedFD.open(file, O_WRONLY) },
                    Self.error { () throws(Errno) in try removeFile(file) },
                ]
            }
        }
        #expect(
            errors == [
                nil, nil, nil, nil, .permissionDenied, .permissionDenied, .permissionDenied,
                .permissionDenied, .permissionDenied,
            ]
        )
    }
}
