import CLinux
package import SystemPackage

/// Extended attributes of the object at a path itself, symbolic links not followed.
package enum ExtendedAttributes {
    /// Names without their NUL; empty where the file system has none. The C function is
    /// `llistxattr`.
    package static func names(of path: FilePath) throws(Errno) -> [[UInt8]] {
        let list: [UInt8]
        do throws(Errno) {
            list = try unsafe sized { (buffer, size) in
                unsafe path.withPlatformString { unsafe llistxattr($0, buffer, size) }
            }
        } catch {
            if error == .notSupported || error == .noFunction { return [] }
            throw error
        }
        return list.split(separator: 0).map(Array.init)
    }

    /// The value of one attribute; ENODATA when it is absent. The C function is `lgetxattr`.
    package static func value(of name: [UInt8], at path: FilePath) throws(Errno) -> [UInt8] {
        let name = name.map { CChar(bitPattern: $0) } + [0]
        return try unsafe sized { (buffer, size) in
            unsafe path.withPlatformString { unsafe lgetxattr($0, name, buffer, size) }
        }
    }

    /// Sets an attribute, whether it was there or not. The C function is `lsetxattr`.
    package static func set(
        _ name: String,
        to value: [UInt8],
        at path: FilePath
    ) throws(Errno) {
        try syscall {
            unsafe path.withPlatformString {
                unsafe lsetxattr($0, name, value, value.count, 0)
            }
        }
    }

    /// Asks for the size, then for the bytes, again if they have grown in between (ERANGE).
    private static func sized(
        _ call: (UnsafeMutablePointer<CChar>?, Int) -> Int
    ) throws(Errno) -> [UInt8] {
        while true {
            let size = try syscall { call(nil, 0) }
            if size == 0 { return [] }
            var bytes = [CChar](repeating: 0, count: size)
            do throws(Errno) {
                // SAFETY: writes at most the array's size, during the call.
                let count = try syscall {
                    unsafe bytes.withUnsafeMutableBufferPointer { buffer in
                        unsafe call(buffer.baseAddress, size)
                    }
                }
                return bytes.prefix(count).map { UInt8(bitPattern: $0) }
            } catch {
                if error != Errno(rawValue: ERANGE) { throw error }
            }
        }
    }
}
