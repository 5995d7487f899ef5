import CLinux
package import SystemIO
package import SystemPackage

/// A running QEMU.
package final class QEMUMachine: Machine {
    package static let name = "QEMU"
    private let process: ChildProcess
    private let errors: FilePath
    package let accelerator: Accelerator
    private let console: FilePath?

    /// Starts QEMU.
    /// - Parameter folder: where its error output goes.
    /// - Throws: `.host` when QEMU is missing or cannot be started.
    package init(
        _ configuration: MachineConfiguration,
        accelerator: Accelerator,
        in folder: PrivateFolder,
        launcher: FilePath
    ) throws(BuildError) {
        guard let program = findProgram(QEMUCommand.program.string) else {
            throw BuildError(.host, QEMUCommand.absence, hint: QEMUCommand.remedy)
        }
        self.accelerator = accelerator
        errors = folder.path.appending("qemu-errors")
        if case .file(let path) = configuration.console { console = path } else { console = nil }
        do throws(Errno) {
            let log = try OwnedFD.open(errors, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
            process = try ChildProcess.start(
                launcher: launcher,
                program,
                QEMUCommand.arguments(configuration, accelerator: accelerator, sandbox: true),
                standardOutput: log.rawValue,
                standardError: log.rawValue,
                inherited: configuration.saving?.memory.rawValue ?? -1
            )
        } catch {
            throw BuildError(.host, "cannot start \(program): \(error)")
        }
    }

    package func wait(milliseconds: CInt) -> ChildProcess.Exit? {
        process.wait(milliseconds: milliseconds)
    }

    package func stop() { process.terminate() }

    /// Processor seconds that QEMU has used so far, all its threads, children apart (proc(5), stat:
    /// utime and stime in hundredths, as everywhere on x86); nil once it is gone.
    package var processorSeconds: Double? {
        guard
            let bytes = try? readFile(
                FilePath("/proc/\(process.processID)/stat"),
                limit: 4096
            )
        else {
            return nil
        }
        // Behind the name, which may hold anything, come state and numbers from the fourth field on.
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12])
        else { return nil }
        return (user + system) / 100
    }

    package var errorOutput: [String] { lastLines(of: errors, count: 10) }

    package var consoleTail: [String] { console.map { lastLines(of: $0, count: 100) } ?? [] }
}

extension QEMUMachine: GuestMachine {
    static let consoleDevice = "ttyS0"

    /// A virtio-serial port, which works before any other device does.
    static func openControl(in folder: FilePath) throws(BuildError) -> ControlRoad {
        let path = folder.appending("control")
        return ControlRoad(endpoint: try ControlListener(path), socket: path)
    }
}

/// The last lines of a text file, without escape sequences and carriage returns.
package func lastLines(of path: FilePath, count: Int) -> [String] {
    (try? readFile(path)).map { lastLines(of: $0, count: count) } ?? []
}

/// The same of a text.
func lastLines(of bytes: [UInt8], count: Int) -> [String] {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).suffix(count).map { line in
        var visible = ""
        var inEscape = false
        for scalar in line.unicodeScalars {
            if inEscape {
                inEscape = !(scalar.properties.isAlphabetic)
            } else if scalar == "\u{1B}" {
                inEscape = true
            } else if scalar.value >= 0x20 || scalar == "\t" {
                visible.unicodeScalars.append(scalar)
            }
        }
        return visible
    }
}
