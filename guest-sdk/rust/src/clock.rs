//! The time, without WASI: these functions hold no handle, so a plugin that uses them can still be
//! snapshotted. `std::time::SystemTime::now` has no clock on `wasm32-unknown-unknown` and panics.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall-clock time, to the nanosecond.
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(crate::host::clock::now())
}

/// The time since an unnamed moment. It never goes back within one instance, so the difference of
/// two values is the time that passed between them.
pub fn monotonic() -> Duration {
    Duration::from_nanos(crate::host::clock::monotonic())
}
