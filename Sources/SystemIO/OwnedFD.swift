import CLinux
package import SystemPackage

/// A file descriptor with one owner, closed when the owner goes.
package struct OwnedFD: ~Copyable, Sendable {
    package let rawValue: CInt

    package init(_ rawValue: CInt) { self.rawValue = rawValue }

    deinit { _ = close(rawValue) }

    /// Gives the descriptor away: the caller closes it.
    package consuming func release() -> CInt {
        let raw = rawValue
        discard self
        return raw
    }
}

/// A file descriptor shared by several holders, closed with the last of them.
package final class SharedFD: @unchecked Sendable {
    // SAFETY: changes in `close` and `reuse` only, which a sole holder calls.
    package private(set) var rawValue: CInt

    package init(_ owned: consuming OwnedFD) { rawValue = owned.release() }

    deinit { if rawValue >= 0 { _ = CLinux.close(rawValue) } }

    /// Runs `body` with the number, which stays this file's until `body` is done. Of `rawValue` of a
    /// passing value that is not so: Swift may let go of it before the system call, and another thread
    /// be given the number for another file.
    @discardableResult
    package func withRawValue<Result, Failure: Error>(
        _ body: (CInt) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(rawValue)
    }

    /// Closes the descriptor early. The caller has made sure that nobody else holds this.
    package func close() {
        let raw = rawValue
        rawValue = -1
        if raw >= 0 { _ = CLinux.close(raw) }
    }

    /// Takes another descriptor after `close`, which saves making another object.
    package func reuse(for owned: consuming OwnedFD) {
        close()
        rawValue = owned.release()
    }
}

extension OwnedFD {
    /// Opens `path`; close-on-exec is always set. The C function is `open`.
    package static func open(
        _ path: FilePath,
        _ flags: CInt,
        mode: UInt32 = 0o644
    ) throws(Errno) -> OwnedFD {
        OwnedFD(
            try syscall {
                unsafe path.withPlatformString { unsafe clinux_open($0, flags | O_CLOEXEC, mode) }
            }
        )
    }
}
