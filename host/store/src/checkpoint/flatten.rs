//! Chains of checkpoints. A large actor's checkpoint lists only what has changed since its parent; this is
//! what puts a chain together to one map of all pages, and decides when a chain has become too long.
//!
//! A parent is named by its generation *and* by the checksum of its record, so a chain is put together from
//! the very records that it was made of, or not at all.

use super::manifest::{Extent, Manifest, Pages, Parent};
use super::page::{check_runs, overlay};
use crate::digest::Digest;
use crate::error::StoreError;

/// The most records that make up one checkpoint. A longer chain would make reading slower, and keep old
/// records from being collected.
pub const CHAIN_MAX: usize = 8;

/// Where every page of one checkpoint is. The next checkpoint of the actor is encoded against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageMap {
    /// The plugin's component.
    pub(super) component: Digest,
    /// How a delta names the checkpoint.
    pub(super) this: Parent,
    /// How many records make up the checkpoint.
    pub(super) chain: usize,
    /// The generation of the oldest of these records.
    pub(super) oldest: u64,
    /// All pages that differ from the base image.
    pub(super) pages: Pages,
}

impl PageMap {
    /// The generation of the checkpoint.
    pub fn generation(&self) -> u64 {
        self.this.generation
    }

    /// How many records make up the checkpoint: one when it is complete by itself.
    pub fn chain(&self) -> usize {
        self.chain
    }

    /// Whether the pages are in packs, and not in the record.
    pub fn is_chunked(&self) -> bool {
        matches!(self.pages, Pages::Chunked(_))
    }

    /// The generation of the oldest of these records. They must stay in the log as long as the checkpoint.
    pub fn oldest_generation(&self) -> u64 {
        self.oldest
    }
}

/// The pages that a new manifest lists.
pub(super) struct Listed {
    /// What goes into the manifest.
    pub(super) extents: Vec<Extent>,
    /// Whether it is what has changed since the parent.
    pub(super) is_delta: bool,
    /// All pages.
    pub(super) all: Vec<Extent>,
}

/// What the next manifest lists when `changed` has changed since a parent with `chain` records: the changes,
/// or everything when the chain has become long, or when that takes no more than twice the space.
pub(super) fn list(parent: &[Extent], chain: usize, changed: Vec<Extent>) -> Listed {
    let all = overlay(parent, &changed);
    let is_delta = chain < CHAIN_MAX && changed.len() * 2 < all.len();
    Listed { extents: if is_delta { changed } else { all.clone() }, is_delta, all }
}

/// Reads a manifest and those that it completes, and returns it with the map of all pages. `parent` gives the
/// payload of an older record of the same actor by its generation.
///
/// # Errors
/// Those of `parent` and of [`Manifest::from_bytes`]; [`StoreError::CheckpointDamaged`] when the records do
/// not belong together.
pub(super) fn resolve(
    payload: &[u8],
    mut parent: impl FnMut(u64) -> Result<Vec<u8>, StoreError>,
) -> Result<(Manifest, PageMap), StoreError> {
    let manifest = Manifest::from_bytes(payload)?;
    let component = manifest.meta.component;
    let broken = |problem: String| StoreError::CheckpointDamaged {
        place: format!("generation {} of the actor", manifest.meta.generation),
        problem,
    };
    let mut older = Vec::new();
    let mut oldest = manifest.meta.generation;
    let mut next = manifest.parent;
    while let Some(named) = next {
        if older.len() + 1 == CHAIN_MAX {
            return Err(broken(format!("it has more than {CHAIN_MAX} records")));
        }
        let payload = parent(named.generation)?;
        let found = Manifest::from_bytes(&payload)?;
        if Parent::of(found.meta.generation, &payload) != named || found.meta.component != component {
            return Err(broken(format!("the record of generation {} is not the one it completes", named.generation)));
        }
        let Pages::Chunked(extents) = found.pages else {
            return Err(broken(format!("generation {} cannot be completed", named.generation)));
        };
        older.push(extents);
        oldest = named.generation;
        next = found.parent;
    }
    let chain = older.len() + 1;
    let pages = match &manifest.pages {
        Pages::Chunked(newest) => {
            let first = older.pop().unwrap_or_default();
            let all = older.iter().rev().fold(first, |all, newer| overlay(&all, newer));
            let all = overlay(&all, newest);
            check_runs(all.iter().map(|extent| extent.run), &manifest.memory_sizes).map_err(&broken)?;
            Pages::Chunked(all)
        }
        inline => inline.clone(),
    };
    let this = Parent::of(manifest.meta.generation, payload);
    Ok((manifest, PageMap { component, this, chain, oldest, pages }))
}

impl Manifest {
    /// The same checkpoint, complete by itself.
    pub(super) fn flattened(self, map: PageMap) -> Self {
        Self { parent: None, pages: map.pages, ..self }
    }
}
