/// The header of a swap area as mkswap writes it: the first page (include/linux/swap.h,
/// `union swap_header`).
package enum SwapArea {
    package static let pageSize = 4096

    /// The bytes of the first page.
    /// - Parameter length: of the area in bytes, at least ten pages.
    package static func header(length: UInt64, label: String, uuid: VolumeUUID) -> [UInt8] {
        var page = [UInt8](repeating: 0, count: pageSize)
        let lastPage = length / UInt64(pageSize) - 1
        page.putLE(UInt32(1), at: 1024)
        page.putLE(UInt32(clamping: lastPage), at: 1028)
        page.put(uuid.bytes, at: 1036)
        page.put(label.utf8.prefix(15), at: 1052)
        page.put("SWAPSPACE2".utf8, at: pageSize - 10)
        return page
    }
}
