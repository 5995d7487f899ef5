// swift-tools-version: 6.3
import PackageDescription

/// One set of settings for every Swift target: warnings are errors, and each unsafe use is marked.
/// `_GNU_SOURCE` has to come by compiler flag: defined in a header it does not bring O_DIRECT.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-Xcc", "-D_GNU_SOURCE"]),
]

/// Tests use pointers freely; everything else holds for them too.
let strictTests: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-Xcc", "-D_GNU_SOURCE"]),
]

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let toml: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")
let arguments: Target.Dependency = .product(
    name: "ArgumentParser",
    package: "swift-argument-parser"
)

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
    _ name: String,
    _ dependencies: [Target.Dependency],
    exclude: [String] = []
) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies,
        exclude: exclude,
        swiftSettings: strictTests
    )
}

let package = Package(
    name: "builddisks",
    products: [
        .executable(name: "builddisks", targets: ["builddisks"]),
        .executable(name: "ninep-serve", targets: ["ninep-serve"]),
        .executable(name: "builddisks-agent", targets: ["builddisks-agent"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: [
        // C: headers and a few inline functions; no logic.
        .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
        .target(name: "CAgentStart", cSettings: [.define("_GNU_SOURCE")]),
        .systemLibrary(
            name: "COSTree",
            pkgConfig: "ostree-1",
            providers: [.apt(["libostree-dev", "libglib2.0-dev"])]
        ),
        .systemLibrary(
            name: "CCompression",
            pkgConfig: "liblzma libzstd liblz4 zlib libdeflate",
            providers: [.apt(["liblzma-dev", "libzstd-dev", "liblz4-dev", "libdeflate-dev"])]
        ),
        .systemLibrary(
            name: "CCrypto",
            pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"])]
        ),

        // The operating system.
        library("SystemIO", ["CLinux", system]),

        // Wire formats and disk formats: no I/O.
        library("NineP", []),
        library("Checksums", []),
        library("GuestProtocol", ["Checksums"]),
        library("PackFormat", ["GuestProtocol", "Checksums"]),
        library("DiskImage", ["Checksums"]),

        // What carries bytes, and who serves them.
        library("ByteStream", ["SystemIO", system]),
        library("NinePServer", ["NineP", "ByteStream", "SystemIO", "CLinux", system]),
        library("VirtioSocket", ["ByteStream", "SystemIO", "CLinux", system]),

        // OSTree on the host.
        library("OSTree", ["COSTree", "CCompression", "CCrypto", "SystemIO", "CLinux", system]),
        library(
            "OSTreeExport",
            ["OSTree", "NineP", "NinePServer", "ByteStream", "SystemIO", "CLinux", system]
        ),

        library("Pack", ["OSTree", "PackFormat", "ByteStream", "SystemIO", "CLinux", system]),

        // The guest's end.
        library(
            "GuestAgent",
            ["GuestProtocol", "PackFormat", "DiskImage", "Checksums", "SystemIO", "CLinux", system]
        ),
        .executableTarget(
            name: "builddisks-agent",
            dependencies: ["GuestAgent", "CAgentStart"],
            swiftSettings: strict,
            linkerSettings: [.unsafeFlags(["-static-executable"])]
        ),

        // From a plan to a published disk.
        library("Bootstrap", ["OSTree", "CCompression", "SystemIO", "CLinux", system]),
        library(
            "Compose",
            ["OSTree", "COSTree", "DiskImage", "SystemIO", "CLinux", "CCompression", system]
        ),
        library(
            "Orchestrator",
            [
                "Bootstrap", "OSTree", "OSTreeExport", "Pack", "NinePServer", "VirtioSocket",
                "ByteStream",
                "GuestProtocol", "DiskImage", "Compose", "SystemIO", "CLinux", system, log,
            ]
        ),

        // The commands.
        library(
            "Configuration",
            ["Orchestrator", "Compose", "OSTree", "SystemIO", toml, system]
        ),
        library(
            "BuilddisksCommands",
            [
                "Configuration", "Orchestrator", "DiskImage", "SystemIO", "CLinux", arguments, log,
                system,
            ]
        ),
        .executableTarget(
            name: "builddisks",
            dependencies: ["BuilddisksCommands", "SystemIO"],
            swiftSettings: strict
        ),
        library(
            "NinePServeCommand",
            [
                "NinePServer", "VirtioSocket", "OSTree", "OSTreeExport", "SystemIO", "CLinux",
                arguments, log, system,
            ]
        ),
        .executableTarget(
            name: "ninep-serve",
            dependencies: ["NinePServeCommand"],
            swiftSettings: strict
        ),

        // Measuring the server.
        .target(name: "CAllocationCount"),
        library(
            "NinePBench",
            [
                "NinePServer", "NineP", "NinePGuest", "VirtioSocket", "ByteStream", "Bootstrap",
                "OSTree", "OSTreeExport", "Orchestrator", "SystemIO", "CLinux",
                "CAllocationCount", arguments,
                system,
            ]
        ),
        library("NinePGuest", ["GuestAgent", "GuestProtocol", "SystemIO", "CLinux", system]),
        .executableTarget(
            name: "ninep-bench-guest",
            dependencies: ["NinePGuest", "CAgentStart", "CLinux"],
            swiftSettings: strict,
            linkerSettings: [.unsafeFlags(["-static-executable"])]
        ),
        .executableTarget(
            name: "ninep-bench",
            dependencies: ["NinePBench", arguments],
            swiftSettings: strict
        ),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: ["SystemIO", "CLinux", system],
            path: "Tests/TestSupport",
            swiftSettings: strictTests
        ),
        tests("SystemIOTests", ["SystemIO", "CLinux", "TestSupport", system]),
        .target(
            name: "NinePRewriting",
            dependencies: ["NineP"],
            path: "Tests/NinePRewriting",
            swiftSettings: strictTests
        ),
        // What the fuzzers do with an input: also run by tests, with the corpora.
        .target(name: "FuzzSupport", path: "Fuzz/Support", swiftSettings: strictTests),
        .target(
            name: "VirtioSocketFuzzing",
            dependencies: [
                "VirtioSocket", "FuzzSupport", "ByteStream", "SystemIO", "CLinux", system,
            ],
            path: "Fuzz/VirtioSocket",
            swiftSettings: strictTests
        ),
        .target(
            name: "NinePFuzzing",
            dependencies: [
                "FuzzSupport", "NineP", "NinePRewriting", "NinePServer", "ByteStream", "SystemIO",
                "CLinux",
                system,
            ],
            path: "Fuzz/NineP",
            swiftSettings: strictTests
        ),
        tests("NinePTests", ["NineP", "NinePRewriting", "TestSupport"]),
        // Questions to any 9P2000.L server.
        .target(
            name: "NinePConformance",
            dependencies: ["NineP", "SystemIO", "CLinux", "TestSupport", system],
            path: "Tests/NinePConformance",
            swiftSettings: strictTests
        ),
        .executableTarget(
            name: "ninep-conformance",
            dependencies: ["NinePConformance", "TestSupport", "CLinux", arguments],
            path: "Tests/ninep-conformance",
            swiftSettings: strictTests
        ),
        tests(
            "NinePServerTests",
            [
                "NinePConformance",
                "NinePServer", "NineP", "ByteStream", "SystemIO", "CLinux", "TestSupport",
                "NinePFuzzing", system,
            ],
            exclude: ["python-client"]
        ),
        // The program ninep-serve, from outside.
        tests(
            "NinePServeTests",
            ["NinePConformance", "NineP", "SystemIO", "CLinux", "TestSupport", system]
        ),
        tests(
            "VirtioSocketTests",
            [
                "VirtioSocket", "VirtioSocketFuzzing", "FuzzSupport", "ByteStream", "SystemIO",
                "CLinux", "TestSupport", system,
            ]
        ),
        tests("GuestProtocolTests", ["GuestProtocol"]),
        tests("PackFormatTests", ["PackFormat"]),
        tests(
            "PackTests",
            [
                "Pack", "GuestAgent", "GuestProtocol", "OSTree", "ByteStream", "SystemIO", "CLinux",
                "TestSupport", system,
            ]
        ),
        tests("NinePGuestTests", ["NinePGuest", "SystemIO", "TestSupport", system]),
        tests("GuestAgentTests", ["GuestAgent", "GuestProtocol", "TestSupport", system]),
        tests("ChecksumsTests", ["Checksums", "TestSupport"]),
        tests("DiskImageTests", ["DiskImage", "Checksums", "TestSupport", system]),
        tests(
            "OSTreeTests",
            [
                "OSTree", "OSTreeExport", "NinePServer", "NineP", "ByteStream", "SystemIO",
                "TestSupport", system,
            ]
        ),
        tests("BootstrapTests", ["Bootstrap", "OSTree", "TestSupport", system]),
        tests(
            "ComposeTests",
            ["Compose", "CLinux", "DiskImage", "OSTree", "SystemIO", "TestSupport", system]
        ),
        tests(
            "OrchestratorTests",
            [
                "Orchestrator", "Bootstrap", "ByteStream", "DiskImage", "OSTree", "SystemIO",
                "CLinux",
                "TestSupport", system,
            ]
        ),
        tests(
            "ConfigurationTests",
            ["Configuration", "Compose", "DiskImage", "Orchestrator", "TestSupport", system]
        ),
        tests(
            "BuilddisksCommandsTests",
            ["BuilddisksCommands", "Orchestrator", "TestSupport", arguments, system]
        ),
        tests("VMTests", ["TestSupport", "Orchestrator", "OSTree", "SystemIO", system]),
    ],
    swiftLanguageModes: [.v6]
)

// libFuzzer brings `main`, so these cannot be part of an ordinary build (scripts/fuzz).
if Context.environment["BUILDDISKS_FUZZ"] != nil {
    func fuzzTarget(_ name: String, _ folder: String, _ dependencies: [Target.Dependency]) {
        package.targets.append(
            .executableTarget(
                name: name,
                dependencies: dependencies,
                path: "Fuzz/\(folder)",
                swiftSettings: strictTests + [.unsafeFlags(["-parse-as-library"])]
            )
        )
        package.products.append(.executable(name: name, targets: [name]))
    }
    fuzzTarget("fuzz-decoder", "Decoder", ["NinePFuzzing"])
    fuzzTarget("fuzz-session", "Session", ["NinePFuzzing", "TestSupport", "CLinux"])
    fuzzTarget("fuzz-vsock", "Vsock", ["VirtioSocketFuzzing", "CLinux"])
}
