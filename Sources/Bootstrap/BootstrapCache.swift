import CLinux
import SystemIO
package import SystemPackage

/// Prepared kernels, initramfs images and snapshots of booted machines, in `$XDG_CACHE_HOME/builddisks`
/// (or `~/.cache/builddisks`).
///
/// Several processes may use it at once: an entry is a folder that appears whole by rename, is
/// checked whenever it is read, and is only evicted while nobody holds its lock.
package struct BootstrapCache: Sendable {
    package let folder: FilePath
    /// Bytes of data to keep; the least recently used entries go first.
    package let limit: UInt64

    /// Some eight kernels with their initramfs images and snapshots.
    package static let standardLimit: UInt64 = 2 << 30

    /// Makes the folder (0700) if it is missing.
    package init(folder: FilePath, limit: UInt64 = standardLimit) throws(BootstrapError) {
        self.folder = folder
        self.limit = limit
        do throws(Errno) {
            try makeDirectories(folder.removingLastComponent())
            do throws(Errno) {
                try syscall { unsafe folder.withPlatformString { unsafe mkdir($0, 0o700) } }
            } catch {
                if error != .fileExists { throw error }
            }
            let status = try FileStatus(folder)
            // What another user could write, we must not boot.
            guard status.kind == .directory, status.owner == geteuid(),
                status.permissions & 0o022 == 0
            else { throw Errno.notPermitted }
        } catch {
            throw .cacheUnusable(folder, error)
        }
    }

    /// The user's own cache.
    package static func standard() throws(BootstrapError) -> BootstrapCache {
        if let path = environmentValue("XDG_CACHE_HOME"), path.hasPrefix("/") {
            return try BootstrapCache(folder: FilePath(path).appending("builddisks"))
        }
        guard let home = environmentValue("HOME") else { throw .noCacheFolder }
        return try BootstrapCache(folder: FilePath(home).appending(".cache/builddisks"))
    }

    /// The entry `key`, made by `make` when it is missing or damaged.
    package func entry(
        _ key: String,
        make: () throws(BootstrapError) -> (data: [UInt8], facts: [String: String])
    ) throws(BootstrapError) -> CacheEntry {
        if let entry = find(key) { return entry }
        let made = try make()
        return try add(key, facts: made.facts) { file throws(Errno) in
            try writeAll(file, made.data)
        }
    }

    /// The entry `key`; nil when it is missing or damaged.
    package func find(_ key: String) -> CacheEntry? { CacheEntry(folder: folder.appending(key)) }

    /// Makes the entry `key`.
    /// - Parameter write: writes the data to a new file.
    package func add(
        _ key: String,
        facts: [String: String],
        write: (CInt) throws(Errno) -> Void
    ) throws(BootstrapError) -> CacheEntry {
        let path = folder.appending(key)
        do throws(Errno) {
            try store(facts, at: path, write)
        } catch {
            throw .cacheUnusable(folder, error)
        }
        // What was summed up a moment ago need not be again.
        guard let entry = CacheEntry(folder: path, isKnownGood: true) else {
            throw .cacheUnusable(path, .ioError)
        }
        evict()
        return entry
    }

    /// Forgets an entry that is whole and yet of no use. Who has it open keeps it.
    package func remove(_ key: String) { discard(folder.appending(key)) }

    // MARK: Writing

    private static let temporaryPrefix = "new-"

    private func store(
        _ facts: [String: String],
        at path: FilePath,
        _ write: (CInt) throws(Errno) -> Void
    ) throws(Errno) {
        let temporary = try makeTemporaryFolder(
            folder.appending(BootstrapCache.temporaryPrefix)
        )
        do throws(Errno) {
            let data = temporary.appending("data")
            try make(data, write)
            let sum = try CacheEntry.checksum(of: SharedFD(try OwnedFD.open(data, O_RDONLY)))
            let seal = CacheEntry.seal(facts: facts, checksum: sum)
            try make(temporary.appending("seal")) { file throws(Errno) in try writeAll(file, seal) }
            try publish(temporary, as: path)
        } catch {
            removeTree(temporary)
            throw error
        }
    }

    private func make(_ path: FilePath, _ write: (CInt) throws(Errno) -> Void) throws(Errno) {
        let file = try OwnedFD.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        try write(file.rawValue)
    }

    /// Gives a complete folder its name. If another process was first, its entry serves as well; a
    /// damaged one is moved out of the way.
    private func publish(_ temporary: FilePath, as path: FilePath) throws(Errno) {
        for _ in 0..<3 {
            do throws(Errno) {
                return try renameFile(temporary, path)
            } catch {
                guard error == .directoryNotEmpty || error == .fileExists else { throw error }
            }
            if CacheEntry(folder: path) != nil { return removeTree(temporary) }
            discard(path)
        }
        throw .resourceBusy
    }

    /// Takes the entry's name away first, so that nobody sees half of it.
    private func discard(_ path: FilePath) {
        guard
            let grave = try? makeTemporaryFolder(
                folder.appending(BootstrapCache.temporaryPrefix)
            )
        else { return }
        try? renameFile(path, grave.appending("entry"))
        removeTree(grave)
    }

    // MARK: Eviction

    private func evict() {
        var entries: [(path: FilePath, size: UInt64, used: Int)] = []
        for name in (try? directoryNames(folder)) ?? [] {
            let path = folder.appending(name)
            if name.hasPrefix(BootstrapCache.temporaryPrefix) {
                discardIfAbandoned(path)
                continue
            }
            guard let data = try? FileStatus(path.appending("data")),
                let seal = try? FileStatus(path.appending("seal"))
            else { continue }
            entries.append((path, data.size, seal.modified))
        }
        var total = entries.reduce(UInt64(0)) { $0 &+ $1.size }
        for entry in entries.sorted(by: { $0.used < $1.used }) where total > limit {
            if removeUnused(entry.path) { total -= entry.size }
        }
    }

    /// Removes an entry unless somebody uses it.
    private func removeUnused(_ path: FilePath) -> Bool {
        do throws(Errno) {
            let seal = try OwnedFD.open(path.appending("seal"), O_RDONLY)
            let descriptor = seal.rawValue
            try syscall { flock(descriptor, LOCK_EX | LOCK_NB) }
            discard(path)
            return true
        } catch {
            return false
        }
    }

    /// A process that was killed leaves its temporary folder: an hour later it is nobody's.
    private func discardIfAbandoned(_ path: FilePath) {
        guard let status = try? FileStatus(path), wallClock().seconds - status.modified > 3600
        else { return }
        removeTree(path)
    }
}
