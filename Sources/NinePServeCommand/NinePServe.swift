package import ArgumentParser
import CLinux
import NinePServer
import OSTree
import OSTreeExport
import SystemIO
import SystemPackage

/// `ninep-serve`: the server alone, for any guest or client.
package struct NinePServe: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ninep-serve",
        abstract: "Serves folders and OSTree commits, read-only, over 9P2000.L.",
        discussion: """
            A client chooses an export by name (aname); without a name it gets the first. \
            SIGUSR1 prints the statistics, SIGTERM and SIGINT end the server.

            Exit codes: 0 done; 2 usage; 3 cannot listen; 4 an export cannot be read.
            """
    )

    @Option(
        name: .customLong("export"),
        help: ArgumentHelp(
            "What to serve; may be repeated.",
            valueName: "[name=]path|name=ostree:repo:ref"
        )
    )
    var exports: [ExportArgument]

    @Option(
        name: .customLong("listen"),
        help: ArgumentHelp(
            "Where; may be repeated. TCP is on the loopback address unless told otherwise.",
            valueName: "unix:path|tcp:[address:]port|vsock:port|vhost-user:path"
        )
    )
    var listeners: [ListenArgument]

    @Flag(help: "Print every message, decoded, on standard error.")
    var trace = false

    @Flag(help: "Print counts, bytes and latencies per message type at the end.")
    var stats = false

    @Option(help: ArgumentHelp("Largest message, 4096 to 1048576.", valueName: "bytes"))
    var msize: UInt32 = 1 << 20

    package init() {}

    package func validate() throws {
        guard (4096...(1 << 20)).contains(msize) else {
            throw ValidationError("--msize has to be between 4096 and 1048576.")
        }
        guard !exports.isEmpty else { throw ValidationError("Nothing to serve: give --export.") }
        guard !listeners.isEmpty else { throw ValidationError("Nowhere to listen: give --listen.") }
        var names: Set<String> = []
        for export in exports where !names.insert(export.name).inserted {
            // Nobody could attach to the second.
            throw ValidationError("Two exports have the name \"\(export.name)\".")
        }
    }

    /// Runs the command line and ends with its exit code. A command line that cannot be understood is
    /// 2, where the parser would have 64.
    package static func runToEnd() -> Never {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch  where exitCode(for: error) == .validationFailure {
            printError(fullMessage(for: error))
            exit(withError: ExitCode(2))
        } catch {
            exit(withError: error)
        }
        exit()
    }

    package func run() throws {
        let signals = SignalWait([SIGINT, SIGTERM, SIGHUP, SIGUSR1])
        raiseDescriptorLimit()
        var limits = Limits()
        limits.messageSize = msize
        let observer = ServeObserver(trace: trace, statistics: stats)
        let service = NinePService(
            exports: ExportTable(try openExports()),
            limits: limits,
            observer: observer
        )
        let carriers = try Carriers(listeners, service: service, exports: exports.map(\.name))
        while signals.next() == SIGUSR1 { report(observer) }
        carriers.stop()
        report(observer)
    }

    private func report(_ observer: ServeObserver?) {
        if let statistics = observer?.statistics { printError(statistics.table()) }
    }

    private func openExports() throws -> [(name: String, export: any Export)] {
        let budget = DescriptorBudget()
        return try exports.map { argument in
            do {
                switch argument.source {
                case .folder(let path):
                    return (argument.name, try HostTree(path: path, budget: budget))
                case .commit(let repository, let ref):
                    return (argument.name, try openCommit(repository, ref, argument, budget))
                }
            } catch let error as Errno {
                printError("ninep-serve: cannot serve \(argument): \(error)")
                throw ExitCode(4)
            }
        }
    }

    private func openCommit(
        _ repository: FilePath,
        _ ref: String,
        _ argument: ExportArgument,
        _ budget: DescriptorBudget
    ) throws -> any Export {
        do throws(OSTreeError) {
            let repository = try Repository(path: repository)
            let commit = try repository.commit(try repository.resolve(ref))
            return try CommitTree(repository: repository, commit: commit, budget: budget)
        } catch {
            printError("ninep-serve: cannot serve \(argument): \(error.description)")
            throw ExitCode(4)
        }
    }
}
