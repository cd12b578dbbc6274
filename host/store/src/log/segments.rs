//! The segment files of a log: which there are, where each ends, and reading one record by its position.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::{ActorId, Position, RECORD_HEADER_BYTES, Record, RecordHeader, RecordKind};
use super::segment::{self, HeaderFault, SEGMENT_HEADER_BYTES, SEGMENT_VERSION, SegmentHeader};
use crate::error::StoreError;
use crate::storage::{Storage, StorageFile};

/// How many segments are kept open for reading.
const SEGMENTS_OPEN_MAX: usize = 64;

/// How much is read at first, in bytes: most records are smaller, and so need one read.
const FIRST_READ_BYTES: usize = 4096;

/// The segments of a log, open or not.
pub(super) struct Segments {
    storage: Arc<dyn Storage>,
    folder: PathBuf,
    /// The most recently used last.
    open: Mutex<Vec<Arc<Segment>>>,
    /// How much of each segment that this process has begun is valid. Of the others their successors tell.
    ends: Mutex<BTreeMap<u64, u64>>,
}

/// A segment that is open for reading.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) header: SegmentHeader,
    pub(super) file: Box<dyn StorageFile>,
    pub(super) path: PathBuf,
}

impl Segments {
    pub(super) fn new(storage: Arc<dyn Storage>, folder: &Path) -> Self {
        Self { storage, folder: folder.to_owned(), open: Mutex::default(), ends: Mutex::default() }
    }

