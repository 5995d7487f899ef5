import CLinux

/// The running kernel's release. The C function is `uname`.
package func kernelRelease() -> String {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return "" }
    return unsafe withUnsafeBytes(of: &name.release) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
}
