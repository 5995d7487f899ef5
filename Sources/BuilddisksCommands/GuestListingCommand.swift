import ArgumentParser
import Orchestrator

/// Not for users: what the guest sees of the commit's tree, to be compared with a checkout, or of the
/// repository's folder, to be compared with the host's own view.
struct GuestListingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guest-listing",
        abstract: "Lists a commit's tree from inside the bootstrap VM, one JSON object a path.",
        shouldDisplay: false
    )

    @OptionGroup var machine: MachineFlags
    @Flag(help: "List the repository's folder.") var folder = false

    func run() throws {
        try reportingFailure { () throws(BuildError) in
            let cancellation = Cancellation(consequence: nil)
            try cancellation.observeSignals()
            let listing = GuestListing(tools: try Tools(), cancellation: cancellation)
            let export: GuestListing.Export = folder ? .repository : .tree
            for entry in try listing.run(machine.request, of: export) { print(entry.text) }
        }
    }
}
