internal import CLinux
internal import SystemIO
package import SystemPackage

extension SELinuxPolicy {
    /// Why a commit's policy gives no labels, though it has one.
    package enum Unreadable: Error, Sendable {
        case repository(OSTreeError)
        /// What stands in the way, as a sentence without its full stop.
        case policy(String)
        case scratch(FilePath, Errno)
    }

    /// The policy that a commit brings in `/usr/etc/selinux`.
    /// - Parameter scratch: a folder that is made, and removed again.
    /// - Returns: nil where the commit has no policy, or has it switched off.
    package static func read(
        from commit: Commit,
        in repository: Repository,
        scratch: FilePath
    ) throws(Unreadable) -> SELinuxPolicy? {
        let files = PolicyFiles(commit: commit, repository: repository)
        guard try files.hasConfiguration() else { return nil }
        guard isSupported else {
            throw .policy(
                "the commit has an SELinux policy (/usr/etc/selinux), and this host's libostree was "
                    + "built without SELinux"
            )
        }
        // What libselinux has read it does not look at again.
        defer { removeTree(scratch) }
        try files.write(to: scratch)
        do throws(OSTreeError) {
            return try SELinuxPolicy(root: scratch)
        } catch {
            throw .policy("the commit's SELinux policy cannot be read on this host: \(error)")
        }
    }
}

/// What of a commit's policy libostree reads to know labels.
private struct PolicyFiles {
    let commit: Commit
    let repository: Repository

    private static let folder = "usr/etc/selinux"

    func hasConfiguration() throws(SELinuxPolicy.Unreadable) -> Bool {
        try reading { () throws(OSTreeError) in
            try repository.entry(at: Self.folder + "/config", in: commit) != nil
        }
    }

    func write(to root: FilePath) throws(SELinuxPolicy.Unreadable) {
        try write(Self.folder, to: root) { $0 == "config" }
        let selinux = try directory(Self.folder)
        for type in selinux?.directories ?? [] {
            let folder = Self.folder + "/" + String(decoding: type.name, as: UTF8.self)
            // The compiled form (*.bin) says the same in a format that a host need not trust.
            try write(folder + "/contexts/files", to: root) { !$0.hasSuffix(".bin") }
            try write(folder + "/policy", to: root) { $0.hasPrefix("policy.") }
        }
    }

    private func directory(_ path: String) throws(SELinuxPolicy.Unreadable) -> DirTree? {
        try reading { () throws(OSTreeError) in try repository.directory(at: path, in: commit) }
    }

    private func write(
        _ path: String,
        to root: FilePath,
        where isWanted: (String) -> Bool
    ) throws(SELinuxPolicy.Unreadable) {
        guard let folder = try directory(path) else { return }
        let target = root.appending(path)
        do throws(Errno) { try makeDirectories(target, mode: 0o700) } catch {
            throw .scratch(target, error)
        }
        for file in folder.files {
            let name = String(decoding: file.name, as: UTF8.self)
            guard isWanted(name) else { continue }
            let content = try reading { () throws(OSTreeError) in
                try repository.contents(of: "\(path)/\(name)", in: commit)
            }
            guard let content else {
                throw .policy("/\(path)/\(name), of the SELinux policy, is a link")
            }
            let output = target.appending(name)
            do throws(Errno) {
                let file = try OwnedFD.open(output, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
                try writeAll(file.rawValue, content)
            } catch {
                throw .scratch(output, error)
            }
        }
    }

    private func reading<Value>(
        _ body: () throws(OSTreeError) -> Value
    ) throws(SELinuxPolicy.Unreadable) -> Value {
        do throws(OSTreeError) { return try body() } catch { throw .repository(error) }
    }
}
