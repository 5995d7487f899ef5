import CLinux
import SystemPackage
import TestSupport
import Testing

@testable import Orchestrator

/// Serialized: the environment is the process's.
@Suite(.serialized) struct DoctorTests {
    @Test func anOutputThatCannotBeMade() throws {
        let scratch = try ScratchFolder()
        let findings = ["/proc/x", "/proc/self/status", "/dev/null/x"].map { Doctor.space($0) }
        for finding in findings {
            #expect(finding.state == .missing)
            #expect(finding.observation.contains(" cannot be "), "\(finding.observation)")
        }
        #expect(findings[0].observation.hasPrefix("/proc/x cannot be made in /proc: "))
        let good = Doctor.space(FilePath(scratch.file("a/b")))
        #expect(good.observation.hasSuffix("MB free in \(scratch.path)"))
        #expect(try runCommand(["ls", "-A", scratch.path]).output.isEmpty)
    }

    @Test func aCommitWithoutProgramsOrKernel() throws {
        let sample = try SampleRepository(SampleTree.canonical)
        let findings = Doctor(
            target: Doctor.Target(repository: FilePath(sample.path), ref: "os/sample"),
            output: nil
        ).commit
        let programs = findings.first { $0.subject == "programs" }
        #expect(
            programs?.observation == "the commit lacks ostree, mke2fs, e2fsck, extlinux",
            "\(findings)"
        )
        #expect(programs?.remedy.contains("--bootstrap-ref") == true)
        #expect(findings.first { $0.subject == "kernel" }?.state == .missing)
    }
}
