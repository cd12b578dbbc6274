//! What a checkpoint says: whose state it is, how it came about, and where every page of it is.
//!
//! Pages are kept against the plugin's *base image*, which is what the memories of every fresh instance hold
//! (zeros past its end): a page that no manifest of a chain lists is the base image's. So a small actor costs
//! the pages that it has changed, and not the megabytes that its language's runtime brings along.

use bytes::Bytes;

use super::fields::Checksum;
use super::page::{PageRun, Run, check_runs};
use crate::digest::Digest;

/// The most pages that a record holds itself; beyond it they go to packs. 4 MiB is also the most that
/// decompressing a record can take.
pub const INLINE_PAGES_MAX: u32 = 1024;

/// The most bytes of compressed pages that a record holds itself.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;

/// The most bytes of host state that a record holds itself; beyond it they go to packs.
pub const HOST_STATE_INLINE_BYTES_MAX: usize = 64 * 1024;

/// The most bytes of host state that a checkpoint has.
pub const HOST_STATE_BYTES_MAX: u64 = 4 << 30;

/// The most memories of one actor.
pub const MEMORIES_MAX: usize = 1024;

/// The most mutable globals of one actor.
pub const GLOBALS_MAX: usize = 65_536;

/// The longest reason, in bytes of UTF-8.
pub const REASON_BYTES_MAX: usize = 1024;

/// The most extents of one manifest: as many as 4 GiB have pages, when no two neighbours share a chunk.
pub const EXTENTS_MAX: usize = 1 << 20;

/// The most attachments of one manifest: chunks of 4 GiB.
pub const ATTACHMENTS_MAX: usize = 65_536;

/// Whose state a checkpoint is and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The plugin's component. Its base image is what the pages are kept against.
    pub component: Digest,
    /// Which checkpoint of the actor this is; later ones have larger numbers.
    pub generation: u64,
    /// The incarnation of the actor; a fork or a restore by hand starts a new one.
    pub incarnation: u64,
    /// The lease under which it was written.
    pub lease: u64,
    /// When it was taken, in nanoseconds since 1970-01-01T00:00:00Z.
    pub taken_ns: u64,
    /// What it cost.
    pub cost: Cost,
    /// The policy's reason for taking it, in words.
    pub reason: String,
    /// The sequence number of the last journal record whose effects it contains.
    pub journal_sequence: u64,
}

/// What taking a checkpoint cost, as measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// For how long the actor stood still, in nanoseconds.
    pub pause_ns: u64,
    /// How long hashing, compressing and writing to packs took beside the actor, in nanoseconds.
    pub write_ns: u64,
    /// The bytes written to packs. The record itself comes on top.
    pub bytes: u64,
}

/// The value of one mutable global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Global {
    /// Which one, in the engine's numbering.
    pub index: u32,
    /// Its value, little-endian; types of fewer than 16 bytes are followed by zeros.
    pub value: [u8; 16],
}

/// The manifest of one checkpoint: all of it, or what has changed since its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Whose state it is and how it came about.
    pub meta: Meta,
    /// The checkpoint that this one completes; without one, the manifest is complete by itself.
    pub parent: Option<Parent>,
    /// All mutable globals that are kept, by ascending index.
    pub globals: Vec<Global>,
    /// The size of every memory in bytes, by ordinal.
    pub memory_sizes: Vec<u64>,
    /// The state that the host keeps for the actor. It is always complete.
    pub host_state: HostState,
    /// The pages that differ from the parent, or from the base image.
    pub pages: Pages,
    /// Chunks that the host's state names, such as those of objects that the actor holds. They are kept, and go to
    /// another machine, with the checkpoint, and are not read to restore it.
    pub attachments: Vec<Digest>,
}

/// Names the checkpoint that a delta completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its generation.
    pub generation: u64,
    /// The checksum at the end of its record, so that no other record is taken for it.
    pub checksum: Checksum,
}

/// The host's state of an actor, opaque to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostState {
    /// In the record.
    Inline(Bytes),
    /// In chunks of 64 KiB each, of which the last may be shorter.
    Chunked {
        /// Its size in bytes.
        size_bytes: u64,
        /// The chunks in order.
        chunks: Vec<Digest>,
    },
}

/// Where the pages are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pages {
    /// In the record.
    Inline(InlinePages),
    /// In packs; the extents are in the order of their pages and do not overlap.
    Chunked(Vec<Extent>),
}

/// Pages in the record itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InlinePages {
    /// Which pages, in order and without overlap.
    pub runs: Vec<PageRun>,
    /// Their contents one after the other, as one zstd frame; empty where there are none.
    pub compressed: Bytes,
}

/// A run of pages whose content is in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The pages; no more than a chunk holds.
    pub run: PageRun,
    /// The chunk.
    pub chunk: Digest,
    /// Which page of the chunk is the first of the run.
    pub chunk_page: u32,
}

