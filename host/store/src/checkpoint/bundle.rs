//! An actor in one file, to take it to another machine: its plugin, its checkpoint with every chunk, and a
//! description that is opaque here. `docs/format.md` describes every byte.
//!
//! A bundle is written and read from front to back; besides the plugin and the manifest only a few chunks
//! are in memory at a time. Nothing of a bundle counts before all of it was read and verified.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::manifest::Manifest;
use super::packs::{Packs, Pin};
use super::section::{BUNDLE_FORMAT, Problem, SectionReader, SectionWriter, Tag, damaged};
use super::transit::{self, Arrival, BATCH_CHUNKS, Refusal};
use crate::atomic_file;
use crate::digest::Digest;
use crate::error::StoreError;

/// What travels of an actor besides chunks.
#[derive(Clone, Copy, Debug)]
pub struct BundleParts<'a> {
    /// The actor's name, configuration and durability: a JSON text of at most 1 MiB, which is not looked into.
    pub description: &'a str,
    /// The bytes of the plugin's component: at most 64 MiB.
    pub component: &'a [u8],
    /// The payload of the checkpoint record.
    pub payload: &'a [u8],
}

/// What has arrived of an actor.
#[derive(Debug)]
pub struct Imported {
    /// The actor's name, configuration and durability, as they were given.
    pub description: String,
    /// The bytes of the plugin's component. Their digest is the manifest's.
    pub component: Vec<u8>,
    /// The manifest, complete by itself. Its chunks are in the packs.
    pub manifest: Manifest,
    /// Keeps the chunks until a record with the manifest is durable.
    pub pin: Pin,
}

/// Writes an actor's checkpoint, with everything that it needs, to a file, in place of what was there.
/// `parent` is as for [`load`](super::load).
///
/// # Errors
/// Those of [`load`](super::load); [`StoreError::InvalidSnapshot`] when the component is not the checkpoint's;
/// [`StoreError::TooLarge`], [`StoreError::DiskFull`], [`StoreError::Io`].
pub fn export(
    path: &Path,
    parts: BundleParts<'_>,
    parent: impl FnMut(u64) -> Result<Vec<u8>, StoreError>,
    packs: &Packs,
) -> Result<(), StoreError> {
    // The pin keeps the chunks where they are while the file is being written.
    let (manifest, _pin) = transit::depart(parts.payload, parts.component, parent, packs)?;
    atomic_file::write_with(path, |file| {
        write(BufWriter::new(file), parts, &manifest, packs).map_err(|e| e.at(path)).map(drop)
    })
}

/// Reads a bundle. Its chunks are durable in the packs when this returns; when it fails, nothing was stored.
///
/// # Errors
/// [`StoreError::BundleDamaged`] when the file is not wholly what was written, [`StoreError::CheckpointVersion`],
/// [`StoreError::DiskFull`], [`StoreError::Io`], [`StoreError::ReadOnly`].
pub fn import(path: &Path, packs: &Packs) -> Result<Imported, StoreError> {
    packs.shared.require_writer()?;
    let file = File::open(path).map_err(|e| StoreError::io("open", path, e))?;
    read(BufReader::new(file), packs).map_err(|e| e.at(path))
}

/// Why a bundle failed: by itself, or because of the store.
pub(super) enum Failure {
    Bundle(Problem),
    Store(StoreError),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Bundle(problem)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Chunk(problem) => Self::Bundle(damaged(Tag::Chunk, problem)),
            Refusal::Store(error) => Self::Store(error),
        }
    }
}

impl Failure {
    pub(super) fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Bundle(Problem::Io(e)) => StoreError::io("transfer", path, e),
            Self::Bundle(Problem::Version(found)) => {
                StoreError::CheckpointVersion { what: path.display().to_string(), found, supported: BUNDLE_FORMAT }
            }
            Self::Bundle(Problem::Damaged { section, problem }) => {
                StoreError::BundleDamaged { path: path.to_owned(), section, problem }
            }
            Self::Bundle(Problem::TooLarge { section, bytes, bytes_max }) => StoreError::TooLarge {
                what: section.name(),
                size: bytes,
                limit: "the section's limit in bytes",
                limit_value: bytes_max,
            },
        }
    }
}

pub(super) fn write<W: Write>(
    out: W,
    parts: BundleParts<'_>,
    manifest: &Manifest,
    packs: &Packs,
) -> Result<W, Failure> {
    let mut bundle = SectionWriter::start(out)?;
    bundle.section(Tag::Description, &[parts.description.as_bytes()])?;
    bundle.section(Tag::Component, &[parts.component])?;
    bundle.section(Tag::Checkpoint, &[&manifest.to_bytes()?])?;
    let digests: Vec<Digest> = manifest.chunks().collect::<BTreeSet<_>>().into_iter().collect();
    for batch in digests.chunks(BATCH_CHUNKS) {
        for (_, chunk) in transit::chunks_as_sent(batch, packs)? {
            bundle.section(Tag::Chunk, &[&chunk])?;
        }
    }
    Ok(bundle.end()?)
}

pub(super) fn read(input: impl Read, packs: &Packs) -> Result<Imported, Failure> {
    let mut bundle = SectionReader::start(input)?;
    let description =
        String::from_utf8(bundle.expect(Tag::Description)?).map_err(|_| damaged(Tag::Description, "it is not text"))?;
    let component = bundle.expect(Tag::Component)?;
    let manifest = Manifest::from_bytes(&bundle.expect(Tag::Checkpoint)?).map_err(|e| match e {
        StoreError::CheckpointDamaged { problem, .. } => damaged(Tag::Checkpoint, problem).into(),
        other => Failure::Store(other),
    })?;
    if manifest.parent.is_some() {
        return Err(damaged(Tag::Checkpoint, "it is only a part of one").into());
    }
    if Digest::of(&component) != manifest.meta.component {
        return Err(damaged(Tag::Component, "it is not the one of the checkpoint").into());
    }
    let mut arrival = Arrival::of(&manifest, packs)?;
    while let Some(section) = bundle.next_chunk()? {
        arrival.take(&section)?;
    }
    if let Some(digest) = arrival.still_expected() {
        return Err(damaged(Tag::Chunk, format!("{digest} is not there")).into());
    }
    Ok(Imported { description, component, manifest, pin: arrival.complete()? })
}
