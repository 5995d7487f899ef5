import SystemPackage

/// Composes where that is possible, which is many times as fast; else the VM. One line says which,
/// and why.
struct AutomaticMethod: DiskMethod {
    let compose: ComposeMethod
    let vm: VMMethod
    let reporter: any BuildReporter

    func run(_ file: FilePath, _ clock: PhaseClock) throws(BuildError) -> MethodResult {
        switch try compose.prepare() {
        case .success(let prepared):
            let result = try compose.write(prepared, to: file, clock)
            reporter.report(.note("Written without a VM (method compose)."))
            return result
        case .failure(let need):
            reporter.report(.note("Using the bootstrap VM: \(need.reason)."))
            return try vm.run(file, clock)
        }
    }
}
