/// How a command ended.
package enum ExitStatus: WireValue, CustomStringConvertible {
    case exited(UInt8)
    case signalled(UInt8)

    package var isSuccess: Bool { self == .exited(0) }

    private enum Tag: UInt8, WireValue { case exited = 1, signalled }

    package init(from reader: inout WireReader) throws(WireError) {
        self =
            switch try reader.value(Tag.self) {
            case .exited: .exited(try reader.integer())
            case .signalled: .signalled(try reader.integer())
            }
    }

    package func encode(into writer: inout WireWriter) {
        switch self {
        case .exited(let code):
            writer.append(Tag.exited)
            writer.append(code)
        case .signalled(let signal):
            writer.append(Tag.signalled)
            writer.append(signal)
        }
    }

    package var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signalled(let signal): "killed by signal \(signal)"
        }
    }
}

/// What a request that did not fail came to.
package enum Completion: WireValue {
    case done
    /// `run`: the exit status, and the last output of both streams as they came.
    case command(ExitStatus, outputTail: [UInt8])
    /// `listTree`: how many entries were sent. `unreferencedCommits`: how many there are.
    case listed(UInt64)
    case statistics(Statistics)

    private enum Tag: UInt8, WireValue { case done = 1, command, listed, statistics }

    package init(from reader: inout WireReader) throws(WireError) {
        self =
            switch try reader.value(Tag.self) {
            case .done: .done
            case .command: .command(try reader.value(), outputTail: try reader.blob())
            case .listed: .listed(try reader.integer())
            case .statistics: .statistics(try reader.value())
            }
    }

    package func encode(into writer: inout WireWriter) {
        switch self {
        case .done: writer.append(Tag.done)
        case .command(let status, let tail):
            writer.append(Tag.command)
            writer.append(status)
            writer.append(tail)
        case .listed(let count):
            writer.append(Tag.listed)
            writer.append(count)
        case .statistics(let value):
            writer.append(Tag.statistics)
            writer.append(value)
        }
    }
}

/// What a request cost.
package struct Figures: WireValue {
    package var elapsedMilliseconds: UInt64
    /// CPU time of the request's commands (getrusage, RUSAGE_CHILDREN).
    package var userMilliseconds: UInt64
    package var systemMilliseconds: UInt64

    package init(elapsed: UInt64, user: UInt64, system: UInt64) {
        elapsedMilliseconds = elapsed
        userMilliseconds = user
        systemMilliseconds = system
    }

    package init(from reader: inout WireReader) throws(WireError) {
        elapsedMilliseconds = try reader.integer()
        userMilliseconds = try reader.integer()
        systemMilliseconds = try reader.integer()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(elapsedMilliseconds)
        writer.append(userMilliseconds)
        writer.append(systemMilliseconds)
    }
}
