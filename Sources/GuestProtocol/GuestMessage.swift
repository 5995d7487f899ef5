/// What the guest says.
package enum GuestMessage: WireValue {
    /// The first message; nothing else is sent until the host's welcome.
    case hello(Hello)
    /// Every second, from a thread of its own.
    case heartbeat(Heartbeat)
    case log(LogLine)
    case progress(RequestID, Progress)
    /// A piece of what the request's command wrote; not cut at line ends.
    case output(RequestID, OutputStream, [UInt8])
    case entries(RequestID, [TreeEntry])
    case completed(RequestID, Completion, Figures)
    case failed(RequestID, Failure)

    private enum Tag: UInt8, WireValue {
        case hello = 1
        case heartbeat, log, progress, output, entries, completed, failed
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self =
            switch try reader.value(Tag.self) {
            case .hello: .hello(try reader.value())
            case .heartbeat: .heartbeat(try reader.value())
            case .log: .log(try reader.value())
            case .progress: .progress(try reader.value(), try reader.value())
            case .output:
                .output(try reader.value(), try reader.value(), try reader.blob())
            case .entries: .entries(try reader.value(), try reader.list())
            case .completed:
                .completed(try reader.value(), try reader.value(), try reader.value())
            case .failed: .failed(try reader.value(), try reader.value())
            }
    }

    package func encode(into writer: inout WireWriter) {
        switch self {
        case .hello(let value):
            writer.append(Tag.hello)
            writer.append(value)
        case .heartbeat(let value):
            writer.append(Tag.heartbeat)
            writer.append(value)
        case .log(let value):
            writer.append(Tag.log)
            writer.append(value)
        case .progress(let id, let value):
            writer.append(Tag.progress)
            writer.append(id)
            writer.append(value)
        case .output(let id, let stream, let bytes):
            writer.append(Tag.output)
            writer.append(id)
            writer.append(stream)
            writer.append(bytes)
        case .entries(let id, let entries):
            writer.append(Tag.entries)
            writer.append(id)
            writer.append(entries)
        case .completed(let id, let completion, let figures):
            writer.append(Tag.completed)
            writer.append(id)
            writer.append(completion)
            writer.append(figures)
        case .failed(let id, let failure):
            writer.append(Tag.failed)
            writer.append(id)
            writer.append(failure)
        }
    }
}

/// Which output of a command.
package enum OutputStream: UInt8, WireValue { case standardOutput = 1, standardError }
