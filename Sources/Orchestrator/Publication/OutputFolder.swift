import CLinux
import SystemIO
package import SystemPackage

/// The folder that builds are published in:
///
///     DIR/<build>/<osname>-<last part of the target>.qcow2   one of each disk
///     DIR/<build>/build.json
///     DIR/current -> <build>
///     DIR/.work-<pid>/                   while a build is made
///     DIR/.lock
///
/// A build appears by one rename, and `current` changes by another: at every moment both are a whole
/// earlier or later state.
package final class OutputFolder: Sendable {
    package let path: FilePath
    private let lock: FileLock

    private static let workPrefix = ".work-"
    private static let oldPrefix = ".old-"

    /// Opens (makes) the folder, takes its lock, and removes what a killed run left.
    /// - Throws: `.busy` when another run holds it, `.host` when it cannot be written.
    package init(_ path: FilePath) throws(BuildError) {
        self.path = path
        do throws(Errno) {
            try makeDirectories(path)
        } catch {
            throw .system(error, "cannot make the output folder", path)
        }
        do throws(Errno) {
            lock = try FileLock(path.appending(".lock"))
        } catch .wouldBlock {
            throw BuildError(
                .busy,
                "another run of builddisks is writing to \(path)",
                hint: "Wait for it to end, or choose another --output."
            )
        } catch {
            throw .system(error, "cannot write in the output folder", path)
        }
        for name in (try? directoryNames(path)) ?? []
        where name.hasPrefix(Self.workPrefix) || name.hasPrefix(".current.")
            || name.hasPrefix(Self.oldPrefix)
        {
            removeTree(path.appending(name))
        }
    }

    /// The names of all folders that may be builds.
    package var builds: [String] {
        ((try? directoryNames(path)) ?? []).filter { name in
            !name.hasPrefix(".")
                && (try? FileStatus(path.appending(name), followingLinks: false))?.kind
                    == .directory
        }
    }

    /// Removes a build; it disappears in one step, and the next run completes what a killed one began.
    package func remove(_ build: String) {
        let old = path.appending(Self.oldPrefix + build)
        try? renameFile(folder(of: build), old)
        removeTree(old)
    }

    /// The folder of a published build, whether it exists or not.
    package func folder(of build: String) -> FilePath { path.appending(build) }

    package func exists(_ build: String) -> Bool {
        fileExists(folder(of: build))
    }

    /// An empty folder for the build's files; removed by the next run if this one never publishes.
    package func makeWorkFolder(for build: String) throws(BuildError) -> FilePath {
        let work = path.appending(Self.workPrefix + build)
        do throws(Errno) {
            try makeDirectories(work)
        } catch {
            throw .system(error, "cannot make", work)
        }
        return work
    }

    /// Makes all of `work` durable, renames it to the build's folder and lets `current` name it.
    package func publish(_ work: FilePath, as build: String) throws(BuildError) {
        do throws(Errno) {
            for name in try directoryNames(work) { try flushFile(work.appending(name)) }
            try flushFile(work)
            try renameFile(work, folder(of: build))
        } catch {
            throw .system(error, "cannot publish", folder(of: build))
        }
        try makeCurrent(build)
    }

    /// Lets `current` name a published build, in one step.
    package func makeCurrent(_ build: String) throws(BuildError) {
        let temporary = path.appending(".current.\(getpid())")
        do throws(Errno) {
            try? removeFile(temporary)
            try makeSymlink(temporary, to: build)
            try renameFile(temporary, path.appending("current"))
            try flushFile(path)
        } catch {
            throw .system(error, "cannot swap", path.appending("current"))
        }
    }

    /// The build that `current` names.
    package var current: String? {
        try? symlinkTarget(path.appending("current"))
    }
}
