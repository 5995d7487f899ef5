import Bootstrap
import SystemIO
import SystemPackage

/// Our boot, and our resumption of one that was saved, against a boot as anybody would write it (QEMU's own
/// choices, `-cpu max`, the commit's bzImage): all emulated, timed from QEMU's start to an agent that takes
/// requests, in turn and in one run.
package struct BootBenchmark: Sendable {
    private let tools: Tools
    private let cancellation: Cancellation

    package init(tools: Tools, cancellation: Cancellation) {
        self.tools = tools
        self.cancellation = cancellation
    }

    /// The times of one start of each kind.
    package struct Round: Sendable {
        package var ours: BootTimes
        package var resumed: BootTimes
        package var stock: BootTimes

        package var line: String {
            func seconds(_ value: Double) -> String { ProgressText.fixed(value, digits: 2) }
            func ratio(_ times: BootTimes) -> String {
                ProgressText.fixed(times.total / stock.total, digits: 3)
            }
            return "ours \(seconds(ours.total)) s, resumed \(seconds(resumed.total)) s, stock "
                + "\(seconds(stock.total)) s, ratios \(ratio(ours)), \(ratio(resumed))"
        }
    }

    /// - Parameter observe: hears of each round as it comes.
    package func run(
        _ request: BootstrapRequest,
        rounds count: Int,
        observe: (Round) -> Void
    ) throws(BuildError) -> [Round] {
        var request = request
        request.accelerator = .tcg
        let machine = try BootstrapMachine(request, tools: tools, cancellation: cancellation)
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let stock = try stockBoot(machine, folder)
        // There is a snapshot from here on.
        _ = try time(machine, resumes: true)
        var rounds: [Round] = []
        for index in 0..<count {
            // Who comes first changes, so that a host that gets slower favours nobody.
            let first = try time(machine, index % 2 == 0 ? nil : stock, resumes: false)
            let second = try time(machine, index % 2 == 0 ? stock : nil, resumes: false)
            let round = Round(
                ours: index % 2 == 0 ? first : second,
                resumed: try time(machine, resumes: true),
                stock: index % 2 == 0 ? second : first
            )
            if round.resumed.stages != nil {
                throw BuildError(.host, "the VM was booted where it was to be resumed")
            }
            observe(round)
            rounds.append(round)
        }
        return rounds
    }

    private func time(
        _ machine: BootstrapMachine,
        _ stock: VMSession.StockBoot? = nil,
        resumes: Bool
    ) throws(BuildError) -> BootTimes {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let session = try machine.start(
            in: folder,
            reporter: SilentReporter(),
            stock: stock,
            resumes: resumes
        )
        session.stop()
        return session.times
    }

    private func stockBoot(
        _ machine: BootstrapMachine,
        _ folder: PrivateFolder
    ) throws(BuildError) -> VMSession.StockBoot {
        let path = folder.path.appending("vmlinuz")
        do throws(BootstrapError) {
            let kernel = try KernelFinder.find(in: machine.commit, of: machine.repository)
            let image = try kernel.imageBytes()
            do throws(Errno) {
                try writeFileAtomically(path, image)
            } catch {
                throw BootstrapError.hostKernelUnusable(path, reason: "\(error)")
            }
        } catch {
            throw BuildError(error.isOfTheHost ? .host : .input, "\(error)")
        }
        return VMSession.StockBoot(kernel: path, commandLine: "console=ttyS0 quiet panic=-1")
    }
}

/// What a benchmark's rounds come to.
package struct BootSummary {
    /// Lines for people.
    package let lines: [String]

    package init(_ rounds: [BootBenchmark.Round]) {
        func row(_ title: String, _ value: (BootTimes) -> Double) -> String {
            let ours = Self.median(rounds.map { value($0.ours) })
            let stock = Self.median(rounds.map { value($0.stock) })
            return Self.columns([title] + Self.cells([ours, stock], of: stock))
        }
        func stage(_ title: String, _ value: (BootTimes.Stages) -> Double) -> String {
            row(title) { $0.stages.map(value) ?? 0 }
        }
        let stock = Self.median(rounds.map(\.stock.total))
        let resumed = Self.median(rounds.map(\.resumed.total))
        lines = [
            "Medians of \(rounds.count) rounds, in seconds:",
            Self.columns(["", "ours", "stock", "ratio"]),
            row("QEMU's start to the agent's hello", \.total),
            row("  of it, processor time of QEMU", \.processor),
            stage(
                "before the kernel's clock (QEMU, firmware, loading, decompression)",
                \.beforeClock
            ),
            stage("kernel, to the start of init", \.kernel),
            stage("kernel modules", \.modules),
            stage("agent, to its hello", \.agent),
            Self.columns(
                ["resumed from a snapshot instead"] + Self.cells([resumed, stock], of: stock)
            ),
        ]
    }

    /// Ours, theirs and the ratio.
    private static func cells(_ values: [Double], of stock: Double) -> [String] {
        values.map { ProgressText.fixed($0, digits: 2) }
            + [stock > 0 ? ProgressText.fixed(values[0] / stock, digits: 3) : "-"]
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        if sorted.isEmpty { return 0 }
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    private static func columns(_ cells: [String]) -> String {
        let title = cells[0] + String(repeating: " ", count: max(0, 68 - cells[0].count))
        return title
            + cells.dropFirst().map { String(repeating: " ", count: max(1, 8 - $0.count)) + $0 }
            .joined()
    }
}
