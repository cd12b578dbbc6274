//! A manifest as bytes: the payload of a checkpoint record. `docs/format.md` describes every byte.
//!
//! A manifest has one encoding, and decoding is total: any input is a manifest or a typed error. The
//! checksum at the end covers all before it and is verified before anything else is believed.

use bytes::Bytes;

use super::fields::{CHECKSUM_BYTES, Checksum, Fields, Malformed, checksum};
use super::manifest::{
    ATTACHMENTS_MAX, Cost, EXTENTS_MAX, Extent, GLOBALS_MAX, Global, HOST_STATE_BYTES_MAX, HOST_STATE_INLINE_BYTES_MAX,
    HostState, INLINE_BYTES_MAX, INLINE_PAGES_MAX, InlinePages, MEMORIES_MAX, Manifest, Meta, Pages, Parent,
    REASON_BYTES_MAX,
};
use super::page::PageRun;
use crate::digest::Digest;
use crate::error::StoreError;

/// The format of checkpoint records that this build writes. It reads those before it, too: format 1 has no attachments.
pub const CHECKPOINT_FORMAT: u16 = 2;

/// The first format that has attachments.
const FORMAT_WITH_ATTACHMENTS: u16 = 2;

/// How the payload of a checkpoint record begins.
pub const MAGIC: &[u8; 6] = b"BJCKPT";

/// What the errors call the bytes.
const RECORD: &str = "the checkpoint record";

/// In place of a parent, in the record of a checkpoint that has none.
const NO_PARENT: (u64, Checksum) = (0, [0; CHECKSUM_BYTES]);

const GLOBAL_BYTES: usize = 4 + 16;
const RUN_BYTES: usize = 4 + 4 + 4;
const EXTENT_BYTES: usize = 4 + 4 + 1 + 1 + 32;

/// The tags of the two forms that host state and pages have.
const INLINE: u8 = 0;
const CHUNKED: u8 = 1;

impl Manifest {
    /// The payload of the record.
    ///
    /// # Errors
    /// [`StoreError::InvalidSnapshot`] when the manifest contradicts itself or passes a limit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        self.check().map_err(|problem| StoreError::InvalidSnapshot { problem })?;
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&CHECKPOINT_FORMAT.to_le_bytes());
        self.meta.write(self.parent, &mut out);
        write_count(self.globals.len(), &mut out);
        for global in &self.globals {
            out.extend_from_slice(&global.index.to_le_bytes());
            out.extend_from_slice(&global.value);
        }
        write_count(self.memory_sizes.len(), &mut out);
        out.extend(self.memory_sizes.iter().flat_map(|size| size.to_le_bytes()));
        self.host_state.write(&mut out);
        self.pages.write(&mut out);
        write_count(self.attachments.len(), &mut out);
        out.extend(self.attachments.iter().flat_map(|chunk| *chunk.as_bytes()));
        let sum = checksum(&out);
        out.extend_from_slice(&sum);
        Ok(out)
    }

    /// Reads the payload of a record.
    ///
    /// # Errors
    /// [`StoreError::CheckpointDamaged`] when it is not what was written, [`StoreError::CheckpointVersion`]
    /// when another Belljar wrote it.
    pub fn from_bytes(payload: &[u8]) -> Result<Self, StoreError> {
        let mut fields = Fields::new(payload);
        if fields.array(RECORD).as_ref() != Ok(MAGIC) {
            return Err(damaged("it does not start as one".to_owned()));
        }
        let found = fields.u16("version").map_err(damaged)?;
        if !(1..=CHECKPOINT_FORMAT).contains(&found) {
            return Err(StoreError::CheckpointVersion { what: RECORD.to_owned(), found, supported: CHECKPOINT_FORMAT });
        }
        match payload.split_last_chunk() {
            Some((body, sum)) if checksum(body) == *sum => {}
            _ => return Err(damaged("its checksum does not fit".to_owned())),
        }
        let manifest = Self::read(&mut fields, found).map_err(damaged)?;
        manifest.check().map_err(damaged)?;
        Ok(manifest)
    }

    fn read(fields: &mut Fields<'_>, format: u16) -> Result<Self, Malformed> {
        let (meta, parent) = Meta::read(fields)?;
        let globals = (0..fields.count(GLOBALS_MAX, GLOBAL_BYTES, "globals")?)
            .map(|_| Ok(Global { index: fields.u32("globals")?, value: fields.array("globals")? }))
            .collect::<Result<_, Malformed>>()?;
        let memory_sizes = (0..fields.count(MEMORIES_MAX, size_of::<u64>(), "memories")?)
            .map(|_| fields.u64("memories"))
            .collect::<Result<_, Malformed>>()?;
        let host_state = HostState::read(fields)?;
        let pages = Pages::read(fields)?;
        let attachments = match format {
            FORMAT_WITH_ATTACHMENTS.. => (0..fields.count(ATTACHMENTS_MAX, blake3::OUT_LEN, "attachments")?)
                .map(|_| Ok(Digest::from_bytes(fields.array("attachments")?)))
                .collect::<Result<_, Malformed>>()?,
            _ => Vec::new(),
        };
        fields.bytes(CHECKSUM_BYTES, "checksum")?;
        fields.end()?;
        Ok(Self { meta, parent, globals, memory_sizes, host_state, pages, attachments })
    }
}

