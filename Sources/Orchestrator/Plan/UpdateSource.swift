package import SystemPackage

/// What a disk starts from.
package enum UpdateSource: Sendable, Equatable {
    /// An empty disk.
    case none
    /// The disk of the same name in the output's `current` build.
    case current
    case disk(FilePath)

    /// As users write it: "none", "current" or a path.
    package init(_ text: String, path: (String) -> FilePath) {
        self =
            switch text {
            case "none": .none
            case "current": .current
            default: .disk(path(text))
            }
    }
}

/// How a disk is taken to the next commit.
package struct UpdateOptions: Sendable, Equatable {
    package var from: UpdateSource
    /// Publish a thin overlay on the previous disk instead of a disk that stands alone.
    package var publishesOverlay: Bool
    /// Deployments that the disk keeps, the new one included; at least 1.
    package var retainedDeployments: Int
    /// Build from scratch where the previous disk is missing or does not suit the request.
    package var elseFresh: Bool

    /// The new deployment, and the one before it for rollback: what libostree keeps by itself.
    package static let defaultRetained = 2

    package init(
        from: UpdateSource = .none,
        publishesOverlay: Bool = false,
        retainedDeployments: Int = UpdateOptions.defaultRetained,
        elseFresh: Bool = false
    ) {
        self.from = from
        self.publishesOverlay = publishesOverlay
        self.retainedDeployments = retainedDeployments
        self.elseFresh = elseFresh
    }
}
