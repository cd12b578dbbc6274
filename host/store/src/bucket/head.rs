//! The head of an actor: who owns it, and which checkpoints of it the bucket keeps. It is the one object that
//! changes, and it changes by compare-and-swap.

use serde::Serialize;

use crate::checkpoint::fields::{CHECKSUM_BYTES, Fields, Malformed, checksum, first_half};
use crate::digest::Digest;

/// The format of heads that this build reads and writes.
pub const HEAD_FORMAT: u16 = 1;

/// The most checkpoints that a head lists. A push keeps fewer.
pub const GENERATIONS_IN_HEAD_MAX: usize = 64;

const MAGIC: &[u8; 6] = b"BJHEAD";
const OWNER_BYTES: usize = 16;
const IN_BUCKET_BYTES: usize = 7 * 8 + blake3::OUT_LEN;

/// The most bytes that a head has.
pub(super) const HEAD_BYTES_MAX: u64 = (6 + 2 + 2 + crate::ACTOR_NAME_BYTES_MAX + 8 + OWNER_BYTES + 4) as u64
    + (GENERATIONS_IN_HEAD_MAX * IN_BUCKET_BYTES + CHECKSUM_BYTES) as u64;

/// Who an actor belongs to: one life of it, in one data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner([u8; OWNER_BYTES]);

impl Owner {
    /// The owner that is told from all others by these bytes. They should hold something random.
    pub fn of(identity: &[u8]) -> Self {
        Self(first_half(blake3::hash(identity).as_bytes()))
    }
}

/// What a bucket says of an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The actor's name in the bucket.
    pub name: String,
    /// How often the actor has got an owner. Only the owner that got this number may push.
    pub lease: u64,
    /// That owner.
    pub owner: Owner,
    /// The checkpoints that are kept, the newest last; at least one.
    pub kept: Vec<InBucket>,
}

/// A checkpoint in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct InBucket {
    /// Its number in the bucket; later ones have larger numbers. Each machine that owns the actor counts its
    /// generations by itself, so these are others.
    pub number: u64,
    /// The lease under which it was pushed, or under which its owner got the actor back from who could not begin it.
    pub lease: u64,
    /// Which checkpoint it was where it was taken.
    pub generation: u64,
    /// The incarnation of the actor.
    pub incarnation: u64,
    /// The number of the last message whose effects it contains, counted from 1 in the life of the actor.
    pub message: u64,
    /// When it was taken, in nanoseconds since 1970-01-01T00:00:00Z.
    pub taken_ns: u64,
    /// When it was pushed, in nanoseconds since 1970-01-01T00:00:00Z, by the clock of whoever did.
    pub pushed_ns: u64,
    /// The digest of its letter, which names everything else.
    pub letter: Digest,
}

/// Why bytes could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// They are not what was written.
    Damaged(Malformed),
    /// Another Belljar wrote them, in a format that has this number; this one knows the second.
    Version(u16, u16),
}

impl From<Malformed> for Unreadable {
    fn from(problem: Malformed) -> Self {
        Self::Damaged(problem)
    }
}

impl Head {
    /// The newest checkpoint.
    pub fn newest(&self) -> Option<&InBucket> {
        self.kept.last()
    }

    /// The checkpoint with this number in the bucket.
    pub fn checkpoint(&self, number: u64) -> Option<&InBucket> {
        self.kept.iter().find(|kept| kept.number == number)
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Malformed> {
        self.check()?;
        // Neither length passes its limit, which `check` has seen to.
        let (name_bytes, count) = (self.name.len() as u16, self.kept.len() as u32);
        let mut out = start(MAGIC, HEAD_FORMAT);
        out.extend_from_slice(&name_bytes.to_le_bytes());
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(&self.lease.to_le_bytes());
        out.extend_from_slice(&self.owner.0);
        out.extend_from_slice(&count.to_le_bytes());
        for kept in &self.kept {
            let InBucket { number, lease, generation, incarnation, message, taken_ns, pushed_ns, letter } = kept;
            for field in [number, lease, generation, incarnation, message, taken_ns, pushed_ns] {
                out.extend_from_slice(&field.to_le_bytes());
            }
            out.extend_from_slice(letter.as_bytes());
        }
        Ok(seal(out))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut fields = unseal(bytes, MAGIC, HEAD_FORMAT)?;
        let length = fields.u16("name's length")?;
        let name =
            std::str::from_utf8(fields.bytes(length.into(), "name")?).map_err(|_| "its name is not text".to_owned())?;
        let (name, lease, owner) = (name.to_owned(), fields.u64("lease")?, Owner(fields.array("owner")?));
        let count = fields.count(GENERATIONS_IN_HEAD_MAX, IN_BUCKET_BYTES, "checkpoints")?;
        let mut kept = Vec::with_capacity(count);
        for _ in 0..count {
            kept.push(InBucket::read(&mut fields)?);
        }
        fields.end()?;
        let head = Self { name, lease, owner, kept };
        head.check()?;
        Ok(head)
    }

    /// What is wrong with it, if anything. Both what is written and what was read passes this.
    fn check(&self) -> Result<(), Malformed> {
        let newest = self.kept.last().ok_or("it has no checkpoint")?;
        if self.name.len() > crate::ACTOR_NAME_BYTES_MAX {
            return Err(format!("a name of {} bytes is longer than {}", self.name.len(), crate::ACTOR_NAME_BYTES_MAX));
        }
        if self.kept.len() > GENERATIONS_IN_HEAD_MAX {
            return Err(format!("{} checkpoints are more than {GENERATIONS_IN_HEAD_MAX}", self.kept.len()));
        }
        if !self.kept.is_sorted_by(|a, b| a.number < b.number && a.lease <= b.lease) || newest.lease > self.lease {
            return Err("its checkpoints are out of order".to_owned());
        }
        Ok(())
    }
}

impl InBucket {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            number: fields.u64("number")?,
            lease: fields.u64("lease")?,
            generation: fields.u64("generation")?,
            incarnation: fields.u64("incarnation")?,
            message: fields.u64("message")?,
            taken_ns: fields.u64("time")?,
            pushed_ns: fields.u64("time of the push")?,
            letter: Digest::from_bytes(fields.array("letter")?),
        })
    }
}

/// How every object of a bucket begins that has a format of its own.
pub(super) fn start(magic: &[u8; 6], format: u16) -> Vec<u8> {
    let mut out = magic.to_vec();
    out.extend_from_slice(&format.to_le_bytes());
    out
}

/// Adds the checksum.
pub(super) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

/// The fields after magic and format.
pub(super) fn open<'a>(bytes: &'a [u8], magic: &[u8; 6], format: u16) -> Result<Fields<'a>, Unreadable> {
    let mut fields = Fields::new(bytes);
    if fields.array("magic").as_ref() != Ok(magic) {
        return Err("it does not start as one".to_owned().into());
    }
    match fields.u16("version")? {
        found if found == format => Ok(fields),
        found => Err(Unreadable::Version(found, format)),
    }
}

/// The fields between format and checksum, which is verified first.
pub(super) fn unseal<'a>(bytes: &'a [u8], magic: &[u8; 6], format: u16) -> Result<Fields<'a>, Unreadable> {
    open(bytes, magic, format)?;
    match bytes.split_last_chunk::<CHECKSUM_BYTES>() {
        Some((body, sum)) if checksum(body) == *sum => open(body, magic, format),
        _ => Err("its checksum does not fit".to_owned().into()),
    }
}