impl Parent {
    /// How a delta names the checkpoint with this payload, which was read from a record or is going to be one.
    pub(super) fn of(generation: u64, payload: &[u8]) -> Self {
        let checksum = payload.last_chunk().copied().expect("a payload ends with a checksum");
        Self { generation, checksum }
    }
}

impl Meta {
    fn write(&self, parent: Option<Parent>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.component.as_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.push(parent.is_some().into());
        let (generation, sum) = parent.map_or(NO_PARENT, |parent| (parent.generation, parent.checksum));
        out.extend_from_slice(&generation.to_le_bytes());
        out.extend_from_slice(&sum);
        let Cost { pause_ns, write_ns, bytes } = self.cost;
        for number in [self.incarnation, self.lease, self.taken_ns, pause_ns, write_ns, bytes, self.journal_sequence] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        write_count(self.reason.len(), out);
        out.extend_from_slice(self.reason.as_bytes());
    }

    fn read(fields: &mut Fields<'_>) -> Result<(Self, Option<Parent>), Malformed> {
        let component = Digest::from_bytes(fields.array("component")?);
        let generation = fields.u64("generation")?;
        let has_parent = fields.u8("parent")?;
        let named = (fields.u64("parent")?, fields.array("parent")?);
        let parent = match has_parent {
            0 if named == NO_PARENT => None,
            1 => Some(Parent { generation: named.0, checksum: named.1 }),
            _ => return Err("it half names a parent".to_owned()),
        };
        let [incarnation, lease, taken_ns] = numbers(fields)?;
        let [pause_ns, write_ns, bytes, journal_sequence] = numbers(fields)?;
        let reason_bytes = fields.count(REASON_BYTES_MAX, 1, "bytes of reason")?;
        let reason = std::str::from_utf8(fields.bytes(reason_bytes, "reason")?)
            .map_err(|_| "its reason is not text".to_owned())?
            .to_owned();
        let cost = Cost { pause_ns, write_ns, bytes };
        Ok((Self { component, generation, incarnation, lease, taken_ns, cost, reason, journal_sequence }, parent))
    }
}

