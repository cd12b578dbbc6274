//! From a snapshot to the payload of a checkpoint record. A small actor's pages go into the record, so that
//! waking it is one read; a large one's go to packs, and only those that have changed.

use std::time::Instant;

use bytes::Bytes;

use super::chunk::{CHUNK_BYTES_MAX, CHUNK_PAGES_MAX};
use super::compress::{compress, decompress};
use super::flatten::{PageMap, list};
use super::manifest::{
    Extent, Global, HOST_STATE_INLINE_BYTES_MAX, HostState, INLINE_BYTES_MAX, INLINE_PAGES_MAX, InlinePages, Manifest,
    Meta, Pages, Parent,
};
use super::packs::{Packs, Pin};
use super::page::{PAGE_BYTES, PageRun, Run, check_runs, overlay};
use crate::digest::Digest;
use crate::error::StoreError;

/// What was taken of an actor, between two messages.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// Whose state it is and how it came about. [`encode`] fills in `cost.write_ns` and `cost.bytes`.
    pub meta: Meta,
    /// The memories by ordinal.
    pub memories: Vec<MemorySnapshot<'a>>,
    /// The mutable globals by ascending index.
    pub globals: Vec<Global>,
    /// The state that the host keeps for the actor.
    pub host_state: &'a [u8],
    /// Chunks that the host's state names. They are in the packs, and have a pin until the checkpoint has one.
    pub attachments: Vec<Digest>,
}

/// What was taken of one memory.
#[derive(Clone, Debug, Default)]
pub struct MemorySnapshot<'a> {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The pages that have changed since the parent, or that differ from the base image when there is no
    /// parent; in order. Fewer and longer runs make fewer chunks.
    pub pages: Vec<PagesSnapshot<'a>>,
}

/// Consecutive pages of a memory.
#[derive(Clone, Copy, Debug)]
pub struct PagesSnapshot<'a> {
    /// The number of the first page.
    pub first_page: u32,
    /// Their content: a multiple of [`PAGE_BYTES`].
    pub content: &'a [u8],
}

/// A checkpoint that is ready to be appended to the log.
#[derive(Debug)]
pub struct Encoded {
    /// The payload of the record.
    pub payload: Vec<u8>,
    /// What the actor's next checkpoint is encoded against.
    pub page_map: PageMap,
    /// How many chunks were not stored before.
    pub new_chunks: usize,
    /// Keeps the chunks until the record is durable and a garbage collection would be told of it.
    pub pin: Pin,
}

