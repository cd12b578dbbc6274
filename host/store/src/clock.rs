//! The time as every record keeps it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z. A clock before that moment gives a negative number.
pub(crate) fn now_ms() -> i64 {
    let (duration, sign) = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => (since, 1),
        Err(before) => (before.duration(), -1),
    };
    sign * i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
