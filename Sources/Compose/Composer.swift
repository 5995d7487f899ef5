import DiskImage
import OSTree
import Synchronization
import SystemIO
package import SystemPackage

/// Writes a whole bootable disk from a commit, without a VM and without privileges: the file systems
/// are ours, so ownership is a matter of bytes.
///
/// The commit is read, every block of every partition is decided, and then contents are inflated,
/// checked and written by all cores at once. The same plan always gives the same bytes.
package struct Composer: Sendable {
    package let plan: ComposePlan
    private let commit: PreparedCommit
    /// Seconds that it took to find out whether the commit can be composed.
    private let preparationSeconds: Double

    /// Reads what tells whether the commit can be composed at all; no disk is written.
    /// - Parameter scratch: a folder that is there; what is put into it is removed again.
    /// - Throws: `.needsVM` for what only libostree itself can make.
    package init(plan: ComposePlan, scratch: FilePath) throws(ComposeError) {
        let started = monotonicSeconds()
        self.plan = plan
        commit = try PreparedCommit(plan, scratch: scratch)
        preparationSeconds = monotonicSeconds() - started
    }

    /// Composes the disk into a new file at `path`; an existing one is overwritten. On failure the
    /// file is incomplete, and for the caller to remove.
    /// - Parameter progress: called from several threads.
    package func compose(
        to path: FilePath,
        threads: Int = processorCount(),
        progress: @escaping @Sendable (ComposeProgress) -> Void = { _ in }
    ) throws(ComposeError) -> ComposeFigures {
        let started = monotonicSeconds()
        var (tree, kernel) = (commit.tree, commit.kernel)
        try readTogether(&tree, &kernel, threads: threads)
        let read = monotonicSeconds()

        let extlinux = try bootloader { () throws(ExtlinuxProgram.Problem) in
            try plan.programs.bios.map { bios throws(ExtlinuxProgram.Problem) in
                try ExtlinuxProgram(executable: bios.extlinux)
            }
        }
        let order = tree.writingOrder(largeFile: ContentWriter.largeFile)
        let parts = try layOut(tree, order, kernel, extlinux)
        let image = try ImageFile(
            path,
            format: plan.format,
            diskSize: plan.layout.size,
            ranges: ranges(parts)
        )
        let laidOut = monotonicSeconds()

        let writer = ContentWriter(
            repository: plan.repository,
            tree: tree,
            order: order,
            places: ContentPlaces(
                parts.systems.map { ($0.system, $0.base, $0.contents.copies) },
                order: order,
                fileOffset: image.fileOffset(ofDisk:)
            ),
            image: image,
            threads: threads,
            progress: progress
        )
        let sha256 = try writer.run { writer throws(ComposeError) in
            try self.writeFixed(parts, extlinux, &writer)
        }
        let finished = monotonicSeconds()
        return ComposeFigures(
            objects: 1 + tree.objectCount,
            contentBytes: tree.infos.totalSize,
            imageBytes: image.size,
            sha256: sha256,
            libostree: commit.version.description,
            readSeconds: preparationSeconds + read - started,
            layoutSeconds: laidOut - read,
            writeSeconds: finished - laidOut
        )
    }

    /// File objects' headers and the kernel's checksum, on all cores.
    private func readTogether(
        _ tree: inout CommitTree,
        _ kernel: inout KernelFiles,
        threads: Int
    ) throws(ComposeError) {
        let scan = ObjectScan(repository: plan.repository, files: tree.files)
        let base = kernel
        let commitTree = tree
        let summed = Latch<Result<KernelFiles, ComposeError>>()
        let repository = plan.repository
        let sum: @Sendable () -> Void = {
            var kernel = base
            do throws(ComposeError) {
                try kernel.computeChecksum(commitTree, repository)
                summed.set(.success(kernel))
            } catch {
                summed.set(.failure(error))
            }
        }
        // Beside the scan if there is a thread for it, else before.
        do { try startThread(named: "kernel-sum", sum) } catch { sum() }
        let scanned = Result { () throws(ComposeError) in try scan.run(threads: threads) }
        kernel = try summed.wait().get()
        tree.infos = try scanned.get()
    }

    // MARK: Layout

    /// One ext4 partition: where it begins on the disk, and what is in it.
    private struct Part: Sendable {
        var system: Ext4FileSystem
        var base: UInt64
        var contents: PartitionTree
    }

    private struct Parts: Sendable {
        var systems: [Part]
        var boot: Part
        var bootPartition: Partition
        /// `ldlinux.sys`; nil without extlinux.
        var loader: PartitionTree.Node?
        /// Partition table, swap headers, EFI system partition: bytes known beforehand.
        var fixed: [DiskWrite]
    }

    private func layOut(
        _ tree: CommitTree,
        _ order: [UInt32],
        _ kernel: KernelFiles,
        _ extlinux: ExtlinuxProgram?
    ) throws(ComposeError) -> Parts {
        let osRelease = try reading { () throws(OSTreeError) in
            try plan.repository.contents(of: "usr/lib/os-release", in: plan.commit)
        }
        let entry = BootEntry(
            plan: plan,
            kernel: kernel,
            version: commit.version,
            osRelease: osRelease.map { String(decoding: $0, as: UTF8.self) }
        )
        let boot = try BootTree(
            plan: plan,
            tree: tree,
            kernel: kernel,
            entry: entry,
            extlinux: extlinux
        )
        let root = try SysrootTree(
            plan: plan,
            tree: tree,
            order: order,
            kernel: kernel,
            version: commit.version,
            labels: commit.labels
        )
        let (bootPart, partition) = try layOut(boot.partition, .boot)
        let (rootPart, _) = try layOut(root.partition, .root)
        return Parts(
            systems: [rootPart, bootPart],
            boot: bootPart,
            bootPartition: partition,
            loader: boot.loader,
            fixed: try fixedWrites()
        )
    }

    private func fixedWrites() throws(ComposeError) -> [DiskWrite] {
        var writes: [DiskWrite]
        do throws(DiskLayout.Problem) {
            writes = try plan.layout.tableSectors(bootCode: plan.programs.bios?.bootCode ?? [])
        } catch {
            throw .table(error)
        }
        for partition in plan.layout.partitions {
            guard case .swap(let label, let uuid) = partition.content else { continue }
            let header = SwapArea.header(length: partition.length, label: label, uuid: uuid)
            writes.append(DiskWrite(offset: partition.offset, bytes: header))
        }
        let system = try EFISystemPartition(plan.layout, plan.programs, created: plan.created)
        return writes + system.writes
    }

    private func layOut(
        _ contents: PartitionTree,
        _ role: PartitionRole
    ) throws(ComposeError) -> (Part, Partition) {
        guard let partition = plan.layout.partition(role),
            case .ext4(let parameters) = partition.content
        else { throw .unsuitableTree("the layout has no \(role.rawValue) partition") }
        do throws(Ext4Problem) {
            let system = try Ext4FileSystem(
                tree: contents.files,
                parameters: parameters,
                length: partition.length,
                created: plan.created
            )
            return (Part(system: system, base: partition.offset, contents: contents), partition)
        } catch {
            throw .layout(error, partition: role)
        }
    }

    private func ranges(_ parts: Parts) -> [Range<UInt64>] {
        var ranges = parts.fixed.map { $0.offset..<($0.offset + UInt64($0.bytes.count)) }
        ranges.append(parts.boot.base..<(parts.boot.base + 512))
        for part in parts.systems {
            ranges += part.system.writtenRanges.map {
                ($0.lowerBound + part.base)..<($0.upperBound + part.base)
            }
        }
        return ranges
    }

    // MARK: Everything but the commit's files

    private func writeFixed(
        _ parts: Parts,
        _ extlinux: ExtlinuxProgram?,
        _ writer: inout ImageWriter
    ) throws(ComposeError) {
        for part in parts.systems {
            try part.system.writeMetadata(to: &writer, base: part.base)
            for file in part.contents.inline {
                try write(file.bytes, to: file.node, of: part, &writer)
            }
        }
        try writeBootloader(parts, extlinux, &writer)
        for piece in parts.fixed { try writer.write(piece.bytes, at: piece.offset) }
    }

    private func writeBootloader(
        _ parts: Parts,
        _ extlinux: ExtlinuxProgram?,
        _ writer: inout ImageWriter
    ) throws(ComposeError) {
        guard let extlinux, let loader = parts.loader else { return }
        let sectors = parts.boot.system.dataRuns(of: loader).flatMap { run in
            (0..<(run.length / 512)).map { run.offset / 512 + $0 }
        }
        let partition = parts.bootPartition
        let installed = try bootloader { () throws(ExtlinuxProgram.Problem) in
            try ExtlinuxInstallation(
                program: extlinux,
                sectors: sectors,
                folder: BootTree.syslinuxFolder,
                partition: partition.range
            )
        }
        try writer.write(installed.bootSector, at: parts.boot.base)
        try write(installed.loader, to: loader, of: parts.boot, &writer)
    }

    private func write(
        _ bytes: [UInt8],
        to node: PartitionTree.Node,
        of part: Part,
        _ writer: inout ImageWriter
    ) throws(ComposeError) {
        for run in part.system.dataRuns(of: node) {
            let start = Int(clamping: run.fileOffset)
            try writer.write(
                Array(bytes[start..<(start + Int(clamping: run.length))]),
                at: part.base + run.offset
            )
        }
    }

    private func bootloader<Value>(
        _ body: () throws(ExtlinuxProgram.Problem) -> Value
    ) throws(ComposeError) -> Value {
        do throws(ExtlinuxProgram.Problem) {
            return try body()
        } catch {
            throw .bootloader(error)
        }
    }
}
