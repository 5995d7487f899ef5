/// One thing to measure in the guest: a mount of the tree, and what is done with it.
package struct GuestTask: Equatable, Sendable {
    package enum Transport: Equatable, Sendable {
        /// Our server, over our virtio socket.
        case socket(port: UInt32)
        /// QEMU's own server, on its virtio-9p device.
        case device(tag: String)
    }

    package enum Workload: String, CaseIterable, Sendable {
        /// Reads one file from its start to its end, 1 MiB at a time.
        case sequential
        /// Lists and stats everything, as `find -printf %s` does.
        case list
        /// As `list`, and reads every regular file.
        case files
    }

    package var transport: Transport
    package var workload: Workload
    /// Options of the 9P client, without those of the transport: `msize=…,cache=…`.
    package var options: String
    /// Below the export's root; empty is the root.
    package var path: String
    /// Adds up the data: then it is not speed that is measured.
    package var isChecking: Bool

    package init(
        _ workload: Workload,
        over transport: Transport,
        options: String,
        path: String,
        isChecking: Bool = false
    ) {
        self.transport = transport
        self.workload = workload
        self.options = options
        self.path = path
        self.isChecking = isChecking
    }
}

/// What came of a task.
package struct GuestFigures: Equatable, Sendable {
    /// From the first request to the last answer, without mounting; in nanoseconds.
    package var nanoseconds: UInt64 = 0
    /// Entries of a listing, or files read.
    package var operations: UInt64 = 0
    /// Of all files read, or the sizes that a listing has told.
    package var bytes: UInt64 = 0
    /// Of the data as 64-bit words, each file's end filled with zeros; 0 where nothing was checked.
    package var sum: UInt64 = 0
    /// Time that the guest's processors were not idle, all of them, in nanoseconds; exact to 10 ms.
    package var busyNanoseconds: UInt64 = 0
    package var interrupts: UInt64 = 0

    package init() {}
}

// One line each way: words with a space between them, so paths and tags have none.

extension GuestTask {
    package var line: String {
        let (kind, address) =
            switch transport {
            case .socket(let port): ("socket", String(port))
            case .device(let tag): ("device", tag)
            }
        let check = isChecking ? "check" : "measure"
        return "\(kind) \(address) \(workload.rawValue) \(options) \(check) /\(path)"
    }

    package init?(line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 6, let workload = Workload(rawValue: words[2]),
            words[5].hasPrefix("/"), ["check", "measure"].contains(words[4])
        else { return nil }
        switch words[0] {
        case "socket":
            guard let port = UInt32(words[1]) else { return nil }
            transport = .socket(port: port)
        case "device": transport = .device(tag: words[1])
        default: return nil
        }
        self.workload = workload
        options = words[3]
        isChecking = words[4] == "check"
        path = String(words[5].dropFirst())
    }
}

extension GuestFigures {
    package var line: String {
        [nanoseconds, operations, bytes, sum, busyNanoseconds, interrupts]
            .map { String($0) }.joined(separator: " ")
    }

    package init?(line: String) {
        let numbers = line.split(separator: " ").compactMap { UInt64($0) }
        guard numbers.count == 6 else { return nil }
        nanoseconds = numbers[0]
        operations = numbers[1]
        bytes = numbers[2]
        sum = numbers[3]
        busyNanoseconds = numbers[4]
        interrupts = numbers[5]
    }
}
