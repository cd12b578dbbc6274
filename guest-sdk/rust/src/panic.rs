//! Panics, reported to the host. A panic in WebAssembly is a bare `unreachable` trap, which tells
//! nobody what went wrong; the hook here logs the message before it.

use crate::log;

/// Has every panic logged at error level, with its place and message. `export!` puts a pointer to
/// this function among the module's constructors, hence the C calling convention. It calls no
/// import, so a plugin that runs it at start can still be snapshotted.
pub extern "C" fn report_panics() {
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
}
