import SystemIO
import SystemPackage

/// How many disks are made at once, and what each may use.
package struct Resources: Sendable, Equatable {
    package var jobs: Int
    /// Processors of each job: of its VM, and threads of its work on the host.
    package var processors: Int

    /// Shares what the host has. A job wants two processors, and the memory of its VM and a quarter
    /// more for QEMU, packs and buffers.
    /// - Parameters:
    ///   - wanted: what the user asks for; nil takes what the host has room for.
    ///   - disks: how many there are to make.
    ///   - memory: the largest VM, in MiB.
    ///   - availableMemory: of the host, in MiB; nil where it is not known.
    package init(
        wanted: Int?,
        disks: Int,
        memory: Int,
        processors: Int = processorCount(),
        availableMemory: Int? = Self.availableMemory()
    ) {
        let byProcessors = max(1, processors / 2)
        let byMemory = availableMemory.map { max(1, $0 / (memory + memory / 4)) } ?? byProcessors
        jobs = max(1, min(disks, wanted ?? min(byProcessors, byMemory)))
        self.processors = max(1, processors / jobs)
    }

    /// MemAvailable of /proc/meminfo, in MiB.
    package static func availableMemory() -> Int? {
        guard let bytes = try? readFile("/proc/meminfo", limit: 1 << 16) else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "MemAvailable:", words.count > 1 {
                return Int(words[1]).map { $0 / 1024 }
            }
        }
        return nil
    }
}
