//! Checkpoints on their way to another machine, whatever carries them: a bundle or a bucket. What travels is
//! the manifest, complete by itself, and every chunk that it names, each as the length of its content and the
//! bytes that are stored.
//!
//! On arrival a chunk counts only for what its content is, and nothing counts before everything is there.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::chunk::StoredChunk;
use super::flatten::resolve;
use super::manifest::Manifest;
use super::packs::{Packs, Pin};
use super::stage::Stage;
use crate::digest::Digest;
use crate::error::StoreError;

/// The most bytes of the description that travels with a checkpoint: 1 MiB.
pub(crate) const DESCRIPTION_BYTES_MAX: u64 = 1 << 20;

/// The most bytes of a component, which is what the engine loads: 64 MiB.
pub(crate) const COMPONENT_BYTES_MAX: u64 = 64 << 20;

/// The most bytes of a manifest, which is more than the largest takes: 64 MiB.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// The most bytes that a chunk takes on its way.
pub(crate) const TRAVELLING_CHUNK_BYTES_MAX: u64 = (size_of::<u32>() + super::CHUNK_BYTES_MAX) as u64;

/// How many chunks are in memory at a time: 16 MiB.
pub(crate) const BATCH_CHUNKS: usize = 256;

/// The manifest of a checkpoint, complete by itself, and what keeps its chunks while they travel. `parent` is
/// as for [`load`](super::load).
pub(crate) fn depart(
    payload: &[u8],
    component: &[u8],
    parent: impl FnMut(u64) -> Result<Vec<u8>, StoreError>,
    packs: &Packs,
) -> Result<(Manifest, Pin), StoreError> {
    let (manifest, map) = resolve(payload, parent)?;
    let manifest = manifest.flattened(map);
    if Digest::of(component) != manifest.meta.component {
        let problem = format!("the checkpoint is of component {}", manifest.meta.component);
        return Err(StoreError::InvalidSnapshot { problem });
    }
    let pin = packs.pin(manifest.chunks().collect())?;
    Ok((manifest, pin))
}

/// Chunks as they travel, in the order of their digests.
pub(crate) fn chunks_as_sent(digests: &[Digest], packs: &Packs) -> Result<Vec<(Digest, Vec<u8>)>, StoreError> {
    let contents: BTreeMap<_, _> = packs.get(digests.iter().copied())?.into_iter().collect();
    let sent = |(digest, content): (&Digest, &bytes::Bytes)| {
        let chunk = StoredChunk::pack(*digest, content);
        (*digest, [&chunk.info.raw_bytes.to_le_bytes()[..], &chunk.stored].concat())
    };
    Ok(contents.par_iter().map(sent).collect())
}

/// The chunks of a manifest that is arriving. Dropped before [`Arrival::complete`], it stores nothing.
pub(crate) struct Arrival {
    stage: Stage,
    /// Those that have not come.
    expected: BTreeSet<Digest>,
    stored: BTreeSet<Digest>,
    pin: Pin,
}

/// Why a chunk was not taken.
pub(crate) enum Refusal {
    /// It is none, or none of the manifest.
    Chunk(String),
    Store(StoreError),
}

impl Arrival {
    /// Expects the chunks of a manifest.
    pub(crate) fn of(manifest: &Manifest, packs: &Packs) -> Result<Self, StoreError> {
        packs.shared.require_writer()?;
        let expected: BTreeSet<Digest> = manifest.chunks().collect();
        let (pin, stored) = packs.shared.pin(expected.iter().copied().collect())?;
        let stored = expected.iter().zip(stored).filter(|(_, stored)| *stored).map(|(digest, _)| *digest).collect();
        Ok(Self { stage: Stage::new(&packs.shared), expected, stored, pin })
    }

    /// Takes a chunk as it was sent.
    pub(crate) fn take(&mut self, sent: &[u8]) -> Result<(), Refusal> {
        self.receive(StoredChunk::received(sent).map_err(Refusal::Chunk)?)
    }

    /// The same for a chunk that comes under its name.
    pub(crate) fn take_named(&mut self, name: Digest, sent: &[u8]) -> Result<(), Refusal> {
        let chunk = StoredChunk::received(sent).map_err(Refusal::Chunk)?;
        match chunk.info.digest == name {
            true => self.receive(chunk),
            false => Err(Refusal::Chunk("its content has another digest".to_owned())),
        }
    }

    fn receive(&mut self, chunk: StoredChunk<'_>) -> Result<(), Refusal> {
        let digest = chunk.info.digest;
        if !self.expected.remove(&digest) {
            return Err(Refusal::Chunk(format!("{digest} is not wanted")));
        }
        match self.stored.contains(&digest) {
            true => Ok(()),
            false => self.stage.push(&chunk).map_err(Refusal::Store),
        }
    }

    /// Expects no more those chunks that are stored here already, and returns the others.
    pub(crate) fn only_missing(&mut self) -> Vec<Digest> {
        self.expected.retain(|digest| !self.stored.contains(digest));
        self.expected.iter().copied().collect()
    }

    /// A chunk that has not come.
    pub(crate) fn still_expected(&self) -> Option<Digest> {
        self.expected.first().copied()
    }

    /// Stores what has come, durably. The chunks are kept as long as the pin is.
    pub(crate) fn complete(self) -> Result<Pin, StoreError> {
        self.stage.commit()?;
        Ok(self.pin)
    }
}