/// Makes the payload of a checkpoint record. What it needs of the packs is durable when this returns, so the
/// record may be appended at once.
///
/// `parent` is the map of the actor's previous checkpoint, whose record must be in the log before this one.
/// Without it the snapshot's pages are all that differ from the base image.
///
/// # Errors
/// [`StoreError::InvalidSnapshot`] when the snapshot contradicts itself or passes a limit;
/// [`StoreError::ChunkMissing`] when a chunk of the parent is gone; those of [`Packs::put`]. Nothing of the actor was changed then, and its next checkpoint may have the same parent.
pub fn encode(snapshot: Snapshot<'_>, parent: Option<&PageMap>, packs: &Packs) -> Result<Encoded, StoreError> {
    let started = Instant::now();
    let changed = snapshot.slices().map_err(invalid)?;
    check_parent(&snapshot.meta, parent).map_err(invalid)?;
    let inline_content = parent.map(PageMap::inline_content).transpose()?.flatten();
    let plan = match (parent.map(|map| &map.pages), &inline_content) {
        (Some(Pages::Chunked(extents)), _) => Plan::Chunked { parent: Some(extents), slices: changed },
        (Some(Pages::Inline(inline)), Some(content)) => Plan::complete(overlay(&inline.slices(content), &changed)),
        _ => Plan::complete(changed),
    };

    let host_chunks: Vec<&[u8]> = match snapshot.host_state.len() {
        0..=HOST_STATE_INLINE_BYTES_MAX => Vec::new(),
        _ => snapshot.host_state.chunks(CHUNK_BYTES_MAX).collect(),
    };
    let page_chunks = plan.chunks();
    let content: Vec<&[u8]> =
        host_chunks.iter().copied().chain(page_chunks.iter().map(|slice| slice.content)).collect();
    let put = packs.put(&content)?;
    let (host_digests, page_digests) = put.digests.split_at(host_chunks.len());
    let host_state = match host_digests {
        [] => HostState::Inline(Bytes::copy_from_slice(snapshot.host_state)),
        chunks => HostState::Chunked { size_bytes: snapshot.host_state.len() as u64, chunks: chunks.to_vec() },
    };
    let (pages, is_delta, all) = plan.list(&page_chunks, page_digests, parent);
    let memory_sizes: Vec<u64> = snapshot.memories.iter().map(|memory| memory.size_bytes).collect();
    if let Some(Pages::Chunked(all)) = &all {
        // A memory that became smaller than what its parent has of it makes a delta that nobody can read.
        check_runs(all.iter().map(|extent| extent.run), &memory_sizes).map_err(invalid)?;
        // Chunks that its parents brought are needed as much as its own.
        packs.check_stored(all.iter().map(|extent| extent.chunk))?;
    }

    let mut meta = snapshot.meta;
    meta.cost.write_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    meta.cost.bytes = put.written_bytes;
    let (component, generation) = (meta.component, meta.generation);
    let delta_to = parent.filter(|_| is_delta);
    let manifest = Manifest {
        meta,
        parent: delta_to.map(|map| map.this),
        globals: snapshot.globals,
        memory_sizes,
        host_state,
        pages,
        attachments: snapshot.attachments,
    };
    let payload = manifest.to_bytes()?;
    // A complete manifest also names chunks of the checkpoints before it, whose records may go.
    let pin = packs.pin(manifest.chunks().collect())?;
    let page_map = PageMap {
        component,
        this: Parent::of(generation, &payload),
        chain: delta_to.map_or(0, |map| map.chain) + 1,
        oldest: delta_to.map_or(generation, |map| map.oldest),
        pages: all.unwrap_or(manifest.pages),
    };
    Ok(Encoded { payload, page_map, new_chunks: put.new.len(), pin })
}

/// How the pages are going to be kept.
enum Plan<'a> {
    /// In the record, compressed.
    Inline(InlinePages),
    /// In packs; with a parent, the slices are what has changed since.
    Chunked { parent: Option<&'a [Extent]>, slices: Vec<Slice<'a>> },
}

impl<'a> Plan<'a> {
    /// For all pages that differ from the base image.
    fn complete(slices: Vec<Slice<'a>>) -> Self {
        match InlinePages::of(&slices) {
            Some(inline) => Self::Inline(inline),
            None => Self::Chunked { parent: None, slices },
        }
    }

    /// What goes to packs, in pieces of a chunk.
    fn chunks(&self) -> Vec<Slice<'a>> {
        match self {
            Self::Inline(_) => Vec::new(),
            Self::Chunked { slices, .. } => slices.iter().flat_map(|slice| slice.chunks()).collect(),
        }
    }

    /// What the manifest lists, whether that is a delta, and all pages where they are others.
    fn list(self, chunks: &[Slice<'a>], digests: &[Digest], map: Option<&PageMap>) -> (Pages, bool, Option<Pages>) {
        match self {
            Self::Inline(inline) => (Pages::Inline(inline), false, None),
            Self::Chunked { parent, .. } => {
                let extents = chunks.iter().zip(digests);
                let changed: Vec<_> =
                    extents.map(|(slice, chunk)| Extent { run: slice.run(), chunk: *chunk, chunk_page: 0 }).collect();
                match (parent, map) {
                    (Some(parent), Some(map)) => {
                        let listed = list(parent, map.chain, changed);
                        (Pages::Chunked(listed.extents), listed.is_delta, Some(Pages::Chunked(listed.all)))
                    }
                    _ => (Pages::Chunked(changed), false, None),
                }
            }
        }
    }
}

/// Consecutive pages and their content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice<'a> {
    memory: u32,
    first_page: u32,
    content: &'a [u8],
}

