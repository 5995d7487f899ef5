/// Who is there. The two versions come first in every version of the protocol.
package struct Hello: WireValue {
    /// Oldest and newest version that the agent speaks.
    package var oldestVersion: UInt16
    package var newestVersion: UInt16
    /// `uname -r`.
    package var kernelRelease: String
    /// Which build of the agent, for messages about a mismatch.
    package var agentBuild: String
    /// Since the kernel started.
    package var uptimeMilliseconds: UInt64
    /// Uptime when the agent's program started.
    package var agentStartMilliseconds: UInt64
    /// How long it took to load the kernel modules.
    package var moduleMilliseconds: UInt64

    package init(
        oldestVersion: UInt16 = ControlProtocol.version,
        newestVersion: UInt16 = ControlProtocol.version,
        kernelRelease: String,
        agentBuild: String,
        uptimeMilliseconds: UInt64,
        agentStartMilliseconds: UInt64 = 0,
        moduleMilliseconds: UInt64 = 0
    ) {
        self.oldestVersion = oldestVersion
        self.newestVersion = newestVersion
        self.kernelRelease = kernelRelease
        self.agentBuild = agentBuild
        self.uptimeMilliseconds = uptimeMilliseconds
        self.agentStartMilliseconds = agentStartMilliseconds
        self.moduleMilliseconds = moduleMilliseconds
    }

    package init(from reader: inout WireReader) throws(WireError) {
        oldestVersion = try reader.integer()
        newestVersion = try reader.integer()
        kernelRelease = try reader.string()
        agentBuild = try reader.string()
        uptimeMilliseconds = try reader.integer()
        agentStartMilliseconds = try reader.integer()
        moduleMilliseconds = try reader.integer()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(oldestVersion)
        writer.append(newestVersion)
        writer.append(kernelRelease)
        writer.append(agentBuild)
        writer.append(uptimeMilliseconds)
        writer.append(agentStartMilliseconds)
        writer.append(moduleMilliseconds)
    }
}

/// A sign of life.
package struct Heartbeat: WireValue {
    package var uptimeMilliseconds: UInt64
    /// MemAvailable.
    package var availableKiB: UInt64
    /// The request in work.
    package var active: RequestID?

    package init(uptimeMilliseconds: UInt64, availableKiB: UInt64, active: RequestID?) {
        self.uptimeMilliseconds = uptimeMilliseconds
        self.availableKiB = availableKiB
        self.active = active
    }

    package init(from reader: inout WireReader) throws(WireError) {
        uptimeMilliseconds = try reader.integer()
        availableKiB = try reader.integer()
        active = try reader.optional()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(uptimeMilliseconds)
        writer.append(availableKiB)
        writer.append(active)
    }
}

/// One line of the agent's log.
package struct LogLine: WireValue {
    package enum Level: UInt8, WireValue { case debug = 1, info, warning, error }

    package var level: Level
    package var text: String

    package init(level: Level, text: String) {
        self.level = level
        self.text = text
    }

    package init(from reader: inout WireReader) throws(WireError) {
        level = try reader.value()
        text = try reader.string()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(level)
        writer.append(text)
    }
}

/// How far a step is. Units are the step's own (`step` names what is counted).
package struct Progress: WireValue {
    package var step: String
    package var done: UInt64
    /// 0 when unknown.
    package var total: UInt64

    package init(step: String, done: UInt64, total: UInt64) {
        self.step = step
        self.done = done
        self.total = total
    }

    package init(from reader: inout WireReader) throws(WireError) {
        step = try reader.string()
        done = try reader.integer()
        total = try reader.integer()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(step)
        writer.append(done)
        writer.append(total)
    }
}

/// What the guest used since it started; answers `Request.statistics`.
package struct Statistics: WireValue {
    package var uptimeMilliseconds: UInt64
    package var totalKiB: UInt64
    package var availableKiB: UInt64
    /// Sums over all CPUs (/proc/stat), in milliseconds.
    package var userMilliseconds: UInt64
    package var systemMilliseconds: UInt64
    package var idleMilliseconds: UInt64
    package var ioWaitMilliseconds: UInt64

    package init(
        uptimeMilliseconds: UInt64,
        totalKiB: UInt64,
        availableKiB: UInt64,
        userMilliseconds: UInt64,
        systemMilliseconds: UInt64,
        idleMilliseconds: UInt64,
        ioWaitMilliseconds: UInt64
    ) {
        self.uptimeMilliseconds = uptimeMilliseconds
        self.totalKiB = totalKiB
        self.availableKiB = availableKiB
        self.userMilliseconds = userMilliseconds
        self.systemMilliseconds = systemMilliseconds
        self.idleMilliseconds = idleMilliseconds
        self.ioWaitMilliseconds = ioWaitMilliseconds
    }

    package init(from reader: inout WireReader) throws(WireError) {
        uptimeMilliseconds = try reader.integer()
        totalKiB = try reader.integer()
        availableKiB = try reader.integer()
        userMilliseconds = try reader.integer()
        systemMilliseconds = try reader.integer()
        idleMilliseconds = try reader.integer()
        ioWaitMilliseconds = try reader.integer()
    }

    package func encode(into writer: inout WireWriter) {
        writer.append(uptimeMilliseconds)
        writer.append(totalKiB)
        writer.append(availableKiB)
        writer.append(userMilliseconds)
        writer.append(systemMilliseconds)
        writer.append(idleMilliseconds)
        writer.append(ioWaitMilliseconds)
    }
}
