package import SystemIO

/// A running virtual machine, whatever runs it. It dies with this process; `stop()` ends it before.
package protocol Machine: AnyObject, Sendable {
    /// What messages call the program that runs it.
    static var name: String { get }
    /// What runs the guest's instructions.
    var accelerator: Accelerator { get }
    /// Waits for the machine's end, at most `milliseconds` (-1: without limit); nil while it runs.
    func wait(milliseconds: CInt) -> ChildProcess.Exit?
    /// Ends it, with all its processes.
    func stop()
    /// What the program itself complained of.
    var errorOutput: [String] { get }
    /// The guest's last words on its console.
    var consoleTail: [String] { get }
}

extension Machine {
    package var name: String { Self.name }
}
