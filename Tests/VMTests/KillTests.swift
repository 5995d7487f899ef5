import Foundation
import TestSupport
import Testing

/// Killed at any moment, a run leaves whole disks only, and the next run works.
extension VirtualMachineTests {
    @Suite struct KillTests {
        let environment: VMEnvironment
        let folder: ScratchFolder
        var images: String { folder.path + "/images" }

        private enum Victim: CaseIterable { case builddisks, machine }

        private enum Job: CaseIterable {
            case create, update

            var ref: String { self == .create ? VMEnvironment.ref : VMEnvironment.nextRef }
        }

        init() throws {
            environment = try VMEnvironment.shared.get()
            folder = try environment.userFolder()
        }

        /// Random moments of creating and updating: how many in `make test`, how many in
        /// `make test-full`.
        private struct Trials {
            var accelerator: String
            var count: Int
            var fullCount: Int

            static let all =
                [Trials(accelerator: VMEnvironment.quickAccelerator, count: 10, fullCount: 100)]
                + (VMEnvironment.hasUserModeLinux
                    ? [Trials(accelerator: "tcg", count: 2, fullCount: 20)] : [])
        }

        /// The seed is printed, and taken from BUILDDISKS_SEED.
        @Test(.timeLimit(.minutes(60)), arguments: Trials.all)
        private func atRandomMoments(_ trials: Trials) throws {
            let variables = ProcessInfo.processInfo.environment
            let accelerator = trials.accelerator
            let count = variables["BUILDDISKS_FULL"] == nil ? trials.count : trials.fullCount
            let seed =
                variables["BUILDDISKS_SEED"].flatMap { UInt64($0) } ?? .random(in: 0..<1_000_000)
            print("KillTests: \(accelerator), BUILDDISKS_SEED=\(seed)")
            var random = SplitMix(seed: seed)
            try succeed(["--method", "compose", "--build", "base"], on: accelerator)
            var seconds: [Job: Double] = [:]
            for job in Job.allCases {
                let began = Date()
                try succeed(arguments(job, build: "whole-\(job)"), ref: job.ref, on: accelerator)
                seconds[job] = Date().timeIntervalSince(began)
            }
            for number in 0..<count {
                let job = Job.allCases[number % 2]
                let victim = try #require(Victim.allCases.randomElement(using: &random))
                let moment = Double.random(in: 0...1, using: &random) * (seconds[job] ?? 0)
                let trial = "\(number): \(victim) killed \(moment) s into \(job), seed \(seed)"
                let running = arguments(job, build: "trial-\(number)")
                try kill(
                    victim,
                    after: moment,
                    command(running, ref: job.ref, on: accelerator),
                    build: "trial-\(number)",
                    trial
                )
                // Of every few, the next run is the same once more.
                if number % 5 == 4 {
                    try succeed(running, ref: job.ref, on: accelerator)
                } else {
                    try succeed(
                        ["--method", "compose", "--build", "next-\(number)"],
                        on: accelerator
                    )
                }
                let left = try leftovers(folder.path)
                #expect(left.isEmpty, "\(trial)")
                try forgetTrials()
            }
        }

        private func arguments(_ job: Job, build: String) -> [String] {
            let source = images + "/base/tiny-main.qcow2"
            return ["--build", build] + (job == .update ? ["--from", source] : [])
        }

        private func command(
            _ more: [String],
            ref: String,
            on accelerator: String
        ) -> [String] {
            OrdinaryUser.prefix + environment.build(into: images, ref: ref)
                + (more.contains("compose") ? [] : ["--accel", accelerator]) + more
        }

        private func succeed(
            _ more: [String],
            ref: String = VMEnvironment.ref,
            on accelerator: String
        ) throws {
            let result = try runCommand(
                command(more, ref: ref, on: accelerator),
                environment: userVariables(folder)
            )
            try #require(result.status == 0, "\(more): \(result.errors)")
        }

        private func kill(
            _ victim: Victim,
            after moment: Double,
            _ command: [String],
            build: String,
            _ trial: String
        ) throws {
            let before = try PublishedState(images)
            let running = try RunningCommand(command, environment: userVariables(folder))
            Thread.sleep(forTimeInterval: moment)
            let machine = victim == .machine ? try self.machine() : nil
            if let machine {
                _ = Foundation.kill(machine, SIGKILL)
            } else {
                running.signal(SIGKILL)
            }
            let result = running.wait()
            if machine != nil {
                // It may have been at its very start, or at its end.
                #expect([0, 3, 5].contains(result.status), "\(trial): \(result.errors)")
                let left = try leftovers(folder.path)
                #expect(left.isEmpty, "\(trial)")
            } else {
                // The kernel ends the children with their parent.
                for _ in 0..<100 where try !processes(of: folder.path).isEmpty {
                    usleep(100_000)
                }
                #expect(try processes(of: folder.path) == [], "\(trial)")
            }
            let after = try PublishedState(images)
            #expect(after.builds.subtracting([build]) == before.builds, "\(trial)")
            #expect([before.current, build].contains(after.current), "\(trial)")
        }

        /// The process id of this test's QEMU, or of the guest's kernel: the oldest of the processes
        /// of User-mode Linux, which all have its command line.
        private func machine() throws -> Int32? {
            let found = try runCommand([
                "pgrep", "-o", "-f", "--", "^/usr/bin/(qemu-system|linux.uml).*" + folder.path,
            ])
            return found.output.split(separator: "\n").first.flatMap { Int32($0) }
        }

        /// Disks that no later trial needs.
        private func forgetTrials() throws {
            let state = try PublishedState(images)
            for name in state.builds where name != "base" && name != state.current {
                try FileManager.default.removeItem(atPath: images + "/" + name)
            }
        }
    }
}
