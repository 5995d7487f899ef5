import OSTree
import Synchronization
import SystemIO

/// Inflated objects in files without a name, from which a carrier can copy to a client.
///
/// Whoever reads asks for the file each time, so files may go while fids are open. One that a reply is
/// still to be sent from stays, as its memory would not come free: all that there is counts here,
/// and stays within the limits but for what is being inflated.
final class InflatedFiles: Sendable {
    struct Found: Sendable {
        let file: SharedFD
        /// Whether a reply may hold the file until it is sent. Not while there is more than the limits
        /// allow: a client that does not read would keep it so.
        let mayBeHeld: Bool
    }

    private struct Entry {
        /// One of the two is there: the file, or what waits for it.
        var file: SharedFD?
        var inflation: Inflation?
        let size: Int
        var used: UInt64
    }

    private struct State {
        var entries: [Checksum: Entry] = [:]
        var size = 0
        var clock: UInt64 = 0
    }

    private enum Step {
        case done(Found)
        case wait(Inflation)
    }

    private let sizeLimit: Int
    private let countLimit: Int
    private let state = Mutex(State())

    /// - Parameter sizeLimit: bytes.
    init(sizeLimit: Int, countLimit: Int) {
        self.sizeLimit = sizeLimit
        self.countLimit = max(1, countLimit)
    }

    /// Bytes, and number of files.
    var usage: (cost: Int, count: Int) { state.withLock { ($0.size, $0.entries.count) } }

    /// The file of an object that is inflated. Does not wait for one that is being inflated.
    func finished(_ checksum: Checksum) -> Found? {
        state.withLock { find(checksum, &$0) }
    }

    /// The file of an object; inflates it, or waits for another thread that does. What fails leaves
    /// nothing behind.
    func file(
        _ checksum: Checksum,
        size: Int,
        _ inflate: () throws(OSTreeError) -> SharedFD
    ) throws(OSTreeError) -> Found {
        // What is dropped for it goes as the lock is free again: that gives back memory, and takes time.
        let (step, _) = state.withLock { state -> (Step, [SharedFD]) in
            if let found = find(checksum, &state) { return (.done(found), []) }
            if let known = state.entries[checksum]?.inflation { return (.wait(known), []) }
            let inflation = Inflation()
            state.clock &+= 1
            state.entries[checksum] = Entry(
                inflation: inflation,
                size: size,
                used: state.clock
            )
            state.size += size
            return (.wait(inflation), evict(&state))
        }
        switch step {
        case .done(let found): return found
        case .wait(let inflation):
            let file = try inflation.file { () throws(OSTreeError) in
                do throws(OSTreeError) {
                    let file = try inflate()
                    finish(checksum, with: file)
                    return file
                } catch {
                    finish(checksum, with: nil)
                    throw error
                }
            }
            return state.withLock { Found(file: file, mayBeHeld: isWithinLimits($0)) }
        }
    }

    /// Drops about half, as the process or the system has no descriptors left.
    func closeIdle() {
        _ = state.withLock { evict(&$0, downTo: $0.size / 2, count: $0.entries.count / 2) }
    }

    private func find(_ checksum: Checksum, _ state: inout State) -> Found? {
        guard let place = state.entries.index(forKey: checksum),
            let file = state.entries.values[place].file
        else { return nil }
        state.clock &+= 1
        state.entries.values[place].used = state.clock
        return Found(file: file, mayBeHeld: isWithinLimits(state))
    }

    private func finish(_ checksum: Checksum, with file: SharedFD?) {
        state.withLock { state in
            guard let place = state.entries.index(forKey: checksum) else { return }
            if let file {
                state.entries.values[place].file = file
                state.entries.values[place].inflation = nil
            } else {
                state.size -= state.entries.remove(at: place).value.size
            }
        }
    }

    private func isWithinLimits(_ state: borrowing State) -> Bool {
        state.size <= sizeLimit && state.entries.count <= countLimit
    }

    /// Goes down to three quarters at once, so that the sorting is paid for by many files.
    private func evict(_ state: inout State) -> [SharedFD] {
        if isWithinLimits(state) { return [] }
        return evict(&state, downTo: sizeLimit / 4 * 3, count: countLimit / 4 * 3)
    }

    /// Those unused for longest go first; those that somebody holds, or waits for, stay.
    private func evict(
        _ state: inout State,
        downTo size: Int,
        count: Int
    ) -> [SharedFD] {
        var dropped: [SharedFD] = []
        let order = state.entries.map { (checksum: $0.key, used: $0.value.used) }
        for (checksum, _) in order.sorted(by: { $0.used < $1.used }) {
            if state.size <= size && state.entries.count <= count { break }
            guard let place = state.entries.index(forKey: checksum),
                isKnownUniquelyReferenced(&state.entries.values[place].file)
            else { continue }
            let entry = state.entries.remove(at: place).value
            state.size -= entry.size
            if let file = entry.file { dropped.append(file) }
        }
        return dropped
    }
}

/// One object's file on its way. The first reader makes it; others wait for it.
private final class Inflation: Sendable {
    private let result = Mutex<Result<SharedFD, OSTreeError>?>(nil)

    func file(
        _ make: () throws(OSTreeError) -> SharedFD
    ) throws(OSTreeError) -> SharedFD {
        let result = result.withLock { result in
            if let known = result { return known }
            let made = Result { () throws(OSTreeError) in try make() }
            result = made
            return made
        }
        return try result.get()
    }
}
