import CLinux
import SystemIO

/// A server under one kind of load.
struct Contestant {
    let name: String
    let server: ServerProcess
    let load: Load
}

/// The rounds of one workload, each with every contestant in turn, so that what else the machine
/// does meets all of them alike.
struct Comparison {
    struct Row {
        let name: String
        /// One a round.
        let runs: [Measurement]
        /// The fastest run's to the first row's fastest: whatever else the machine does only slows.
        let speedRatio: Double
        /// Of processor times, each to the first row's of the same round; the median.
        let costRatio: Double

        func median(_ figure: (Measurement) -> Double) -> Double { runs.map(figure).median }

        func largest(_ figure: (Measurement) -> Double) -> Double { runs.map(figure).max() ?? 0 }
    }

    let workload: Workload
    let isSynchronous: Bool
    let rows: [Row]

    /// - Throws: `BenchFailure` when two contestants' data differ, or differ from the files.
    init(_ workload: Workload, _ contestants: [Contestant], rounds: Int, tree: BenchTree) throws {
        self.workload = workload
        isSynchronous = contestants.allSatisfy { $0.load.depth == 1 }
        try Self.verify(workload, contestants, tree)
        var runs = contestants.map { _ in [Measurement]() }
        for round in 0..<rounds {
            // Turn about, so that nobody always goes first.
            let order = contestants.indices.map { ($0 + round) % contestants.count }
            for index in order {
                let contestant = contestants[index]
                let run = try Measurement(workload, on: contestant.server, contestant.load)
                if let first = runs[index].first, first.sum != run.sum {
                    throw BenchFailure("\(contestant.name): other data than the round before")
                }
                runs[index].append(run)
            }
        }
        let first = runs[0]
        rows = contestants.indices.map { index in
            let pairs = Array(zip(runs[index], first))
            return Row(
                name: contestants[index].name,
                runs: runs[index],
                speedRatio: workload.fastest(runs[index]) / workload.fastest(first),
                costRatio: pairs.map {
                    workload.countsBytes
                        ? $0.serverSecondsPerByte / $1.serverSecondsPerByte
                        : $0.serverSecondsPerOperation / $1.serverSecondsPerOperation
                }.median
            )
        }
    }

    /// A round that nobody times: every byte that every server sends is that of the files.
    private static func verify(
        _ workload: Workload,
        _ contestants: [Contestant],
        _ tree: BenchTree
    ) throws {
        var expected = try tree.sum(for: workload)
        for contestant in contestants {
            var load = contestant.load
            load.checking = .all
            load.passes = 1
            let run = try Measurement(workload, on: contestant.server, load)
            if expected == nil { expected = run.sum }
            guard run.sum == expected else {
                throw BenchFailure(
                    "\(contestant.name), \(workload.name): the data is not the files'"
                )
            }
        }
    }
}

extension Workload {
    /// Whether messages of different sizes are compared by bytes rather than by number.
    var countsBytes: Bool { if case .sequential = self { true } else { false } }

    fileprivate func fastest(_ runs: [Measurement]) -> Double {
        runs.map { countsBytes ? $0.bytesPerSecond : $0.operationsPerSecond }.max() ?? 0
    }
}

extension BenchTree {
    /// What the data that a workload reads adds up to; nil for workloads that read none.
    fileprivate func sum(for workload: Workload) throws -> DataSum? {
        let files: [TreeFile]
        switch workload {
        case .sequential(let file): files = [file]
        case .smallFiles(let list): files = list
        case .walkAndStat, .listing: return nil
        }
        var sum = DataSum()
        for file in files {
            let source = try OwnedFD.open(filePath(file), O_RDONLY)
            let content = try FileMapping(source.rawValue, count: file.size)
            unsafe sum.add(content.bytes)
        }
        return sum
    }
}
