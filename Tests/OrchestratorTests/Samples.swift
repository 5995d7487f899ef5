@testable import Orchestrator

/// A record as a build would write it.
func sampleDisk(
    _ file: String,
    identity: String = "1d",
    commitTime: Int = 1_600_000_000,
    timeline: Timeline = Timeline()
) -> DiskRecord {
    DiskRecord(
        file: file,
        target: file,
        osname: "os",
        ref: "os/ref",
        commit: String(repeating: "c", count: 64),
        commitTime: commitTime,
        version: nil,
        plan: "a1",
        identity: identity,
        updatedFrom: nil,
        method: "vm",
        layout: "bios",
        kernelArguments: ["a=\"b\"", "quiet"],
        format: "qcow2",
        sha256: "5a",
        virtualBytes: 1 << 30,
        allocatedBytes: 123_456_789,
        seconds: ["pull": 1.5, "total": 2.25],
        accelerator: "tcg",
        guestKernel: "6.1.0",
        libostree: "2022.7",
        bootBinaries: [:],
        timeline: timeline,
        carriedFrom: nil
    )
}

func sampleBuild(
    _ name: String,
    published: Int,
    disks: [DiskRecord] = [sampleDisk("os-ref.qcow2")]
) -> BuildRecord {
    BuildRecord(
        build: name,
        published: published,
        seconds: 3,
        disks: disks,
        failed: [BuildRecord.Failure(target: "x", exitCode: 4, message: "no <such> ref")],
        versions: BuildRecord.Versions(builddisks: "1", qemu: nil, kernel: "6.1.0")
    )
}

let sampleTimeline = Timeline(
    phases: [
        Timeline.Span(phase: "boot", start: 0.5, seconds: 3),
        Timeline.Span(phase: "pull", start: 3.5, seconds: 6),
    ],
    steps: [
        Timeline.Step(step: "pull <the> commit", start: 3.6, seconds: 5.5, user: 2, system: 1)
    ],
    transfers: [Timeline.Transfer(start: 4, end: 8, bytes: 400e6)]
)
