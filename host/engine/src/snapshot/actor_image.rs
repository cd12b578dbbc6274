//! All memories and globals of an instance, in a form that further instances are made of at once.

use std::io;
use std::sync::Arc;

use super::Snapshot;
use super::birth::MemoryPlan;
use super::image::Image;
use crate::Digest;

/// A state that instances can start from without a copy of it: the base image of a component, or a later state.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct ActorImage {
    /// What the component is known by.
    pub(super) component: Digest,
    pub(super) memories: Arc<[ImageMemory]>,
    pub(super) globals: Arc<[u64]>,
}

#[derive(Debug, Clone)]
pub(super) struct ImageMemory {
    /// None for a memory of zeros.
    pub image: Option<Arc<Image>>,
    /// The memory's size.
    pub size_bytes: usize,
    /// In a base image: how much of it the component's start functions grow.
    pub grown_at_start_bytes: usize,
}

impl ActorImage {
    /// The size of all memories together.
    pub fn size_bytes(&self) -> u64 {
        self.memories.iter().fold(0, |bytes, memory| bytes.saturating_add(memory.size_bytes as u64))
    }

    /// A page of one of its memories, [`PAGE_BYTES`](super::PAGE_BYTES) long; none where the image has nothing but zeros.
    ///
    /// # Errors
    ///
    /// When the kernel cannot read its own memory.
    pub fn page(&self, memory: usize, page: u64) -> io::Result<Option<Vec<u8>>> {
        match self.memories.get(memory).and_then(|memory| memory.image.as_ref()) {
            Some(image) => image.page(page),
            None => Ok(None),
        }
    }

    /// This image with the pages and globals of a snapshot that was checked.
    pub(super) fn with(&self, snapshot: &Snapshot) -> io::Result<ActorImage> {
        let mut memories = Vec::with_capacity(self.memories.len());
        for (base, wanted) in self.memories.iter().zip(&snapshot.memories) {
            let size_bytes = usize::try_from(wanted.size_bytes).map_err(io::Error::other)?;
            let mut image = match &base.image {
                Some(image) => image.copy(size_bytes)?,
                None => Image::zeros(size_bytes)?,
            };
            for (first_page, bytes) in wanted.contents() {
                image.write(first_page, bytes)?;
            }
            memories.push(ImageMemory { image: Some(Arc::new(image)), size_bytes, grown_at_start_bytes: 0 });
        }
        let (component, globals) = (self.component, snapshot.globals.as_slice().into());
        Ok(ActorImage { component, memories: memories.into(), globals })
    }

    /// What the memories of a new instance shall be. Start functions run on fresh memories; where there are any, the
    /// image is mapped after them, and only the sizes are planned.
    pub(super) fn plans(&self, base: &ActorImage, fresh: &[MemoryPlan], has_start: bool) -> Arc<[MemoryPlan]> {
        let plan = |(at, (memory, base)): (usize, (&ImageMemory, &ImageMemory))| MemoryPlan {
            image: if has_start { fresh.get(at).and_then(|plan| plan.image.clone()) } else { memory.image.clone() },
            size_bytes: Some(memory.size_bytes.saturating_sub(base.grown_at_start_bytes)),
        };
        self.memories.iter().zip(base.memories.iter()).enumerate().map(plan).collect()
    }
}
