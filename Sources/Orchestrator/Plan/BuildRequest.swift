package import Compose
package import DiskImage
package import SystemPackage

/// What the user asks for, before anything has been looked at.
package struct BuildRequest: Sendable {
    package var repository: FilePath
    package var ref: String
    /// Names the disk among others: its name in the configuration, or the ref.
    package var target: String
    package var osname: String
    package var output: FilePath
    /// Overrides the name made from the commit and the plan.
    package var buildName: String?
    package var method: Method
    package var pull: Pull
    package var layout: Layout
    /// Of the disk, in bytes.
    package var size: UInt64
    package var format: DiskFormat
    /// Added behind the layout's own `root=…`.
    package var kernelArguments: [String]
    /// In the installed system's /etc and /var.
    package var additions: [Addition] = []
    package var accelerator: AcceleratorChoice
    /// Of the bootstrap VM, in MiB.
    package var memory: Int
    /// Check every object on the disk with the commit's own `ostree fsck` before it is published.
    package var verifiesObjects: Bool
    package var update: UpdateOptions
    package var bootstrap: BootstrapOptions

    /// How the commit's objects reach the VM's disk.
    package enum Pull: String, Sendable, CaseIterable {
        /// One stream of the objects, inflated and checked on the host, which the agent writes.
        case pack
        /// `ostree pull-local --untrusted` from the repository mounted over 9P.
        case ninep = "9p"
    }

    package enum Method: String, Sendable, CaseIterable {
        /// Compose where the commit and the layout allow it, else the VM.
        case auto
        /// In the bootstrap VM, by the commit's own tools.
        case vm
        /// Written by this process, without a VM.
        case compose
    }
    package typealias Layout = DiskLayout.Scheme

    /// So that a window and a serial console both work.
    package static let defaultKernelArguments = ["console=tty0", "console=ttyS0"]
    package static let defaultPull = Pull.pack
    package static let defaultLayout = Layout.hybrid
    package static let defaultSize: UInt64 = 16 << 30
    package static let defaultMemory = 2048
    /// With 256 MiB the tree's first program waits for memory for ever; 320 are tested.
    package static let memoryRange = 320...(1 << 20)

    package init(
        repository: FilePath,
        ref: String,
        osname: String,
        output: FilePath,
        buildName: String? = nil,
        method: Method = .auto,
        pull: Pull = BuildRequest.defaultPull,
        layout: Layout = BuildRequest.defaultLayout,
        size: UInt64 = BuildRequest.defaultSize,
        format: DiskFormat = .qcow2,
        kernelArguments: [String] = BuildRequest.defaultKernelArguments,
        accelerator: AcceleratorChoice = .auto,
        memory: Int = BuildRequest.defaultMemory,
        verifiesObjects: Bool = false,
        update: UpdateOptions = UpdateOptions(),
        bootstrap: BootstrapOptions = BootstrapOptions()
    ) {
        self.repository = repository
        self.ref = ref
        target = ref
        self.osname = osname
        self.output = output
        self.buildName = buildName
        self.method = method
        self.pull = pull
        self.layout = layout
        self.size = size
        self.format = format
        self.kernelArguments = kernelArguments
        self.accelerator = accelerator
        self.memory = memory
        self.verifiesObjects = verifiesObjects
        self.update = update
        self.bootstrap = bootstrap
    }

    /// `<osname>-<last part of the target>.<format>`, as gnome-continuous has it.
    package var diskFileName: String {
        let last = target.split(separator: "/").last.map(String.init) ?? target
        return "\(osname)-\(last).\(format.rawValue)"
    }

    /// Whether the wishes go together; the plan checks them against the repository.
    package func check() throws(BuildError) {
        let problem: String? =
            if let obstacle = Self.obstacle(toMemory: memory) {
                obstacle
            } else if update.retainedDeployments < 1 {
                "at least 1 deployment is retained"
            } else if update.from == .none && (update.publishesOverlay || update.elseFresh) {
                "overlay and else-fresh belong to a disk made from another (from)"
            } else if update.from != .none && method == .compose {
                "the method compose makes new disks only; updates need the VM"
            } else if update.publishesOverlay && format == .raw {
                "a raw disk cannot be an overlay"
            } else if pull == .ninep && bootstrap.root == .image {
                "pull 9p needs the repository over 9P, which a bootstrap root image does without"
            } else {
                bootstrap.obstacle ?? Self.obstacle(to: size, layout)
            }
        if let problem { throw BuildError(.usage, problem) }
    }

    /// Why no VM gets that memory, in MiB; nil where one can.
    package static func obstacle(toMemory memory: Int) -> String? {
        if memoryRange.contains(memory) { return nil }
        return "the memory of a VM is in MiB, from \(memoryRange.lowerBound) to "
            + "\(memoryRange.upperBound)"
    }

    /// Why a disk of that size and layout makes no sense; nil where it does.
    package static func obstacle(to size: UInt64, _ layout: Layout) -> String? {
        do throws(DiskLayout.Problem) {
            _ = try DiskLayout(layout, size: size, identity: DiskIdentity(seed: ""))
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// "4G", "512M", "1.5T" or a number of bytes; nil for anything else. Units are powers of 1024.
    package static func parseSize(_ text: String) -> UInt64? {
        let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
        var digits = text[...]
        var unit: UInt64 = 1
        if let last = text.uppercased().last, let known = units[last] {
            unit = known
            digits = digits.dropLast()
        }
        if let whole = UInt64(digits) {
            let (bytes, overflow) = whole.multipliedReportingOverflow(by: unit)
            return overflow ? nil : bytes
        }
        guard unit > 1, let value = Double(digits), value > 0, value < 1e6 else { return nil }
        return UInt64(value * Double(unit)) / 512 * 512
    }
}
