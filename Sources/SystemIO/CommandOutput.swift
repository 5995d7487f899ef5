import CLinux
package import SystemPackage

/// What a short command wrote to both outputs, and how it ended.
package struct CommandOutput: Sendable {
    package let exit: ChildProcess.Exit
    package let text: String

    package var lines: [String] { text.split(whereSeparator: \.isNewline).map(String.init) }

    /// Runs a program to its end.
    package init(
        launcher: FilePath,
        _ program: FilePath,
        _ arguments: [String]
    ) throws(Errno) {
        var ends: [CInt] = [-1, -1]
        try syscall { unsafe pipe2(&ends, O_CLOEXEC) }
        let reader = OwnedFD(ends[0])
        var bytes: [UInt8] = []
        let child = try Self.start(launcher, program, arguments, writingTo: OwnedFD(ends[1]))
        while true {
            let piece = try readSome(reader.rawValue, limit: 1 << 14)
            if piece.isEmpty { break }
            bytes += piece
        }
        exit = child.wait() ?? .signal(SIGKILL)
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// Our own copy of the writing end is closed on return: the end of the output is the child's end.
    private static func start(
        _ launcher: FilePath,
        _ program: FilePath,
        _ arguments: [String],
        writingTo writer: consuming OwnedFD
    ) throws(Errno) -> ChildProcess {
        try ChildProcess.start(
            launcher: launcher,
            program,
            arguments,
            standardOutput: writer.rawValue,
            standardError: writer.rawValue
        )
    }
}
