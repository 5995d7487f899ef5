import Compose
import DiskImage
import TestSupport
import Testing

/// SELinux labels, looked at with debugfs. That they are libostree's, `EquivalenceTests` and
/// `scripts/compare-ostree` show.
@Suite struct LabelTests {
    private static func label(_ type: String) -> String { "system_u:object_r:\(type)_t:s0" }

    @Test(arguments: [("2022.7", false), ("2025.2", true)])
    func `etc and var are labelled as the commit's libostree does`(
        libostree: String,
        keepsOwn: Bool
    ) throws {
        let sample = try SampleRepository(LabelledTree.entries(libostree: libostree))
        var plan = try plan(sample, fstab: Array("here\n".utf8))
        plan.additions = [
            Addition(path: "var/new/f", mode: 0o644, content: .file([1])),
            Addition(path: "etc/new/link", mode: 0o777, content: .symlink(target: "f")),
        ]
        let disk = try ComposedDisk(plan)
        let root = "/ostree/deploy/demo/deploy/\(sample.commit).0"
        let own = Self.label("own")
        let labels = [
            "\(root)/etc/shadow": Self.label("shadow"), "\(root)/etc/passwd": Self.label("etc"),
            "\(root)/etc/fstab": Self.label("etc"), "\(root)/etc/default": nil,
            "\(root)/etc/link": nil, "\(root)/etc/new": Self.label("etc"),
            "\(root)/etc/new/link": Self.label("etc"),
            "\(root)/etc/labelled": keepsOwn ? own : Self.label("etc"),
            "\(root)/etc/labelled.d": keepsOwn ? own : nil, "\(root)/usr/etc/labelled": own,
            "\(root)/usr/share/labelled": own, "\(root)/usr/etc/shadow": nil, root: nil,
            "/ostree/deploy/demo/var": Self.label("var"),
            "/ostree/deploy/demo/var/tmp": Self.label("tmp"),
            "/ostree/deploy/demo/var/new": Self.label("var"),
            "/ostree/deploy/demo/var/new/f": Self.label("var"),
            "/ostree/deploy/demo/var/.ostree-selabeled": nil,
        ]
        for (path, wanted) in labels {
            let found = try disk.debugfs(.root, "ea_get \(path) security.selinux")
            if let wanted {
                #expect(found.contains("\"\(wanted)"), "\(path): \(found)")
            } else {
                #expect(!found.contains("_t:s0"), "\(path): \(found)")
            }
        }
        let check = try Referee.run("e2fsck", ["-fn", try disk.partition(.root)])
        #expect(check.status == 0, "\(check.output)")
    }
}
