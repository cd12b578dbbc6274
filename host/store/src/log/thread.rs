//! The thread that writes the log: one frame after another, each synced before the next is written.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::commit::{Group, Place, Work};
use super::frame::{FRAME_HEADER_BYTES, FrameHeader};
use super::index::Index;
use super::inner::Inner;
use super::record::RecordKind;
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, ValidPrefix};
use crate::error::StoreError;
use crate::storage::StorageFile;

/// How long the index may lag behind.
const INDEX_FLUSH_INTERVAL: Duration = Duration::from_secs(2);

/// After how many records the index is flushed, however few actors they belong to: they are what the next
/// process has to read again after a crash.
const INDEX_FLUSH_RECORDS: u64 = 65_536;

/// Where the log ends, durably.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    /// The last segment whose header is durable, up to its last durable frame.
    pub(super) last: Option<ValidPrefix>,
    /// The sequence number of the next frame.
    pub(super) next_frame: u64,
}

/// The state of the writer thread.
pub(super) struct LogThread {
    inner: Arc<Inner>,
    tail: Tail,
    /// The segment that is written to.
    file: Option<Box<dyn StorageFile>>,
    unindexed_records: u64,
    flush_at: Instant,
}

impl LogThread {
    pub(super) fn spawn(inner: Arc<Inner>, tail: Tail) -> Result<thread::JoinHandle<()>, StoreError> {
        let path = inner.segments.full_folder();
        let flush_at = Instant::now() + INDEX_FLUSH_INTERVAL;
        let state = Self { inner, tail, file: None, unindexed_records: 0, flush_at };
        let builder = thread::Builder::new().name("belljar-log".to_owned());
        builder.spawn(move || state.run()).map_err(|e| StoreError::io("start the writer of", &path, e))
    }

    fn run(mut self) {
        loop {
            let idle_after = self.inner.index().is_dirty().then_some(INDEX_FLUSH_INTERVAL);
            match self.inner.commit().take(idle_after) {
                Work::Write(group) => self.commit(group),
                Work::Idle => self.flush_index(),
                Work::Close => break,
            }
        }
        self.flush_index();
    }

    fn commit(&mut self, mut group: Group) {
        match self.make_durable(&mut group) {
            Ok(()) => {
                let records = group.changes.len() as u64;
                self.index(&mut group);
                let counters = &self.inner.counters;
                counters.frames.fetch_add(1, Ordering::Relaxed);
                counters.records.fetch_add(records, Ordering::Relaxed);
                self.inner.commit().succeed(group);
                self.unindexed_records += records;
                let is_due = self.unindexed_records >= INDEX_FLUSH_RECORDS || Instant::now() >= self.flush_at;
                if is_due || self.inner.index().is_full() {
                    self.flush_index();
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the log of actors was interrupted");
                // What the segment holds past its last durable frame is void from now on.
                self.file = None;
                let lost = self.inner.commit().fail(group, error);
                self.inner.writers().release_names(lost.into_iter().filter_map(|change| change.update.name));
            }
        }
    }

    fn make_durable(&mut self, group: &mut Group) -> Result<(), StoreError> {
        {
            let mut index = self.inner.index();
            if index.is_overfull() {
                index.flush()?;
            }
        }
        let Place { segment, begins_segment, .. } = group.place;
        if begins_segment {
            self.begin_segment(segment)?;
        }
        self.seal(group);
        let file = self.file.as_ref().ok_or(StoreError::LogClosed)?;
        file.append(&group.buffer)?;
        self.inner.counters.syncs.fetch_add(1, Ordering::Relaxed);
        file.sync_data()?;
        self.tail =
            Tail { last: Some(ValidPrefix { segment, bytes: group.end() }), next_frame: self.tail.next_frame + 1 };
        self.inner.segments.set_valid_bytes(segment, group.end());
        Ok(())
    }

    fn begin_segment(&mut self, segment: u64) -> Result<(), StoreError> {
        let header = SegmentHeader {
            segment,
            lease: self.inner.lease,
            first_frame: self.tail.next_frame,
            predecessor: self.tail.last,
            next_actor: self.inner.next_actor.load(Ordering::Relaxed),
            key: self.inner.key,
        };
        self.inner.counters.syncs.fetch_add(1, Ordering::Relaxed);
        self.file = Some(self.inner.segments.create(&header)?);
        self.tail.last = Some(ValidPrefix { segment, bytes: SEGMENT_HEADER_BYTES });
        Ok(())
    }

    /// Fills in the header of the frame.
    fn seal(&self, group: &mut Group) {
        let (head, payload) = group.buffer.split_at_mut(FRAME_HEADER_BYTES);
        let header = FrameHeader {
            payload_bytes: payload.len() as u32,
            segment: group.place.segment,
            sequence: self.tail.next_frame,
            lease: self.inner.lease,
            payload_checksum: self.inner.key.checksum(&[payload]),
        };
        head.copy_from_slice(&header.encode(&self.inner.key));
    }

    /// Tells the index of a durable group, before anybody else hears of it.
    fn index(&self, group: &mut Group) {
        let mut spawned = Vec::new();
        let mut index = self.inner.index();
        for change in group.changes.drain(..) {
            if change.kind == RecordKind::Spawn as u8 && !change.is_copy {
                spawned.extend(change.update.name.clone());
            }
            if !change.is_copy {
                index.apply(change);
            }
        }
        cover(&mut index, &self.tail);
        drop(index);
        self.inner.writers().release_names(spawned);
    }

    fn flush_index(&mut self) {
        self.unindexed_records = 0;
        self.flush_at = Instant::now() + INDEX_FLUSH_INTERVAL;
        if let Err(error) = self.inner.index().flush() {
            tracing::warn!(%error, "the index of actors lags behind");
        }
    }
}

/// Notes that the index has read the log up to `tail`.
pub(super) fn cover(index: &mut Index, tail: &Tail) {
    if let Some(last) = tail.last {
        index.covered.segment = last.segment;
        index.covered.offset = last.bytes;
        index.covered.next_frame = tail.next_frame;
    }
}
