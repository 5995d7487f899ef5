/// An SELinux policy as far as labels go.
package enum SamplePolicy {
    private static let contexts = """
        /.*\tsystem_u:object_r:default_t:s0
        /\t-d\tsystem_u:object_r:root_t:s0
        /etc(/.*)?\tsystem_u:object_r:etc_t:s0
        /etc/shadow\t--\tsystem_u:object_r:shadow_t:s0
        /etc/default\t-d\tsystem_u:object_r:default_dir_t:s0
        /var(/.*)?\tsystem_u:object_r:var_t:s0
        /var/run\t-l\tsystem_u:object_r:var_run_t:s0
        /var/tmp\t-d\tsystem_u:object_r:tmp_t:s0
        /var/lib/private\t<<none>>

        """

    /// In `/usr/etc/selinux`.
    package static func entries(mode: String = "enforcing") -> [TarEntry] {
        let policy = "usr/etc/selinux/demo"
        return [
            .directory("usr/etc/selinux"),
            .file("usr/etc/selinux/config", Array("SELINUX=\(mode)\nSELINUXTYPE=demo\n".utf8)),
            .directory(policy),
            .directory(policy + "/contexts"),
            .directory(policy + "/contexts/files"),
            .file(policy + "/contexts/files/file_contexts", Array(contexts.utf8)),
            .directory(policy + "/policy"),
            // Libostree wants to know its checksum, no more.
            .file(policy + "/policy/policy.33", [1]),
        ]
    }
}