    /// The numbers of all segments there are, ascending.
    pub(super) fn numbers(&self) -> Result<Vec<u64>, StoreError> {
        let names = self.storage.list(&self.folder)?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment::number_of(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Creates a segment whose header and name are durable on return. On failure nothing refers to it, and
    /// it is removed where that is still possible.
    pub(super) fn create(&self, header: &SegmentHeader) -> Result<Box<dyn StorageFile>, StoreError> {
        let path = self.path(header.segment);
        let file = self.storage.create(&path)?;
        let made_durable = file
            .append(&header.encode())
            .and_then(|()| file.sync_data())
            .and_then(|()| self.storage.sync_folder(&self.folder));
        if let Err(error) = made_durable {
            if let Err(left) = self.storage.remove(&path) {
                tracing::debug!(error = %left, "left an empty segment behind");
            }
            return Err(error);
        }
        self.set_valid_bytes(header.segment, SEGMENT_HEADER_BYTES);
        Ok(file)
    }

    /// Removes a segment for good.
    pub(super) fn remove(&self, number: u64) -> Result<(), StoreError> {
        self.lock_open().retain(|segment| segment.header.segment != number);
        self.storage.remove(&self.path(number))?;
        self.storage.sync_folder(&self.folder)?;
        self.lock_ends().remove(&number);
        Ok(())
    }

    /// Creates the folder of the segments.
    pub(super) fn create_folder(&self) -> Result<(), StoreError> {
        self.storage.create_folder(&self.folder)
    }

    /// Makes a segment that a dead process has written, and its name, durable.
    pub(super) fn sync(&self, number: u64) -> Result<(), StoreError> {
        self.storage.open(&self.path(number))?.sync_data()?;
        self.storage.sync_folder(&self.folder)
    }

    /// An open segment.
    ///
    /// # Errors
    /// [`StoreError::LogDamaged`] when its header can't be read, [`StoreError::Version`], [`StoreError::Io`].
    pub(super) fn get(&self, number: u64) -> Result<Arc<Segment>, StoreError> {
        {
            let mut open = self.lock_open();
            if let Some(index) = open.iter().position(|segment| segment.header.segment == number) {
                let found = open.remove(index);
                open.push(found.clone());
                return Ok(found);
            }
        }
        let path = self.storage.full_path(&self.path(number));
        let file = self.storage.open(&self.path(number))?;
        let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
        let count = file.read_at(0, &mut bytes)?;
        let header = SegmentHeader::decode(&bytes[..count], number).map_err(|fault| match fault {
            HeaderFault::Damaged => damaged(&path, 0, "neither copy of the segment's header is whole"),
            HeaderFault::Version(found) => {
                StoreError::Version { path: path.clone(), found, supported: SEGMENT_VERSION }
            }
        })?;
        let segment = Arc::new(Segment { header, file, path });
        let mut open = self.lock_open();
        if open.len() >= SEGMENTS_OPEN_MAX {
            open.remove(0);
        }
        open.push(segment.clone());
        Ok(segment)
    }

    /// Like [`get`](Self::get), but `None` for a segment whose creation a crash has cut short. Frames are
    /// written only after the header is durable, so such a file holds nothing.
    pub(super) fn get_unless_unborn(&self, number: u64) -> Result<Option<Arc<Segment>>, StoreError> {
        match self.get(number) {
            Ok(segment) => Ok(Some(segment)),
            Err(error @ StoreError::LogDamaged { .. }) => {
                let size_bytes = self.storage.open(&self.path(number))?.size_bytes()?;
                if size_bytes <= SEGMENT_HEADER_BYTES { Ok(None) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// How much of a segment counts, by what this process has written to it or what its successor states;
    /// `None` for the last one.
    pub(super) fn valid_bytes(&self, number: u64) -> Result<Option<u64>, StoreError> {
        if let Some(&bytes) = self.lock_ends().get(&number) {
            return Ok(Some(bytes));
        }
        for later in self.numbers()?.into_iter().filter(|&later| later > number) {
            let Some(segment) = self.get_unless_unborn(later)? else { continue };
            if let Some(prefix) = segment.header.predecessor
                && prefix.segment == number
            {
                return Ok(Some(prefix.bytes));
            }
        }
        Ok(None)
    }

    pub(super) fn set_valid_bytes(&self, number: u64, bytes: u64) {
        self.lock_ends().insert(number, bytes);
    }

    /// The size of a segment's file, in bytes; 0 when it was removed meanwhile.
    pub(super) fn file_bytes(&self, number: u64) -> u64 {
        self.storage.open(&self.path(number)).and_then(|file| file.size_bytes()).unwrap_or(0)
    }

    /// The record at a position.
    ///
    /// # Errors
    /// The outer error is for a record whose header can't be read; the inner one for a record whose payload
    /// is damaged, or of an unknown kind, while its header still tells what comes before it.
    pub(super) fn read(&self, position: Position) -> Result<(RecordHeader, Result<Record, StoreError>), StoreError> {
        let segment = self.get(position.segment)?;
        let lost = |what| damaged(&segment.path, position.offset, what);
        let mut bytes = vec![0; FIRST_READ_BYTES];
        let count = segment.file.read_at(position.offset, &mut bytes)?;
        let header = RecordHeader::decode(&bytes[..count], &segment.header.key)
            .ok_or_else(|| lost("there is no whole record header"))?;
        bytes.resize(header.record_bytes(), 0);
        if bytes.len() > count && count == FIRST_READ_BYTES {
            let rest = position.offset + count as u64;
            segment.file.read_at(rest, &mut bytes[count..])?;
        }
        let (head, body) = bytes.split_at(RECORD_HEADER_BYTES);
        if !RecordHeader::is_whole(head, body, &segment.header.key) {
            return Ok((header, Err(lost("the record is not what was written"))));
        }
        let Some(kind) = RecordKind::from_number(header.kind) else {
            let error = StoreError::UnknownRecordKind {
                path: segment.path.clone(),
                offset: position.offset,
                kind: header.kind,
            };
            return Ok((header, Err(error)));
        };
        let payload = body[usize::from(header.update_bytes)..].to_vec();
        let record = Record { position, actor: header.actor, sequence: header.sequence, kind, payload };
        Ok((header, Ok(record)))
    }

    /// What is on disk at a position, damaged or not: up to so many bytes.
    pub(super) fn raw(&self, position: Position, bytes_max: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; bytes_max];
        let count = self.get(position.segment)?.file.read_at(position.offset, &mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// The error for a record that is not where its actor's history says it is.
    pub(super) fn not_of_actor(&self, position: Position, actor: ActorId) -> StoreError {
        tracing::warn!(%actor, ?position, "a history leads to a record of another actor");
        let path = self.storage.full_path(&self.path(position.segment));
        damaged(&path, position.offset, "the record belongs elsewhere")
    }

    pub(super) fn full_path(&self, number: u64) -> PathBuf {
        self.storage.full_path(&self.path(number))
    }

    pub(super) fn full_folder(&self) -> PathBuf {
        self.storage.full_path(&self.folder)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(segment::file_name(number))
    }

    fn lock_open(&self) -> MutexGuard<'_, Vec<Arc<Segment>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_ends(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segments").field("folder", &self.full_folder()).finish_non_exhaustive()
    }
}

pub(super) fn damaged(path: &Path, offset: u64, what: &'static str) -> StoreError {
    StoreError::LogDamaged { path: path.to_owned(), offset, what }
}
