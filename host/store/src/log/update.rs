//! What a record changes in the index. It stands in the record itself, so that the index can be made anew
//! from the log alone. The bytes are described in `docs/format-log.md`.

use super::fields::Fields;
use super::record::Position;
use crate::error::StoreError;

/// The longest name of an actor, in bytes.
pub const ACTOR_NAME_BYTES_MAX: usize = 1024;

/// The longest status of an actor, in bytes.
pub const ACTOR_STATUS_BYTES_MAX: usize = 16 << 10;

/// The longest encoded update, in bytes: all fields at their longest.
pub(super) const UPDATE_BYTES_MAX: usize = 64 + ACTOR_NAME_BYTES_MAX + ACTOR_STATUS_BYTES_MAX;

const HAS_NAME: u8 = 1;
const HAS_STATUS: u8 = 1 << 1;
const SETS_TIMER: u8 = 1 << 2;
const CLEARS_TIMER: u8 = 1 << 3;
const HAS_KEPT_FROM: u8 = 1 << 4;
const HAS_SPAWN: u8 = 1 << 5;
const KNOWN: u8 = HAS_NAME | HAS_STATUS | SETS_TIMER | CLEARS_TIMER | HAS_KEPT_FROM | HAS_SPAWN;

/// When the next timer of an actor is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextTimer {
    /// At this time, in nanoseconds since 1970-01-01T00:00:00Z.
    At(u64),
    /// It has none.
    Never,
}

/// What a record changes in the index; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// What `belljar actor ls` shows of the actor: JSON text, at most [`ACTOR_STATUS_BYTES_MAX`].
    pub status: Option<String>,
    /// When its next timer is due.
    pub next_timer: Option<NextTimer>,
    /// The sequence number of the oldest record that is still needed. Older ones, except the `Spawn`,
    /// may disappear at any time.
    pub kept_from: Option<u64>,
    /// The name; in a `Spawn`, and in the newest record of a history that compaction has moved.
    pub(super) name: Option<String>,
    /// Where the `Spawn` is now; in the newest record of a history that compaction has moved.
    pub(super) spawn: Option<Position>,
}

impl Update {
    /// # Errors
    /// [`StoreError::TooLarge`] past [`ACTOR_NAME_BYTES_MAX`] and [`ACTOR_STATUS_BYTES_MAX`].
    pub(super) fn check(&self) -> Result<(), StoreError> {
        check("an actor's name", self.name.as_deref(), "ACTOR_NAME_BYTES_MAX", ACTOR_NAME_BYTES_MAX)?;
        check("an actor's status", self.status.as_deref(), "ACTOR_STATUS_BYTES_MAX", ACTOR_STATUS_BYTES_MAX)
    }

    /// Nothing at all for an update that changes nothing.
    pub(super) fn encode(&self) -> Vec<u8> {
        if *self == Self::default() {
            return Vec::new();
        }
        let mut bytes = vec![0];
        let mut flags = 0;
        for (flag, text) in [(HAS_NAME, &self.name), (HAS_STATUS, &self.status)] {
            if let Some(text) = text {
                flags |= flag;
                bytes.extend((text.len() as u16).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
        }
        match self.next_timer {
            Some(NextTimer::At(time_ns)) => {
                flags |= SETS_TIMER;
                bytes.extend(time_ns.to_le_bytes());
            }
            Some(NextTimer::Never) => flags |= CLEARS_TIMER,
            None => {}
        }
        if let Some(sequence) = self.kept_from {
            flags |= HAS_KEPT_FROM;
            bytes.extend(sequence.to_le_bytes());
        }
        if let Some(position) = self.spawn {
            flags |= HAS_SPAWN;
            bytes.extend(position.segment.to_le_bytes());
            bytes.extend(position.offset.to_le_bytes());
        }
        bytes[0] = flags;
        bytes
    }

    /// `None` for what [`encode`](Self::encode) does not write.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let mut fields = Fields(bytes);
        let flags = fields.u8()?;
        if flags & !KNOWN != 0 || flags & SETS_TIMER != 0 && flags & CLEARS_TIMER != 0 {
            return None;
        }
        let name = text(&mut fields, flags & HAS_NAME != 0)?;
        let status = text(&mut fields, flags & HAS_STATUS != 0)?;
        let next_timer = match (flags & SETS_TIMER != 0, flags & CLEARS_TIMER != 0) {
            (true, _) => Some(NextTimer::At(fields.u64()?)),
            (_, true) => Some(NextTimer::Never),
            _ => None,
        };
        let kept_from = if flags & HAS_KEPT_FROM != 0 { Some(fields.u64()?) } else { None };
        let spawn = match flags & HAS_SPAWN {
            0 => None,
            _ => Some(Position { segment: fields.u64()?, offset: fields.u64()? }),
        };
        let update = Self { status, next_timer, kept_from, name, spawn };
        (fields.0.is_empty() && update.check().is_ok()).then_some(update)
    }
}

fn text(fields: &mut Fields<'_>, is_there: bool) -> Option<Option<String>> {
    if !is_there {
        return Some(None);
    }
    let length = fields.u16()?;
    let text = std::str::from_utf8(fields.bytes(length.into())?).ok()?;
    Some(Some(text.to_owned()))
}

fn check(what: &'static str, text: Option<&str>, limit: &'static str, limit_bytes: usize) -> Result<(), StoreError> {
    let size = text.map_or(0, str::len);
    if size <= limit_bytes {
        return Ok(());
    }
    Err(StoreError::TooLarge { what, size: size as u64, limit, limit_value: limit_bytes as u64 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_update() -> impl Strategy<Value = Update> {
        let timer =
            prop_oneof![Just(None), Just(Some(NextTimer::Never)), any::<u64>().prop_map(|ns| Some(NextTimer::At(ns)))];
        let text = proptest::option::of("[a-zé]{0,40}");
        (text.clone(), text, timer, any::<Option<u64>>(), any::<Option<(u64, u64)>>()).prop_map(
            |(name, status, next_timer, kept_from, spawn)| Update {
                name,
                status,
                next_timer,
                kept_from,
                spawn: spawn.map(|(segment, offset)| Position { segment, offset }),
            },
        )
    }

    proptest! {
        #[test]
        fn an_update_is_read_back(update in any_update()) {
            let bytes = update.encode();
            prop_assert!(bytes.len() <= UPDATE_BYTES_MAX);
            for end in 1..bytes.len() {
                prop_assert_eq!(Update::decode(&bytes[..end]), None);
            }
            prop_assert_eq!(Update::decode(&bytes), Some(update));
        }

        #[test]
        fn any_bytes_are_one_update_or_none(bytes: Vec<u8>) {
            if let Some(update) = Update::decode(&bytes)
                && update != Update::default()
            {
                prop_assert_eq!(update.encode(), bytes);
            }
        }
    }

    #[test]
    fn what_is_too_long_is_refused_by_name() {
        let status = Some("x".repeat(ACTOR_STATUS_BYTES_MAX + 1));
        let refused = Update { status, ..Update::default() }.check().unwrap_err();
        assert!(refused.to_string().contains("ACTOR_STATUS_BYTES_MAX"));
    }
}