impl Run for Slice<'_> {
    fn run(&self) -> PageRun {
        // `Snapshot::slices` has made sure that the pages are those of a memory, whose numbers fit.
        let pages = (self.content.len() / PAGE_BYTES) as u32;
        PageRun { memory: self.memory, first_page: self.first_page, pages }
    }

    fn cut(&self, skip: u32, pages: u32) -> Self {
        let start = skip as usize * PAGE_BYTES;
        let content = &self.content[start..start + pages as usize * PAGE_BYTES];
        Self { first_page: self.first_page + skip, content, ..*self }
    }
}

impl<'a> Slice<'a> {
    /// Cuts at every multiple of a chunk's pages, so that the same page falls into the same chunk next time.
    fn chunks(self) -> impl Iterator<Item = Self> {
        let pages = self.run().pages;
        let mut from = 0;
        std::iter::from_fn(move || {
            let to_boundary = CHUNK_PAGES_MAX as u32 - (self.first_page + from) % CHUNK_PAGES_MAX as u32;
            let next = (from < pages).then(|| self.cut(from, to_boundary.min(pages - from)));
            from = from.saturating_add(to_boundary);
            next
        })
    }
}

impl<'a> Snapshot<'a> {
    fn slices(&self) -> Result<Vec<Slice<'a>>, String> {
        let mut slices = Vec::new();
        for (memory, snapshot) in (0..).zip(&self.memories) {
            for PagesSnapshot { first_page, content } in snapshot.pages.iter().copied() {
                if content.len() % PAGE_BYTES != 0 || u32::try_from(content.len() / PAGE_BYTES).is_err() {
                    return Err(format!("{} bytes from page {first_page} on are not pages", content.len()));
                }
                slices.push(Slice { memory, first_page, content });
            }
        }
        let sizes: Vec<u64> = self.memories.iter().map(|memory| memory.size_bytes).collect();
        check_runs(slices.iter().map(Run::run), &sizes)?;
        Ok(slices)
    }
}

impl InlinePages {
    /// The pages for a record, unless they are too many or do not get small enough.
    fn of(slices: &[Slice<'_>]) -> Option<Self> {
        let runs: Vec<PageRun> = slices.iter().map(Run::run).collect();
        let pages: u64 = runs.iter().map(|run| u64::from(run.pages)).sum();
        if pages > u64::from(INLINE_PAGES_MAX) {
            return None;
        }
        if runs.is_empty() {
            return Some(Self::default());
        }
        let content = slices.iter().map(|slice| slice.content).collect::<Vec<_>>().concat();
        let compressed = compress(&content, INLINE_BYTES_MAX + 1)?;
        Some(Self { runs, compressed: compressed.into() })
    }

    /// The content of the pages, one after the other.
    ///
    /// # Errors
    /// [`StoreError::CheckpointDamaged`] when it is not what the runs say.
    pub(super) fn content(&self) -> Result<Vec<u8>, StoreError> {
        if self.runs.is_empty() {
            return Ok(Vec::new());
        }
        decompress(&self.compressed, self.raw_bytes())
            .map_err(|problem| StoreError::CheckpointDamaged { place: "the checkpoint record".to_owned(), problem })
    }

    fn slices<'a>(&self, mut content: &'a [u8]) -> Vec<Slice<'a>> {
        let slice = |run: &PageRun| {
            let (own, rest) = content.split_at(run.bytes());
            content = rest;
            Slice { memory: run.memory, first_page: run.first_page, content: own }
        };
        self.runs.iter().map(slice).collect()
    }
}

impl PageMap {
    fn inline_content(&self) -> Result<Option<Vec<u8>>, StoreError> {
        match &self.pages {
            Pages::Inline(inline) => inline.content().map(Some),
            Pages::Chunked(_) => Ok(None),
        }
    }
}

fn check_parent(meta: &Meta, parent: Option<&PageMap>) -> Result<(), String> {
    match parent {
        Some(map) if map.component != meta.component => Err("its parent is of another component".to_owned()),
        Some(map) if map.this.generation >= meta.generation => {
            Err(format!("generation {} cannot follow {}", meta.generation, map.this.generation))
        }
        _ => Ok(()),
    }
}

fn invalid(problem: String) -> StoreError {
    StoreError::InvalidSnapshot { problem }
}
