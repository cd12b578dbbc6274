//! The memories of one instance, and the images that their unwritten pages show.
//!
//! A large instance gets images of its own at its first capture. From then on a capture copies the pages that were
//! written since, once, from the guest to the image, and lets the guest show the image there again: nothing counts as
//! written any more, and whoever has the image can read the pages while the guest goes on. An image that somebody else
//! holds (a fork, or a capture that is still being read) is never written to: the instance gets a copy of it.
#![allow(unsafe_code, reason = "guest memory is read and mapped while the instance is held exclusively")]

use std::io;
use std::sync::Arc;

use super::actor_image::{ActorImage, ImageMemory};
use super::birth::MemoryPlan;
use super::image::Image;
use super::mapping::{Mapping, PAGE_BYTES};
use super::{MemorySnapshot, PageRun, pages};
use crate::Digest;

/// A memory of an instance, and the image that its unwritten pages show.
pub(crate) struct AttachedMemory {
    pub(super) mapping: Arc<Mapping>,
    pub(super) image: Option<Arc<Image>>,
}

/// The memories of an instance.
#[derive(Default)]
pub(crate) struct Attached {
    pub(super) memories: Vec<AttachedMemory>,
    /// Whether the images are no longer those of the component's base.
    pub(super) is_own: bool,
}

impl Attached {
    /// The memories that an instantiation made by these plans.
    pub(crate) fn new(mappings: Vec<Arc<Mapping>>, plans: &[MemoryPlan]) -> Attached {
        let memories = mappings
            .into_iter()
            .enumerate()
            .map(|(at, mapping)| AttachedMemory { mapping, image: plans.get(at).and_then(|plan| plan.image.clone()) });
        Attached { memories: memories.collect(), is_own: false }
    }

    /// The size of all memories together.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.memories.iter().map(|memory| memory.mapping.size_bytes() as u64).sum()
    }

    /// Which pages show no image any more, without their contents.
    pub(super) fn written(&self) -> io::Result<Vec<MemorySnapshot>> {
        self.memories.iter().map(AttachedMemory::written).collect()
    }

    /// Fills in the contents of the pages that were found written.
    ///
    /// # Safety
    ///
    /// No guest runs on these memories.
    pub(super) unsafe fn read(&self, written: &mut [MemorySnapshot]) -> io::Result<()> {
        for (memory, written) in self.memories.iter().zip(written) {
            let pages: u64 = written.runs.iter().map(|run| run.pages).sum();
            written.bytes.reserve_exact(pages as usize * PAGE_BYTES);
            for run in &written.runs {
                // SAFETY: the caller's promise.
                written.bytes.extend_from_slice(unsafe { memory.mapping.bytes(run.first_page, run.pages)? });
            }
        }
        Ok(())
    }

    /// Moves the contents of the pages that were found written to images that are the instance's own, which the
    /// memories show from now on. After an error some pages may show the new contents and others the old ones.
    ///
    /// # Safety
    ///
    /// No guest runs on these memories, no reference into them is alive, and nothing was written since `written`.
    pub(super) unsafe fn move_to_images(&mut self, written: &[MemorySnapshot]) -> io::Result<()> {
        for (memory, written) in self.memories.iter_mut().zip(written) {
            // SAFETY: the caller's promise.
            unsafe { memory.move_to_image(&written.runs, self.is_own)? };
        }
        self.is_own = true;
        Ok(())
    }

    /// The images as they are, which hold everything if nothing was written since it was moved to them.
    pub(super) fn images(&self, component: Digest, globals: &[u64]) -> ActorImage {
        let memories = self.memories.iter().map(|memory| ImageMemory {
            image: memory.image.clone(),
            size_bytes: memory.mapping.size_bytes(),
            grown_at_start_bytes: 0,
        });
        ActorImage { component, memories: memories.collect(), globals: globals.into() }
    }
}

impl AttachedMemory {
    fn written(&self) -> io::Result<MemorySnapshot> {
        let runs = pages::written(&self.mapping)?.into_iter();
        let runs = runs.map(|range| PageRun { first_page: range.start, pages: range.end - range.start });
        Ok(MemorySnapshot { size_bytes: self.mapping.size_bytes() as u64, runs: runs.collect(), bytes: Vec::new() })
    }

    /// # Safety
    ///
    /// As for [`Attached::move_to_images`].
    unsafe fn move_to_image(&mut self, runs: &[PageRun], is_own: bool) -> io::Result<()> {
        let own = self.image.as_mut().filter(|image| is_own && image.is_writable()).and_then(Arc::get_mut);
        let (image, was_bytes) = match own {
            Some(image) => {
                let was_bytes = image.size_bytes();
                (image, was_bytes)
            }
            // The base's, a file's, or shared: the others go on seeing it as it is.
            None => {
                let size_bytes = self.mapping.size_bytes();
                let copy = match &self.image {
                    Some(image) => image.copy(size_bytes)?,
                    None => Image::zeros(size_bytes)?,
                };
                (Arc::get_mut(self.image.insert(Arc::new(copy))).expect("it was made just now"), 0)
            }
        };
        for run in runs {
            // SAFETY: the caller's promise.
            image.write(run.first_page, unsafe { self.mapping.bytes(run.first_page, run.pages)? })?;
        }
        if image.size_bytes() == was_bytes {
            // SAFETY: the caller's promise; the image now has the bytes of these pages.
            return unsafe { self.mapping.forget(runs) };
        }
        // SAFETY: as above, for the whole memory.
        unsafe { self.mapping.map(Some(image)) }
    }
}
