//! What can be chosen about a log.

use std::time::Duration;

use crate::error::StoreError;

/// The smallest segment that may be asked for, in bytes.
const SEGMENT_BYTES_MIN: u64 = 1024;

/// The largest buffer that may be asked for, in bytes: with one more record, it still makes a frame that
/// can be read.
const BUFFER_BYTES_MAX: usize = 64 << 20;

/// The limits of a log.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The size past which a segment takes no further frame, in bytes; 64 MiB by default.
    pub segment_bytes_max: u64,
    /// How much may wait to be written, in bytes, before appending waits for the disk; 8 MiB by default.
    pub buffer_bytes_max: usize,
    /// How long the writer waits for more records before it writes a frame; zero by default, because
    /// whatever arrives during one sync is written by the next anyway.
    pub group_wait: Duration,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { segment_bytes_max: 64 << 20, buffer_bytes_max: 8 << 20, group_wait: Duration::ZERO }
    }
}

impl LogOptions {
    /// # Errors
    /// [`StoreError::TooLarge`] for a buffer past its limit.
    pub(super) fn checked(mut self) -> Result<Self, StoreError> {
        if self.buffer_bytes_max > BUFFER_BYTES_MAX {
            return Err(StoreError::TooLarge {
                what: "the buffer of the log",
                size: self.buffer_bytes_max as u64,
                limit: "BUFFER_BYTES_MAX",
                limit_value: BUFFER_BYTES_MAX as u64,
            });
        }
        self.segment_bytes_max = self.segment_bytes_max.max(SEGMENT_BYTES_MIN);
        Ok(self)
    }
}
