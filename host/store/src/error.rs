//! The one error type of the crate. Variants are named for what a caller can do about them; each message
//! names the file or the field and, where there is one, the remedy.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalog::RunId;
use crate::digest::Digest;
use crate::log::ActorId;
use crate::objects::ObjectId;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process (or another part of this one) is writing to the directory.
    #[error(
        "{} is in use by {}: wait until it ends, or choose another directory with --data-dir",
        .path.display(),
        .pid.map_or("another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The directory that is locked.
        path: PathBuf,
        /// The process that holds the lock, where it could be read.
        pid: Option<u32>,
    },

    /// The path is not a data directory, and nothing was there to read.
    #[error("{} is not a Belljar data directory: run a workflow first, or name another with --data-dir", .path.display())]
    NoDataDir {
        /// The path that was to be opened.
        path: PathBuf,
    },

    /// The version file is there, and Belljar did not write it.
    #[error("{} was not written by Belljar: choose another directory with --data-dir", .path.display())]
    Foreign {
        /// The version file.
        path: PathBuf,
    },

    /// The file has a format that this build does not know.
    #[error(
        "{} has format {found}, and this Belljar knows format {supported}: use the Belljar that wrote it, or choose another directory with --data-dir",
        .path.display()
    )]
    Version {
        /// The file whose format differs.
        path: PathBuf,
        /// The format that the file says it has.
        found: u32,
        /// The format that this build reads and writes.
        supported: u32,
    },

    /// A change was asked of a data directory that was opened for reading only.
    #[error("{} was opened for reading only", .path.display())]
    ReadOnly {
        /// The data directory.
        path: PathBuf,
    },

    /// The operating system failed to read or write a file.
    #[error("could not {action} {}: {source}", .path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// The disk has no room left. Nothing was changed.
    #[error("could not write {}: the disk is full; free some space and try again", .path.display())]
    DiskFull {
        /// The file that was being written.
        path: PathBuf,
    },

    /// A store has reached one of its limits. It has room again when objects are freed.
    #[error("no room for {needed_bytes} more bytes: {limit} is {limit_bytes} bytes; free objects, or raise the limit")]
    Full {
        /// The name of the limit.
        limit: &'static str,
        /// The limit, in bytes.
        limit_bytes: u64,
        /// How many bytes were to be stored.
        needed_bytes: u64,
    },

    /// A single thing is larger than its limit allows.
    #[error("{what} of {size} is too large: {limit} is {limit_value}")]
    TooLarge {
        /// What was too large.
        what: &'static str,
        /// How large it is, in the unit of the limit.
        size: u64,
        /// The name of the limit.
        limit: &'static str,
        /// The limit.
        limit_value: u64,
    },

    /// The object is not in this store: it was freed, or belongs to another store.
    #[error("there is no object {id} in this store")]
    UnknownObject {
        /// The object that was asked for.
        id: ObjectId,
    },

    /// The range reaches past the end of the object.
    #[error("bytes {offset}..{} are out of range: the object has {size_bytes} bytes", .offset.saturating_add(*.length))]
    OutOfRange {
        /// Where the range starts, in bytes.
        offset: u64,
        /// How long it is, in bytes.
        length: u64,
        /// The size of the object, in bytes.
        size_bytes: u64,
    },

    /// No durable object has this digest.
    #[error("there is no durable object {digest}: it was removed, or the step that makes it has to run again")]
    MissingObject {
        /// The digest that was asked for.
        digest: Digest,
    },

    /// The bytes of a file are not those that were written.
    #[error("{} is damaged ({found} instead of {expected}): remove it, and run the step that makes it again", .path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// What was written.
        expected: String,
        /// What is there now.
        found: String,
    },

    /// The text is not a BLAKE3 digest.
    #[error("`{text}` is not a digest: it takes 64 hexadecimal digits")]
    InvalidDigest {
        /// The start of the text.
        text: String,
    },

    /// The data directory has no catalog yet.
    #[error("{} does not exist yet: run a workflow first", .path.display())]
    NoCatalog {
        /// Where the catalog would be.
        path: PathBuf,
    },

    /// Another process kept the catalog busy for longer than the time limit.
    #[error("the catalog is busy: another process has been using it for more than {waited_ms} ms; try again")]
    Busy {
        /// How long the store waited, in milliseconds.
        waited_ms: u64,
    },

    /// SQLite failed, or a row does not hold what this build writes.
    #[error("the catalog (catalog.sqlite in the data directory) failed: {source}")]
    Catalog {
        /// What SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// An item was given the empty key, which stands for the run itself.
    #[error("an item of run {run} has an empty key: give each item a key of its own")]
    EmptyItemKey {
        /// The run.
        run: RunId,
    },

    /// A part of the log of actors is not what was written. What the other actors have written is unharmed.
    #[error("{} is damaged at byte {offset}: {what}; put back the file from a backup, or go back to an older checkpoint", .path.display())]
    LogDamaged {
        /// The damaged file.
        path: PathBuf,
        /// Where the damage begins, in bytes.
        offset: u64,
        /// What was found there.
        what: &'static str,
    },

    /// The log could not be written, and everything that was not durable yet is gone. The log itself is
    /// whole: open the actor's writer anew, which goes on from its last durable record.
    #[error("the log of actors was interrupted before this was durable: {cause}; try again")]
    LogInterrupted {
        /// Why writing failed.
        cause: Arc<StoreError>,
    },

    /// The log was closed.
    #[error("the log of actors was closed")]
    LogClosed,

    /// A record has a kind that this build does not know.
    #[error("{} has a record of unknown kind {kind} at byte {offset}: use the Belljar that wrote it", .path.display())]
    UnknownRecordKind {
        /// The file.
        path: PathBuf,
        /// Where the record is, in bytes.
        offset: u64,
        /// The number of its kind.
        kind: u8,
    },

    /// Another actor has the name.
    #[error("there is an actor `{name}` already: choose another name, or remove that actor first")]
    NameTaken {
        /// The name.
        name: String,
    },

    /// There is no such actor.
    #[error("there is no actor {actor}: it was removed, or never spawned")]
    UnknownActor {
        /// Its name or number.
        actor: String,
    },

    /// Something else in this process is writing the history of the actor.
    #[error("actor {actor} has a writer already: drop that one first")]
    ActorInUse {
        /// The actor.
        actor: ActorId,
    },

    /// The index of the actors failed. It holds nothing that is not in the log too.
    #[error("the index of actors ({}) failed: {source}; open the data directory again, and if that does not help, remove the file: it is made anew from the log", .path.display())]
    ActorIndex {
        /// The index.
        path: PathBuf,
        /// What SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A checkpoint, or something that it needs, is not what was written. An older generation may be whole.
    #[error("{place} is damaged: {problem}; an older generation of the actor may be whole")]
    CheckpointDamaged {
        /// What is damaged: the record, or a chunk or pack with its name.
        place: String,
        /// What is wrong with it.
        problem: String,
    },

    /// No pack holds a chunk that a checkpoint names. An older generation may be whole.
    #[error(
        "chunk {digest} of a checkpoint is in none of the packs ({damaged_packs} of them unreadable); an older generation of the actor may be whole"
    )]
    ChunkMissing {
        /// The digest of the chunk.
        digest: Digest,
        /// How many packs could not be read, any of which may hold it.
        damaged_packs: usize,
    },

    /// A checkpoint, a pack or a bundle was written in a format that this build does not know.
    #[error("{what} has format {found}, and this Belljar knows format {supported}: use the Belljar that wrote it")]
    CheckpointVersion {
        /// What has the format.
        what: String,
        /// The format that it says it has.
        found: u16,
        /// The format that this build reads and writes.
        supported: u16,
    },

    /// The parts of a snapshot contradict each other. This is a mistake in the program that took it.
    #[error("the snapshot cannot be written: {problem}")]
    InvalidSnapshot {
        /// What is wrong with it.
        problem: String,
    },

    /// A file that should hold an exported actor does not, or not wholly.
    #[error("{} holds no whole actor: {problem} in its {section}; export it again", .path.display())]
    BundleDamaged {
        /// The file.
        path: PathBuf,
        /// The section in which it shows.
        section: &'static str,
        /// What is wrong with it.
        problem: String,
    },

    /// The text is not the URL of a bucket that can be opened.
    #[error("`{url}` is not the URL of a bucket: {problem}; it takes `s3://bucket/prefix` or `file:///folder`")]
    BucketUrl {
        /// The text, without what may be a secret.
        url: String,
        /// What is wrong with it.
        problem: String,
    },

    /// A request to a bucket failed, also when it was tried again.
    #[error(
        "could not {action} {object} in {bucket}: {source}; for a bucket of S3, check its name, the endpoint, the region, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    Bucket {
        /// What was being done, as a verb.
        action: &'static str,
        /// The key of the object.
        object: String,
        /// The bucket.
        bucket: String,
        /// Whether the same request may succeed later.
        is_retryable: bool,
        /// What the bucket answered.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// An object of a bucket is not what was written, or not there.
    #[error("{key} in {bucket} is damaged: {problem}; {remedy}")]
    BucketDamaged {
        /// The key of the object.
        key: String,
        /// The bucket.
        bucket: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it, which depends on what it is.
        remedy: &'static str,
    },

    /// The bucket overwrites what it was told not to, so it cannot keep owners apart.
    #[error(
        "{bucket} does not honour conditional writes (If-Match, If-None-Match), so an old owner could overwrite a new one: choose another service"
    )]
    BucketUnconditional {
        /// The bucket.
        bucket: String,
    },

    /// Somebody else is changing the bucket. Nothing that counts was changed.
    #[error("{bucket} is busy: {reason}; try again")]
    BucketBusy {
        /// The bucket.
        bucket: String,
        /// Who is doing what.
        reason: String,
    },

    /// The actor in the bucket belongs to another data directory, which took it over or pushed one of the same
    /// name first. Nothing was changed.
    #[error(
        "the actor `{name}` in {bucket} belongs to another owner since lease {found}: what is there was not overwritten. To go on with that one, `belljar actor rm {name}` (what was not pushed is lost) and pull it; if this is the right one, `belljar checkpoint rm {name} --from URL` and push it again"
    )]
    LeaseLost {
        /// The actor.
        name: String,
        /// The bucket.
        bucket: String,
        /// The lease of the actor now.
        found: u64,
    },

    /// The owner of the actor has pushed a later state of it. Nothing was changed.
    #[error(
        "{bucket} has generation {found} of the actor `{name}` already, which is later than {generation}: nothing was overwritten; to make an older state the newest, `belljar checkpoint restore {name} {generation}` and push again; --number N pulls an older checkpoint of the bucket"
    )]
    OlderThanBucket {
        /// The actor.
        name: String,
        /// The bucket.
        bucket: String,
        /// The generation that was to be pushed.
        generation: u64,
        /// The generation that is there.
        found: u64,
    },

    /// The bucket has no such actor or checkpoint.
    #[error("{bucket} has no {what}: `belljar checkpoint ls --from URL` lists what it has")]
    NotInBucket {
        /// What was looked for, with its name.
        what: String,
        /// The bucket.
        bucket: String,
    },

    /// No run, item or running step of that name.
    #[error("the catalog has no {what}")]
    UnknownRecord {
        /// What was looked for, with its name.
        what: String,
    },
}

