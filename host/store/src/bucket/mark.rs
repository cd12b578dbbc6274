//! The mark of a bucket: that Belljar uses it, that it honours conditional writes, and whether a collection is
//! going on.
//!
//! The mark is what keeps a collection and a push apart. A push may find a chunk that is there, and rely on it,
//! in the moment in which a collection has decided to remove it. So a push begins only while there is no
//! collection, and does not end if there was one meanwhile.
//!
//! A collection may die, and it may also only seem so: its machine slept, or its clock is another. So whoever takes one
//! for dead *ends it in the mark* before doing anything else, and a collection looks at the mark, and at the clock,
//! before each few objects that it removes.

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

/// The time of a mark in a bucket of which nobody knows yet whether it honours conditional writes.
const UNTRIED: u64 = u64::MAX;

/// The most collections that a mark counts. Beginning and ending some more does not overflow.
const COLLECTIONS_MAX: u64 = u64::MAX >> 1;

/// How often the mark is looked at while others change it too. Making it takes three looks.
const LOOKS_MAX: usize = 6;

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
        match mark.collections <= COLLECTIONS_MAX {
            true => Ok(mark),
            false => Err(format!("there were no {} collections", mark.collections).into()),
        }
    }

    /// The mark of a bucket that was not tried out yet.
    pub(super) fn untried() -> Self {
        Self { collections: 0, began_ms: UNTRIED }
    }

    fn is_untried(&self) -> bool {
        self.began_ms == UNTRIED
    }

    /// Whether a collection is going on. One that died is believed to, until it would have stopped by itself.
    pub(super) fn is_collecting(&self) -> bool {
        self.collections % 2 == 1 && self.age() < COLLECTION_TIME_MAX * COLLECTION_TIMES_BELIEVED
    }

    /// How long ago the last collection began, or how long it is until then by a clock that is behind.
    pub(super) fn age(&self) -> Duration {
        Duration::from_millis(now_ms().abs_diff(self.began_ms))
    }

    /// The mark of a collection that begins now.
    pub(super) fn with_collection(self) -> Self {
        Self { collections: (self.collections + 1) | 1, began_ms: now_ms() }
    }

    /// The mark after that collection.
    pub(super) fn without_collection(self) -> Self {
        Self { collections: self.collections + 1, ..self }
    }

    /// Why nothing can be done during this collection, and until when.
    fn reason(&self) -> String {
        let believed = COLLECTION_TIME_MAX * COLLECTION_TIMES_BELIEVED;
        format!(
            "what nobody needs is being removed: that began less than {} min ago, and is taken for dead in {} min; \
             `belljar checkpoint gc --from URL --take-over` ends it now",
            self.age().as_secs() / 60 + 1,
            believed.saturating_sub(self.age()).as_secs().div_ceil(60),
        )
    }
}

/// The bucket's mark, which is made if there is none, once the bucket has shown that it honours conditional writes.
///
/// # Errors
/// [`StoreError::BucketUnconditional`] for a bucket that does not.
pub(super) fn of(io: &Io) -> Result<(Mark, Seen), StoreError> {
    for _ in 0..LOOKS_MAX {
        match read(io)? {
            // Whoever comes first; the next look says what came of it.
            None => drop(io.swap(&keys::mark(), None, Mark::untried().to_bytes())?),
            Some((mark, seen)) if mark.is_untried() => try_out(io, mark, &seen)?,
            Some(found) => return Ok(found),
        }
    }
    Err(io.busy("its mark is being changed by others"))
}

/// The bucket's mark, if there is one.
pub(super) fn read(io: &Io) -> Result<Option<(Mark, Seen)>, StoreError> {
    let Some(object) = io.get(&keys::mark(), MARK_BYTES)? else { return Ok(None) };
    let mark = Mark::from_bytes(&object.bytes).map_err(|wrong| io.unreadable(&keys::mark(), wrong))?;
    Ok(Some((mark, object.seen)))
}

/// The mark while no collection is going on. One that is taken for dead is ended, so that it stops if it is not.
///
/// # Errors
/// [`StoreError::BucketBusy`] while there is one.
pub(super) fn quiet(io: &Io) -> Result<Mark, StoreError> {
    let (mark, seen) = of(io)?;
    if mark.is_collecting() {
        return Err(io.busy(mark.reason()));
    }
    match mark.collections % 2 {
        0 => Ok(mark),
        _ => end(io, mark, &seen),
    }
}

/// Ends a collection, and returns the mark after it.
///
/// # Errors
/// [`StoreError::BucketBusy`] when somebody else has ended it, or begun another.
pub(super) fn end(io: &Io, collecting: Mark, seen: &Seen) -> Result<Mark, StoreError> {
    let ended = collecting.without_collection();
    match io.swap(&keys::mark(), Some(seen), ended.to_bytes())? {
        Swapped::Done => Ok(ended),
        Swapped::Changed => Err(io.busy("what nobody needs is being removed by others")),
    }
}

/// Finds out whether the bucket knows the conditions: a service that does not may well ignore them.
fn try_out(io: &Io, untried: Mark, seen: &Seen) -> Result<(), StoreError> {
    // Untried as well, so that whoever dies in between leaves nothing that counts.
    let other = Mark { collections: untried.collections + 2, ..untried }.to_bytes();
    let again = io.swap(&keys::mark(), None, other.clone())?;
    let unseen = io.swap(&keys::mark(), Some(&Seen::never()), other)?;
    if matches!(again, Swapped::Done) || matches!(unseen, Swapped::Done) {
        io.delete_all(vec![keys::mark()])?;
        return Err(StoreError::BucketUnconditional { bucket: io.place.clone() });
    }
    // If this one was changed meanwhile, somebody else has tried the bucket out.
    io.swap(&keys::mark(), Some(seen), Mark::default().to_bytes()).map(drop)
}

fn now_ms() -> u64 {
    u64::try_from(clock::now_ms()).unwrap_or_default()
}