impl HostState {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Inline(bytes) => {
                out.push(INLINE);
                write_count(bytes.len(), out);
                out.extend_from_slice(bytes);
            }
            Self::Chunked { size_bytes, chunks } => {
                out.push(CHUNKED);
                out.extend_from_slice(&size_bytes.to_le_bytes());
                out.extend(chunks.iter().flat_map(|chunk| *chunk.as_bytes()));
            }
        }
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        match fields.u8("host state")? {
            INLINE => {
                let length = fields.count(HOST_STATE_INLINE_BYTES_MAX, 1, "bytes of host state")?;
                Ok(Self::Inline(Bytes::copy_from_slice(fields.bytes(length, "host state")?)))
            }
            CHUNKED => {
                let size_bytes = fields.u64("host state")?;
                if size_bytes > HOST_STATE_BYTES_MAX {
                    return Err(format!("{size_bytes} bytes of host state are more than {HOST_STATE_BYTES_MAX}"));
                }
                let chunks = fields.bytes(Self::chunks_of(size_bytes) as usize * blake3::OUT_LEN, "host state")?;
                let chunks = chunks.as_chunks().0.iter().map(|digest| Digest::from_bytes(*digest)).collect();
                Ok(Self::Chunked { size_bytes, chunks })
            }
            tag => Err(format!("its host state has the unknown form {tag}")),
        }
    }
}

impl Pages {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Inline(InlinePages { runs, compressed }) => {
                out.push(INLINE);
                write_count(runs.len(), out);
                for run in runs {
                    out.extend([run.memory, run.first_page, run.pages].iter().flat_map(|field| field.to_le_bytes()));
                }
                write_count(compressed.len(), out);
                out.extend_from_slice(compressed);
            }
            Self::Chunked(extents) => {
                out.push(CHUNKED);
                write_count(extents.len(), out);
                out.reserve(extents.len() * EXTENT_BYTES + CHECKSUM_BYTES);
                for Extent { run, chunk, chunk_page } in extents {
                    out.extend([run.memory, run.first_page].iter().flat_map(|field| field.to_le_bytes()));
                    // Both are at most the pages of a chunk, which `check` has made sure of.
                    out.extend([run.pages as u8, *chunk_page as u8]);
                    out.extend_from_slice(chunk.as_bytes());
                }
            }
        }
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        match fields.u8("pages")? {
            INLINE => {
                let runs = (0..fields.count(INLINE_PAGES_MAX as usize, RUN_BYTES, "runs of pages")?)
                    .map(|_| {
                        let [memory, first_page, pages] = [(); 3].map(|()| fields.u32("pages"));
                        Ok(PageRun { memory: memory?, first_page: first_page?, pages: pages? })
                    })
                    .collect::<Result<_, Malformed>>()?;
                let length = fields.count(INLINE_BYTES_MAX, 1, "bytes of pages")?;
                let compressed = Bytes::copy_from_slice(fields.bytes(length, "pages")?);
                Ok(Self::Inline(InlinePages { runs, compressed }))
            }
            CHUNKED => {
                let extents = (0..fields.count(EXTENTS_MAX, EXTENT_BYTES, "extents")?)
                    .map(|_| Extent::read(fields))
                    .collect::<Result<_, Malformed>>()?;
                Ok(Self::Chunked(extents))
            }
            tag => Err(format!("its pages have the unknown form {tag}")),
        }
    }
}

impl Extent {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let [memory, first_page] = [fields.u32("extents")?, fields.u32("extents")?];
        let [pages, chunk_page] = [fields.u8("extents")?, fields.u8("extents")?].map(u32::from);
        let chunk = Digest::from_bytes(fields.array("extents")?);
        Ok(Self { run: PageRun { memory, first_page, pages }, chunk, chunk_page })
    }
}

fn numbers<const N: usize>(fields: &mut Fields<'_>) -> Result<[u64; N], Malformed> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = fields.u64("numbers")?;
    }
    Ok(numbers)
}

/// Writes a length that is known to be within its limit, all of which fit in 32 bits.
fn write_count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(count as u32).to_le_bytes());
}

fn damaged(problem: Malformed) -> StoreError {
    StoreError::CheckpointDamaged { place: RECORD.to_owned(), problem }
}
