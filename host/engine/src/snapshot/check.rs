//! Whether a snapshot can be one of a component. Snapshots come from files, and from other builds of a plugin: what is
//! wrong with one is said before anything is made of it, and what is made of it afterwards can rely on its form.

use super::actor_image::ActorImage;
use super::mapping::PAGE_BYTES;
use super::{MemorySnapshot, Snapshot};

/// The unit in which a guest's memory grows.
const WASM_PAGE_BYTES: u64 = 64 << 10;

impl Snapshot {
    /// Says what is not as it would be in a snapshot of a component that has this base image.
    pub(super) fn check(&self, base: &ActorImage) -> Result<(), &'static str> {
        if self.memories.len() != base.memories.len() || self.globals.len() != base.globals.len() {
            return Err("it is of another component");
        }
        self.memories.iter().zip(base.memories.iter()).try_for_each(|(memory, base)| memory.check(base.size_bytes))
    }
}

impl ActorImage {
    /// Says what is not as it would be in an image of the component that has this base image.
    pub(super) fn check(&self, base: &ActorImage) -> Result<(), &'static str> {
        let counts = |image: &ActorImage| (image.memories.len(), image.globals.len());
        if self.component != base.component || counts(self) != counts(base) {
            return Err("it is of another component");
        }
        let mut memories = self.memories.iter().zip(base.memories.iter());
        memories.try_for_each(|(memory, base)| check_size(memory.size_bytes as u64, base.size_bytes))
    }
}

impl MemorySnapshot {
    fn check(&self, size_bytes_min: usize) -> Result<(), &'static str> {
        check_size(self.size_bytes, size_bytes_min)?;
        let mut end_page = 0;
        let mut pages = 0;
        for run in &self.runs {
            if run.first_page < end_page {
                return Err("its pages are not in ascending order");
            }
            end_page = run.first_page.saturating_add(run.pages);
            // The runs do not overlap, so together they have no more pages than lie before the end of the last.
            pages += end_page - run.first_page;
        }
        if end_page > self.size_bytes / PAGE_BYTES as u64 {
            return Err("a page in it lies outside of its memory");
        }
        if pages * PAGE_BYTES as u64 != self.bytes.len() as u64 {
            return Err("pages in it are missing or too many");
        }
        Ok(())
    }
}

/// A memory is never smaller than it was at the start.
fn check_size(size_bytes: u64, size_bytes_min: usize) -> Result<(), &'static str> {
    if size_bytes < size_bytes_min as u64 || !size_bytes.is_multiple_of(WASM_PAGE_BYTES) {
        return Err("a memory in it has a size that no memory of the component can have");
    }
    Ok(())
}
