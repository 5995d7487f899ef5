import GuestProtocol
import SystemPackage
import Testing

@testable import GuestAgent

@Suite struct KernelCommandLineTests {
    @Test func theHostTellsHowTheMachineDiffers() {
        let line = KernelCommandLine(
            "mem=2048M quiet builddisks.control=vsock:5642 builddisks.disk=vda:target "
                + "builddisks.disk=vdb:other:one\n"
        )
        #expect(line.controlPort == 5642)
        #expect(line.serials == ["vda": "target", "vdb": "other:one"])
    }

    @Test(arguments: [
        "", "quiet", "builddisks.control=serial", "builddisks.control=vsock:",
        "builddisks.control=vsock:-1", "builddisks.control=vsock:4294967296", "builddisks.disk=vda",
        "xbuilddisks.control=vsock:1",
    ])
    func nothingElseIsUnderstood(text: String) {
        #expect(KernelCommandLine(text).controlPort == nil)
        #expect(KernelCommandLine(text).serials.isEmpty)
    }

    @Test func aDiskWithoutASerialIsFoundByWhatTheHostSays() throws {
        let system = try FakeSystem([
            "proc/cmdline": "quiet builddisks.disk=vda:target",
            "sys/block/vda/serial": "vhost_user_blk", "sys/block/vda/vda2/partition": "2\n",
        ])
        let devices = BlockDevices(paths: system.paths)
        let node = try devices.node(BlockDevice(serial: "target", partition: 2))
        #expect(node == system.paths.dev.appending("vda2"))
    }
}
