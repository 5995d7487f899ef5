/// A piece of a file: where it lies in the file and in the partition. All in bytes; the length is that
/// of the data, not rounded up to a block.
package struct DataRun: Equatable, Sendable {
    package var fileOffset: UInt64
    package var offset: UInt64
    package var length: UInt64
}
