/// The exports of a service by name; Tattach's aname chooses one.
package struct ExportTable: Sendable {
    package let entries: [(name: String, export: any Export)]

    package init(_ entries: [(name: String, export: any Export)]) { self.entries = entries }

    /// The index of the export with that name. No name, or "/", gives the first.
    func index(named name: UnsafeRawBufferPointer) -> Int? {
        let isDefault = unsafe name.isEmpty || (name.count == 1 && name[0] == UInt8(ascii: "/"))
        if isDefault { return entries.isEmpty ? nil : 0 }
        return entries.firstIndex { unsafe $0.name.utf8.elementsEqual(name) }
    }
}
