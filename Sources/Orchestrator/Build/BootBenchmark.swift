import Bootstrap
import SystemIO
import SystemPackage

/// Our boot against one as anybody would write it (QEMU's own choices, `-cpu max`, the commit's bzImage),
/// both emulated, both timed from QEMU's start to the agent's hello, in turn and in one run.
package struct BootBenchmark: Sendable {
    private let tools: Tools
    private let cancellation: Cancellation

    package init(tools: Tools, cancellation: Cancellation) {
        self.tools = tools
        self.cancellation = cancellation
    }

    /// The times of one boot of each kind.
    package struct Pair: Sendable {
        package var ours: BootTimes
        package var stock: BootTimes

        package var line: String {
            func seconds(_ value: Double) -> String { ProgressText.fixed(value, digits: 2) }
            return "ours \(seconds(ours.total)) s, stock \(seconds(stock.total)) s, ratio "
                + ProgressText.fixed(ours.total / stock.total, digits: 3)
        }
    }

    /// - Parameter observe: hears of each pair as it comes.
    package func run(
        _ request: BootstrapRequest,
        pairs count: Int,
        observe: (Pair) -> Void
    ) throws(BuildError) -> [Pair] {
        var request = request
        request.accelerator = .tcg
        let machine = try BootstrapMachine(request, tools: tools, cancellation: cancellation)
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let stock = try stockBoot(machine, folder)
        var pairs: [Pair] = []
        for index in 0..<count {
            // Who comes first changes, so that a host that gets slower favours nobody.
            let first = try time(machine, index % 2 == 0 ? nil : stock)
            let second = try time(machine, index % 2 == 0 ? stock : nil)
            let pair =
                index % 2 == 0
                ? Pair(ours: first, stock: second) : Pair(ours: second, stock: first)
            observe(pair)
            pairs.append(pair)
        }
        return pairs
    }

    private func time(
        _ machine: BootstrapMachine,
        _ stock: VMSession.StockBoot?
    ) throws(BuildError) -> BootTimes {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let session = try machine.start(
            in: folder,
            reporter: SilentReporter(),
            stock: stock
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

/// What a benchmark's pairs come to.
package struct BootSummary {
    /// Lines for people.
    package let lines: [String]

    package init(_ pairs: [BootBenchmark.Pair]) {
        func row(_ title: String, _ value: (BootTimes) -> Double) -> String {
            let ours = Self.median(pairs.map { value($0.ours) })
            let stock = Self.median(pairs.map { value($0.stock) })
            let ratio = stock > 0 ? ProgressText.fixed(ours / stock, digits: 3) : "-"
            return Self.columns([
                title, ProgressText.fixed(ours, digits: 2), ProgressText.fixed(stock, digits: 2),
                ratio,
            ])
        }
        lines = [
            "Medians of \(pairs.count) pairs, in seconds:",
            Self.columns(["", "ours", "stock", "ratio"]),
            row("QEMU's start to the agent's hello", \.total),
            row("  of it, processor time of QEMU", \.processor),
            row(
                "before the kernel's clock (QEMU, firmware, loading, decompression)",
                \.beforeClock
            ),
            row("kernel, to the start of init", \.kernel),
            row("kernel modules", \.modules),
            row("agent, to its hello", \.agent),
        ]
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
