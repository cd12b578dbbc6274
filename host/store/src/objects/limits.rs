//! How much the object stores may hold, and the check of a single object that both share.

use crate::error::StoreError;

/// Default of [`ObjectLimits::memory_bytes_max`]: 2 GB.
pub const OBJECT_MEMORY_BYTES_MAX: u64 = 2_000_000_000;

/// Default of [`ObjectLimits::spill_bytes_max`]: 20 GB.
pub const OBJECT_SPILL_BYTES_MAX: u64 = 20_000_000_000;

/// Default of [`ObjectLimits::object_bytes_max`], and the largest durable object: 1 GiB. It is what one
/// `get` may have to hold in memory besides the store.
pub const OBJECT_BYTES_MAX: u64 = 1 << 30;

/// The limits of an [`ObjectStore`](crate::ObjectStore).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectLimits {
    /// The most bytes that the store holds in memory. Bytes that a caller got from the store and still
    /// holds after the store has spilled them are the caller's and not counted.
    pub memory_bytes_max: u64,
    /// The most bytes that the spill directory takes on disk.
    pub spill_bytes_max: u64,
    /// The most bytes of a single object. An object must fit in memory, so where this is larger than
    /// `memory_bytes_max`, that one counts.
    pub object_bytes_max: u64,
}

impl Default for ObjectLimits {
    fn default() -> Self {
        Self {
            memory_bytes_max: OBJECT_MEMORY_BYTES_MAX,
            spill_bytes_max: OBJECT_SPILL_BYTES_MAX,
            object_bytes_max: OBJECT_BYTES_MAX,
        }
    }
}

impl ObjectLimits {
    /// # Errors
    /// [`StoreError::TooLarge`] for an object that could never be held.
    pub(super) fn check_object(&self, size_bytes: u64) -> Result<(), StoreError> {
        if self.memory_bytes_max < self.object_bytes_max {
            check_size(size_bytes, "memory_bytes_max", self.memory_bytes_max)
        } else {
            check_size(size_bytes, "object_bytes_max", self.object_bytes_max)
        }
    }
}

/// # Errors
/// [`StoreError::TooLarge`] when an object is larger than `limit_value` bytes.
pub(super) fn check_size(size_bytes: u64, limit: &'static str, limit_value: u64) -> Result<(), StoreError> {
    if size_bytes <= limit_value {
        return Ok(());
    }
    Err(StoreError::TooLarge { what: "an object", size: size_bytes, limit, limit_value })
}

/// # Errors
/// [`StoreError::OutOfRange`] unless `length` bytes from `offset` on lie within an object of that size.
pub(super) fn check_range(offset: u64, length: u64, size_bytes: u64) -> Result<(), StoreError> {
    match offset.checked_add(length) {
        Some(end) if end <= size_bytes => Ok(()),
        _ => Err(StoreError::OutOfRange { offset, length, size_bytes }),
    }
}
