internal import COSTree

/// An error that a GLib function has reported.
struct GLibError: Error {
    let message: String
}

/// Calls a GLib function which reports through `GError **`.
func throwing<Result>(
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<GError>?>) -> Result
) throws(GLibError) -> Result {
    var error: UnsafeMutablePointer<GError>?
    let result = unsafe body(&error)
    guard let error = unsafe error else { return result }
    // SAFETY: a set GError has a message and belongs to the caller, who frees it.
    let message = unsafe error.pointee.message.map { unsafe String(cString: $0) }
    unsafe g_error_free(error)
    throw GLibError(message: message ?? "failed without a reason")
}

/// One reference to a GObject, dropped at the end.
@safe final class OwnedGObject: @unchecked Sendable {
    // SAFETY: the reference is ours alone; reference counts of GObjects are atomic, and the users
    // here hold a lock around every other use.
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { unsafe self.pointer = pointer }

    deinit { unsafe g_object_unref(UnsafeMutableRawPointer(pointer)) }
}
