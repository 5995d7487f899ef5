import COSTree

/// The libostree that this program was built with and reads repositories through.
package enum LibraryVersion {
    package static let text = "\(OSTREE_YEAR_VERSION).\(OSTREE_RELEASE_VERSION)"
}
