//! Snapshots of a guest's memory: how an actor keeps its state although its author wrote nothing to save it.
//!
//! What state has an instance between two calls, when no guest frame is on a stack? Its linear memories, which the host
//! owns (`mapping.rs`); its mutable globals, which accessors reach that `instrument/` adds to the component before it is
//! compiled; and whatever the host keeps for it, which the host can save itself. A component that could keep state
//! anywhere else is not snapshotable, and [`Component::snapshot_obstacles`](crate::Component::snapshot_obstacles) says
//! why.
//!
//! A *base image* is what every fresh instance of a component looks like. It lies in memory of the kernel, and every
//! actor maps it privately: starting one copies nothing. A [`Capture`] takes the pages that were written since, and a
//! [`Snapshot`] is the base image and the pages that differ from it.
//!
//! | file | is for |
//! | --- | --- |
//! | `mapping.rs` | linear memories that the host owns |
//! | `image.rs` | contents of one memory that many instances map |
//! | `birth.rs` | which contents a memory gets that is being made |
//! | `pages.rs` | which pages were written |
//! | `actor_image.rs` | all memories and globals of an instance, as images |
//! | `image_file.rs` | images in a file on the disk |
//! | `check.rs` | whether a snapshot can be one of a component |
//! | `attached.rs` | the memories of one instance, and the images that they show |
//! | `advice.rs` | forgetting many pages at once |
//! | `globals.rs` | reading and setting globals |
//! | `capture.rs` | taking what was written |
//! | `restore.rs` | making an instance that goes on |
//! | `instrument/` | accessors for globals, data segments taken out, what is in the way |

pub(crate) mod actor_image;
mod advice;
pub(crate) mod attached;
pub(crate) mod birth;
mod capture;
mod check;
pub(crate) mod globals;
pub(crate) mod image;
mod image_file;
pub(crate) mod instrument;
pub(crate) mod mapping;
mod pages;
mod restore;

pub use actor_image::ActorImage;
pub use capture::Capture;
pub use image_file::{ImageFileProblem, ImageFileState, VERSION as IMAGE_FILE_VERSION};
pub use mapping::PAGE_BYTES;

/// The state of an instance between two calls, as what differs from the base image of its component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its linear memories, in the order in which they are made.
    pub memories: Vec<MemorySnapshot>,
    /// Its mutable globals as words of 64 bits, in the order of the component's accessors.
    pub globals: Vec<u64>,
}

/// One linear memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemorySnapshot {
    /// Its size.
    pub size_bytes: u64,
    /// The pages that differ, in ascending order.
    pub runs: Vec<PageRun>,
    /// Their contents, one after the other.
    pub bytes: Vec<u8>,
}

/// Adjacent pages of [`PAGE_BYTES`] each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRun {
    /// The number of the first one.
    pub first_page: u64,
    /// How many there are.
    pub pages: u64,
}

/// What the pages of a [`Capture`] are the difference to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The base image: the capture is a whole snapshot.
    Base,
    /// The capture before it, or the snapshot or image that the instance was made from.
    Last,
}

impl Snapshot {
    /// How many pages it holds.
    pub fn pages(&self) -> u64 {
        let runs = self.memories.iter().flat_map(|memory| &memory.runs);
        runs.fold(0, |pages, run| pages.saturating_add(run.pages))
    }

    /// The size of all memories together.
    pub fn size_bytes(&self) -> u64 {
        self.memories.iter().fold(0, |bytes, memory| bytes.saturating_add(memory.size_bytes))
    }
}

impl MemorySnapshot {
    /// The first page of each run, and the run's contents.
    pub fn contents(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.runs.iter().map(move |run| {
            let length = usize::try_from(run.pages).unwrap_or(usize::MAX).saturating_mul(PAGE_BYTES);
            let (part, behind) = rest.split_at(length.min(rest.len()));
            rest = behind;
            (run.first_page, part)
        })
    }
}

#[cfg(test)]
mod tests;
