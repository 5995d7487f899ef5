package import SystemPackage

/// A kernel with the folder of its modules, wherever they are kept.
package protocol BootKernel: Sendable {
    /// As `uname -r`.
    var version: String { get }
    /// Where it is, for people: "the commit", "this host".
    var origin: String { get }
    /// Where it is a program of the host that runs as it is (User-mode Linux): that.
    var program: FilePath? { get }
    /// Stands for the image in the cache.
    func imageKey() throws(BootstrapError) -> String
    /// Stands for the kernel with all its modules in the cache.
    func modulesKey() throws(BootstrapError) -> String
    /// The image as a boot loader would take it.
    func imageBytes() throws(BootstrapError) -> [UInt8]
    /// A file of the modules' folder ("modules.dep"); nil where there is none.
    func file(_ path: String) throws(BootstrapError) -> [UInt8]?
    /// `config-VERSION`; nil where there is none.
    func configuration() throws(BootstrapError) -> [UInt8]?
}

extension BootKernel {
    package var program: FilePath? { nil }

    /// CONFIG_HZ: timer ticks a second; nil where the kernel came without its configuration.
    func tickRate() throws(BootstrapError) -> Int? {
        guard let text = try configuration() else { return nil }
        let name = Array("CONFIG_HZ=".utf8)
        let line = text.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: name) }
        return line.flatMap { Int(String(decoding: $0.dropFirst(name.count), as: UTF8.self)) }
    }
}
