import Glibc

/// Whether a ref of the configuration is a pattern; the characters cannot stand in a ref.
func isPattern(_ ref: String) -> Bool { ref.contains { "*?[".contains($0) } }

/// Shell patterns over whole refs, where `*` matches slashes too: `*-runtime`. The C function is
/// `fnmatch`.
func matches(_ ref: String, _ pattern: String) -> Bool { unsafe fnmatch(pattern, ref, 0) == 0 }