impl StoreError {
    /// Whether something on disk is not what was written: an older generation, or another copy, may be whole.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::LogDamaged { .. }
                | Self::CheckpointDamaged { .. }
                | Self::ChunkMissing { .. }
                | Self::BucketDamaged { .. }
                | Self::UnknownRecordKind { .. }
        )
    }

    /// Whether it is the bucket that cannot be used now, and not only one actor of it: the next actor would fare no
    /// better.
    pub fn is_of_whole_bucket(&self) -> bool {
        match self {
            Self::Bucket { .. } | Self::BucketBusy { .. } | Self::BucketUnconditional { .. } => true,
            Self::BucketDamaged { key, .. } => crate::bucket::is_mark(key),
            _ => false,
        }
    }

    /// Whether the same call may succeed later although the caller changes nothing: somebody else has to
    /// let go of a lock, free objects or make room on the disk.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Locked { .. }
            | Self::Busy { .. }
            | Self::Full { .. }
            | Self::DiskFull { .. }
            | Self::LogInterrupted { .. }
            | Self::BucketBusy { .. } => true,
            Self::Bucket { is_retryable, .. } => *is_retryable,
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            ),
            _ => false,
        }
    }

    /// The error for a failed file operation. A full disk is told apart, because it has a remedy.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { action, path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_and_can_be_retried() {
        let full = StoreError::io("write", Path::new("x"), io::ErrorKind::StorageFull.into());
        assert!(matches!(full, StoreError::DiskFull { .. }));
        assert!(full.is_retryable());
        let denied = StoreError::io("write", Path::new("x"), io::ErrorKind::PermissionDenied.into());
        assert!(!denied.is_retryable());
        assert!(denied.to_string().starts_with("could not write x: "));
    }
}
