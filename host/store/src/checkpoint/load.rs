//! From the payload of a checkpoint record back to what was taken of the actor.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};

use super::flatten::{PageMap, resolve};
use super::manifest::{Global, HostState, InlinePages, Manifest, Meta, Pages};
use super::packs::Packs;
use super::page::PAGE_BYTES;
use crate::digest::Digest;
use crate::error::StoreError;

/// A checkpoint with all its content, verified.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Whose state it is and how it came about.
    pub meta: Meta,
    /// The memories by ordinal.
    pub memories: Vec<LoadedMemory>,
    /// The mutable globals by ascending index.
    pub globals: Vec<Global>,
    /// The state that the host keeps for the actor.
    pub host_state: Bytes,
    /// What the actor's next checkpoint is encoded against.
    pub page_map: PageMap,
}

/// One memory of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedMemory {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The pages that differ from the base image, in order. All others are the base image's, and zeros past
    /// its end.
    pub pages: Vec<LoadedPages>,
}

/// Consecutive pages of a memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedPages {
    /// The number of the first page.
    pub first_page: u32,
    /// Their content. It is a part of what was read or unpacked, and no copy of it.
    pub content: Bytes,
}

impl LoadedMemory {
    /// The pages one by one, each with its number.
    pub fn each_page(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.pages.iter().flat_map(|pages| (pages.first_page..).zip(pages.content.chunks_exact(PAGE_BYTES)))
    }
}

/// Loads the checkpoint whose record has this payload, without its attachments. `parent` gives the payload of an older checkpoint record
/// of the same actor by its generation; it is called at most `CHAIN_MAX - 1` times, and never for a small actor.
///
/// # Errors
/// [`StoreError::CheckpointDamaged`], [`StoreError::ChunkMissing`], [`StoreError::CheckpointVersion`]: this
/// generation cannot be had, and an older one may. [`StoreError::Io`], and the errors of `parent`.
pub fn load(
    payload: &[u8],
    parent: impl FnMut(u64) -> Result<Vec<u8>, StoreError>,
    packs: &Packs,
) -> Result<Loaded, StoreError> {
    load_parts(payload, parent, packs, true)
}

/// As [`load`], but without the contents of any page: for who has them from somewhere else.
///
/// # Errors
/// As for [`load`], also where a chunk of a page is missing; what is in it is not looked at.
pub fn load_without_pages(
    payload: &[u8],
    parent: impl FnMut(u64) -> Result<Vec<u8>, StoreError>,
    packs: &Packs,
) -> Result<Loaded, StoreError> {
    load_parts(payload, parent, packs, false)
}

fn load_parts(
    payload: &[u8],
    parent: impl FnMut(u64) -> Result<Vec<u8>, StoreError>,
    packs: &Packs,
    with_pages: bool,
) -> Result<Loaded, StoreError> {
    let (manifest, page_map) = resolve(payload, parent)?;
    let mut flat = manifest.flattened(page_map.clone());
    if !with_pages && let Pages::Chunked(extents) = std::mem::replace(&mut flat.pages, Pages::Chunked(Vec::new())) {
        // The next checkpoints are going to name them too.
        packs.check_stored(extents.iter().map(|extent| extent.chunk))?;
    }
    let chunks = packs.get(flat.state_chunks())?;
    let host_state = flat.host_state.content(&chunks)?;
    let mut memories: Vec<LoadedMemory> =
        flat.memory_sizes.iter().map(|&size_bytes| LoadedMemory { size_bytes, pages: Vec::new() }).collect();
    let mut add = |memory: u32, pages: LoadedPages| memories[memory as usize].pages.push(pages);
    match &flat.pages {
        Pages::Inline(inline) => add_inline(inline, &mut add)?,
        Pages::Chunked(extents) => {
            for extent in extents {
                let start = extent.chunk_page as usize * PAGE_BYTES;
                let chunk = &chunks[&extent.chunk];
                let range = start..start + extent.run.bytes();
                if range.end > chunk.len() {
                    return Err(wrong_chunk(extent.chunk, chunk.len()));
                }
                let content = chunk.slice(range);
                add(extent.run.memory, LoadedPages { first_page: extent.run.first_page, content });
            }
        }
    }
    let Manifest { meta, globals, .. } = flat;
    Ok(Loaded { meta, memories, globals, host_state, page_map })
}

fn add_inline(inline: &InlinePages, add: &mut impl FnMut(u32, LoadedPages)) -> Result<(), StoreError> {
    let mut content = Bytes::from(inline.content()?);
    for run in &inline.runs {
        let pages = LoadedPages { first_page: run.first_page, content: content.split_to(run.bytes()) };
        add(run.memory, pages);
    }
    Ok(())
}

impl HostState {
    fn content(&self, contents: &HashMap<Digest, Bytes>) -> Result<Bytes, StoreError> {
        match self {
            Self::Inline(bytes) => Ok(bytes.clone()),
            Self::Chunked { size_bytes, chunks } => {
                let mut bytes = BytesMut::new();
                for chunk in chunks {
                    bytes.extend_from_slice(&contents[chunk]);
                }
                match (bytes.len() as u64 == *size_bytes, chunks.last()) {
                    (false, Some(last)) => Err(wrong_chunk(*last, bytes.len())),
                    _ => Ok(bytes.freeze()),
                }
            }
        }
    }
}

/// A record names a chunk for more, or less, than it holds: no record that was written whole does.
fn wrong_chunk(chunk: Digest, bytes: usize) -> StoreError {
    let problem = format!("what it names of chunk {chunk} is not in its {bytes} bytes");
    StoreError::CheckpointDamaged { place: "the checkpoint record".to_owned(), problem }
}
