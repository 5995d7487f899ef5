/// The signature that a distribution appends to each of its modules (scripts/sign-file.c, struct
/// module_signature of include/linux/module_signature.h). A kernel checks the one that is there: it sums up
/// the whole module and computes with a long key, for all modules of a boot 0.15 s where it is emulated.
enum ModuleSignature {
    private static let magic = Array("~Module signature appended~\n".utf8)
    /// Of struct module_signature. Its last four bytes are the signature's length, big endian.
    private static let trailer = 12

    /// The module alone; as it is where it has no signature.
    static func removed(from module: [UInt8]) -> [UInt8] {
        guard module.suffix(magic.count).elementsEqual(magic) else { return module }
        let signed = module.dropLast(magic.count)
        let length = signed.suffix(4).reduce(0) { $0 << 8 | Int($1) }
        guard signed.count > trailer, length <= signed.count - trailer else { return module }
        return Array(signed.dropLast(trailer + length))
    }
}
