import ArgumentParser
import Orchestrator

/// Not for users: the commit's tree as the guest sees it, to be compared with a checkout.
struct GuestListingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guest-listing",
        abstract: "Lists a commit's tree from inside the bootstrap VM, one JSON object a path.",
        shouldDisplay: false
    )

    @OptionGroup var machine: MachineFlags

    func run() throws {
        try reportingFailure { () throws(BuildError) in
            let cancellation = Cancellation()
            try cancellation.observeSignals()
            let listing = GuestListing(tools: try Tools(), cancellation: cancellation)
            for entry in try listing.run(machine.request) { print(entry.text) }
        }
    }
}