impl Run for Extent {
    fn run(&self) -> PageRun {
        self.run
    }

    fn cut(&self, skip: u32, pages: u32) -> Self {
        let run = PageRun { first_page: self.run.first_page + skip, pages, ..self.run };
        Self { run, chunk_page: self.chunk_page + skip, ..*self }
    }
}

impl Manifest {
    /// The digests of all chunks that the manifest names; one that is named twice comes twice.
    pub fn chunks(&self) -> impl Iterator<Item = Digest> + '_ {
        self.state_chunks().chain(self.attachments.iter().copied())
    }

    /// The same without attachments: what restoring it takes.
    pub(super) fn state_chunks(&self) -> impl Iterator<Item = Digest> + '_ {
        let host: &[Digest] = match &self.host_state {
            HostState::Inline(_) => &[],
            HostState::Chunked { chunks, .. } => chunks,
        };
        let extents: &[Extent] = match &self.pages {
            Pages::Inline(_) => &[],
            Pages::Chunked(extents) => extents,
        };
        host.iter().copied().chain(extents.iter().map(|extent| extent.chunk))
    }

    /// What contradicts itself or passes a limit, if anything. Both what is written and what was read passes
    /// this, so the one cannot differ from the other.
    pub(super) fn check(&self) -> Result<(), String> {
        let within = |count: usize, max: usize, what: &str| match count <= max {
            true => Ok(()),
            false => Err(format!("{count} {what} are more than {max}")),
        };
        within(self.meta.reason.len(), REASON_BYTES_MAX, "bytes of reason")?;
        within(self.globals.len(), GLOBALS_MAX, "globals")?;
        within(self.memory_sizes.len(), MEMORIES_MAX, "memories")?;
        within(self.attachments.len(), ATTACHMENTS_MAX, "attachments")?;
        if !self.globals.is_sorted_by(|a, b| a.index < b.index) {
            return Err("the globals are out of order".to_owned());
        }
        if let Some(size) = self.memory_sizes.iter().find(|size| **size > super::MEMORY_BYTES_MAX) {
            return Err(format!("a memory of {size} bytes is larger than {}", super::MEMORY_BYTES_MAX));
        }
        if let Some(parent) = &self.parent
            && (parent.generation >= self.meta.generation || matches!(self.pages, Pages::Inline(_)))
        {
            return Err(format!("generation {} cannot have parent {}", self.meta.generation, parent.generation));
        }
        self.host_state.check()?;
        match &self.pages {
            Pages::Inline(inline) => inline.check(&self.memory_sizes),
            Pages::Chunked(extents) => {
                within(extents.len(), EXTENTS_MAX, "extents")?;
                check_runs(extents.iter().map(|extent| extent.run), &self.memory_sizes)?;
                let in_chunk = |e: &Extent| u64::from(e.chunk_page) + u64::from(e.run.pages) <= super::CHUNK_PAGES_MAX;
                extents.iter().all(in_chunk).then_some(()).ok_or_else(|| "an extent is longer than a chunk".to_owned())
            }
        }
    }
}

impl HostState {
    /// How many chunks a host state of that size has, when it is in chunks.
    pub(super) fn chunks_of(size_bytes: u64) -> u64 {
        size_bytes.div_ceil(super::CHUNK_BYTES_MAX as u64)
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Inline(bytes) if bytes.len() <= HOST_STATE_INLINE_BYTES_MAX => Ok(()),
            Self::Inline(bytes) => Err(format!("{} bytes of host state are too many for a record", bytes.len())),
            Self::Chunked { size_bytes, .. } if *size_bytes > HOST_STATE_BYTES_MAX => {
                Err(format!("{size_bytes} bytes of host state are more than {HOST_STATE_BYTES_MAX}"))
            }
            Self::Chunked { size_bytes, chunks } if Self::chunks_of(*size_bytes) != chunks.len() as u64 => {
                Err(format!("{size_bytes} bytes of host state are not {} chunks", chunks.len()))
            }
            Self::Chunked { .. } => Ok(()),
        }
    }
}

impl InlinePages {
    /// How many bytes the pages have together.
    pub(super) fn raw_bytes(&self) -> usize {
        self.runs.iter().map(PageRun::bytes).sum()
    }

    fn check(&self, memory_sizes: &[u64]) -> Result<(), String> {
        check_runs(self.runs.iter().copied(), memory_sizes)?;
        let pages: u64 = self.runs.iter().map(|run| u64::from(run.pages)).sum();
        if pages > u64::from(INLINE_PAGES_MAX) || self.compressed.len() > INLINE_BYTES_MAX {
            return Err(format!("{pages} pages in {} bytes are too many for a record", self.compressed.len()));
        }
        match pages == 0 && !self.compressed.is_empty() {
            true => Err("there is content, but no pages".to_owned()),
            false => Ok(()),
        }
    }
}
