import ArgumentParser
import CLinux
import NinePConformance
import TestSupport

/// `ninep-conformance`: the suite against any 9P2000.L server.
struct Conformance: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ninep-conformance",
        abstract: "Asks a 9P2000.L server what docs/9p.md promises, and prints where it differs.",
        discussion: """
            Makes a tree, and starts the server once for each question, as some questions leave \
            some servers hanging. In the server's arguments {tree} is that folder and {socket} the \
            unix socket to listen on; the export has to be read-only. For instance:

              ninep-conformance ninep-serve --export {tree} --listen unix:{socket}

            Exit codes: 0 no difference; 1 differences; 3 the server does not listen; 64 usage.
            """
    )

    @Option(help: ArgumentHelp("What to attach to; may have {tree} in it.", valueName: "name"))
    var attach = ""

    @Argument(parsing: .captureForPassthrough) var server: [String]

    func run() throws {
        clinux_ignore_signal(SIGPIPE)
        let tree = try TestTree()
        var differences = 0
        for question in ConformanceCase.all {
            let folder = try ScratchFolder()
            let socket = folder.file("socket")
            func filled(_ text: String) -> String {
                text.split(separator: "{tree}", omittingEmptySubsequences: false)
                    .joined(separator: tree.folder.path)
                    .split(separator: "{socket}", omittingEmptySubsequences: false)
                    .joined(separator: socket)
            }
            let process = try RunningCommand(server.map(filled))
            // One that hangs does not listen to SIGTERM.
            defer {
                process.signal(SIGKILL)
                _ = process.wait()
            }
            guard listens(socket) else {
                process.signal(SIGKILL)
                print("the server does not listen on {socket}:\n\(process.wait().errors)")
                throw ExitCode(3)
            }
            let peer = ConformancePeer(
                socket: socket,
                attachName: filled(attach),
                tree: tree
            )
            let observed = question.observed(peer)
            if observed == question.expected { continue }
            if differences == 0 { print("| question | promised | answered |\n|---|---|---|") }
            print("| \(question.name) | \(question.expected) | \(observed) |")
            differences += 1
        }
        print("\(differences) of \(ConformanceCase.all.count) questions answered differently")
        if differences > 0 { throw ExitCode(1) }
    }

    /// Gives it five seconds.
    private func listens(_ socket: String) -> Bool {
        for _ in 0..<500 {
            if (try? SocketTransport(unix: socket)) != nil { return true }
            usleep(10_000)
        }
        return false
    }
}

Conformance.main()
