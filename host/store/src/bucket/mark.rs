//! The mark of a bucket: that Belljar uses it, that it honours conditional writes, and whether a collection is
//! going on.
//!
//! The mark is what keeps a collection and a push apart. A push may find a chunk that is there, and rely on it,
//! in the moment in which a collection has decided to remove it. So a push begins only while there is no
//! collection, and does not end if there was one meanwhile.

use std::time::Duration;

use super::head::{Unreadable, seal, start, unseal};
use super::io::Io;
use super::swap::{Seen, Swapped};
use super::{COLLECTION_TIME_MAX, keys};
use crate::clock;
use crate::error::StoreError;

/// The format of marks that this build reads and writes.
pub const MARK_FORMAT: u16 = 1;

const MAGIC: &[u8; 6] = b"BJBUCK";
const MARK_BYTES: u64 = 6 + 2 + 8 + 8 + 16;

/// How many times the time that a collection may take it is believed to be alive. Clocks of two machines may differ.
const COLLECTION_TIMES_BELIEVED: u32 = 2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// How often a collection has begun or ended: odd while there is one.
    pub(super) collections: u64,
    /// When the last one began, in milliseconds since 1970-01-01T00:00:00Z.
    pub(super) began_ms: u64,
}

impl Mark {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut out = start(MAGIC, MARK_FORMAT);
        out.extend_from_slice(&self.collections.to_le_bytes());
        out.extend_from_slice(&self.began_ms.to_le_bytes());
        seal(out)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut fields = unseal(bytes, MAGIC, MARK_FORMAT)?;
        let mark = Self { collections: fields.u64("collections")?, began_ms: fields.u64("time")? };
        fields.end()?;
        Ok(mark)
    }

    /// Whether a collection is going on. One that died is believed to, until it would have stopped by itself.
    pub(super) fn is_collecting(&self) -> bool {
        let since = Duration::from_millis(now_ms().saturating_sub(self.began_ms));
        self.collections % 2 == 1 && since < COLLECTION_TIME_MAX * COLLECTION_TIMES_BELIEVED
    }

    /// The mark of a collection that begins now.
    pub(super) fn with_collection(self) -> Self {
        Self { collections: (self.collections + 1) | 1, began_ms: now_ms() }
    }

    /// The mark after that collection.
    pub(super) fn without_collection(self) -> Self {
        Self { collections: self.collections + 1, ..self }
    }
}

/// The bucket's mark, which is made if there is none.
///
/// # Errors
/// [`StoreError::BucketUnconditional`] for a bucket that does not honour conditional writes.
pub(super) fn of(io: &Io) -> Result<(Mark, Seen), StoreError> {
    if let Some(found) = read(io)? {
        return Ok(found);
    }
    // A store that does not know the conditions may well ignore them, and then has to be found out.
    let new = Mark::default().to_bytes();
    if let Swapped::Done = io.swap(&keys::mark(), None, new)? {
        let other = Mark { collections: 2, began_ms: 0 }.to_bytes();
        let again = io.swap(&keys::mark(), None, other.clone())?;
        let unseen = io.swap(&keys::mark(), Some(&Seen::never()), other)?;
        if matches!(again, Swapped::Done) || matches!(unseen, Swapped::Done) {
            io.delete_all(vec![keys::mark()])?;
            return Err(StoreError::BucketUnconditional { bucket: io.place.clone() });
        }
    }
    read(io)?.ok_or_else(|| io.unreadable(&keys::mark(), Unreadable::Damaged("it is gone again".to_owned())))
}

fn read(io: &Io) -> Result<Option<(Mark, Seen)>, StoreError> {
    let Some(object) = io.get(&keys::mark(), MARK_BYTES)? else { return Ok(None) };
    let mark = Mark::from_bytes(&object.bytes).map_err(|wrong| io.unreadable(&keys::mark(), wrong))?;
    Ok(Some((mark, object.seen)))
}

fn now_ms() -> u64 {
    u64::try_from(clock::now_ms()).unwrap_or_default()
}
