/// Where a writer of this module puts its bytes: a raw file, a qcow2 image, memory.
///
/// Bytes never written read as zero. No byte is written twice.
package protocol DiskOutput: ~Copyable {
    associatedtype Failure: Error

    /// Stores all of `bytes` at `offset`, counted in bytes from the start of the disk.
    mutating func write(_ bytes: [UInt8], at offset: UInt64) throws(Failure)
}
