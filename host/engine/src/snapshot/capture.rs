//! Taking what an instance has written, between two calls.
#![allow(unsafe_code, reason = "guest memory is read while the instance is held exclusively")]

use std::borrow::Cow;
use std::io;

use super::actor_image::ActorImage;
use super::mapping::PAGE_BYTES;
use super::{Since, Snapshot};
use crate::{Error, Instance, Linked};

/// From this many written pages on (1 MiB) an instance gets images of its own, so that the next capture finds only
/// what was written in between. Below it, copying the pages is cheaper than mapping an image, and a capture is whole.
pub const OWN_IMAGE_PAGES_MIN: u64 = 256;

/// What was taken of an instance: all globals, and the pages that were written since then.
///
/// The pages of a large instance are in images that it shares, and taking them is quick; [`Capture::snapshot`] reads them,
/// beside the instance where there is a thread for it. Drop a capture before the next one is taken: while it is there, the
/// instance cannot write to its images, and the next capture has to copy them first.
#[derive(Debug, Clone)]
pub struct Capture {
    /// Without the contents of the pages, if there are images.
    taken: Snapshot,
    images: Option<ActorImage>,
    since: Since,
}

impl Capture {
    /// What the pages are the difference to.
    pub fn since(&self) -> Since {
        self.since
    }

    /// How many pages were taken.
    pub fn pages(&self) -> u64 {
        self.taken.pages()
    }

    /// The size of all memories together.
    pub fn size_bytes(&self) -> u64 {
        self.taken.size_bytes()
    }

    /// The pages with their contents, and the globals.
    ///
    /// # Errors
    ///
    /// [`Error::Snapshot`] when the kernel cannot read its own memory.
    pub fn snapshot(&self) -> Result<Cow<'_, Snapshot>, Error> {
        let Some(images) = &self.images else { return Ok(Cow::Borrowed(&self.taken)) };
        self.read(images).map(Cow::Owned).map_err(|error| {
            let (name, message) = (format!("component {}", images.component), format!("it cannot be read: {error}"));
            Error::Snapshot { name, message }
        })
    }

    fn read(&self, images: &ActorImage) -> io::Result<Snapshot> {
        let mut snapshot = self.taken.clone();
        for (memory, taken) in images.memories.iter().zip(&mut snapshot.memories) {
            let pages: u64 = taken.runs.iter().map(|run| run.pages).sum();
            taken.bytes.resize(pages as usize * PAGE_BYTES, 0);
            let Some(image) = &memory.image else { continue };
            let mut rest = taken.bytes.as_mut_slice();
            for run in &taken.runs {
                let (part, behind) = rest.split_at_mut(run.pages as usize * PAGE_BYTES);
                image.read(run.first_page, part)?;
                rest = behind;
            }
        }
        Ok(snapshot)
    }

    /// The same, for who needs nothing else of the capture: the images are the instance's alone again.
    ///
    /// # Errors
    ///
    /// As for [`Capture::snapshot`].
    pub fn into_snapshot(self) -> Result<Snapshot, Error> {
        self.snapshot().map(Cow::into_owned)
    }

    /// The whole state at that moment, of which further instances can be made; none of a small instance, which has no
    /// images of its own. The instance shares it until one of the two changes it.
    pub fn image(&self) -> Option<&ActorImage> {
        self.images.as_ref()
    }
}

impl From<Snapshot> for Capture {
    /// A whole snapshot.
    fn from(snapshot: Snapshot) -> Capture {
        Capture { taken: snapshot, images: None, since: Since::Base }
    }
}

impl Instance {
    /// Takes what was written since the base image or the last capture. Between two calls, and never after a fault:
    /// the guest's stack pointer would be wherever it was stopped.
    ///
    /// # Errors
    ///
    /// [`Error::InstanceGone`] after a fault; [`Error::NotSnapshotable`]; [`Error::Snapshot`] when the kernel does not
    /// tell what was written, or has no room for an image.
    pub async fn capture(&mut self) -> Result<Capture, Error> {
        let obstacles = self.linked.component().snapshot_obstacles();
        if !obstacles.is_empty() {
            return Err(not_snapshotable(&self.linked, obstacles.to_vec()));
        }
        self.settle().await?;
        let globals = self.read_globals().await?;
        let written = self.attached.written().map_err(|error| snapshot_failed(&self.linked, &error))?;
        let mut taken = Snapshot { memories: written, globals };
        let since = if self.attached.is_own { Since::Last } else { Since::Base };
        if !self.attached.is_own && taken.pages() < OWN_IMAGE_PAGES_MIN {
            // SAFETY: `&mut self` says that no call is running, and `read_globals` that none was left halfway.
            unsafe { self.attached.read(&mut taken.memories) }
                .map_err(|error| snapshot_failed(&self.linked, &error))?;
            return Ok(Capture { taken, images: None, since });
        }
        // SAFETY: as above; nothing runs between finding the pages and moving them.
        if let Err(error) = unsafe { self.attached.move_to_images(&taken.memories) } {
            // Some pages may show the new image and others the old one, which the next capture could not tell.
            self.gone = true;
            return Err(snapshot_failed(&self.linked, &error));
        }
        let images = self.attached.images(self.linked.component().digest(), &taken.globals);
        Ok(Capture { taken, images: Some(images), since })
    }

    /// Reads back what the guest has on the compute device.
    ///
    /// # Errors
    ///
    /// [`Error::Snapshot`] when the device fails, of which buffers may be lost.
    pub async fn settle(&mut self) -> Result<(), Error> {
        let settled = self.store.data_mut().compute.settle().await;
        settled.map_err(|error| snapshot_failed(&self.linked, &error))
    }

    /// The BLAKE3 of all memories and globals: equal exactly if two instances of a component have the same state.
    pub async fn state_digest(&mut self) -> Result<crate::Digest, Error> {
        let globals = self.read_globals().await?;
        let mut hasher = blake3::Hasher::new();
        for memory in &self.attached.memories {
            let size_bytes = memory.mapping.size_bytes();
            hasher.update(&(size_bytes as u64).to_le_bytes());
            // SAFETY: `&mut self` says that no call is running, and `read_globals` that none was left halfway.
            let bytes = unsafe { memory.mapping.bytes(0, size_bytes.div_ceil(PAGE_BYTES) as u64) };
            hasher.update(bytes.map_err(|error| snapshot_failed(&self.linked, &error))?);
        }
        for global in globals {
            hasher.update(&global.to_le_bytes());
        }
        self.settle().await?;
        let compute = self.compute();
        if !compute.is_fresh() {
            hasher.update(&compute.encode());
        }
        Ok(crate::Digest::from_hash(hasher.finalize()))
    }

    /// Takes all that was written, and leaves the instance as it is.
    pub(super) async fn copy_written(&mut self) -> Result<Snapshot, Error> {
        let globals = self.read_globals().await?;
        let copy = || {
            let mut memories = self.attached.written()?;
            // SAFETY: `&mut self` says that no call is running, and `read_globals` that none was left halfway.
            unsafe { self.attached.read(&mut memories)? };
            io::Result::Ok(memories)
        };
        let memories = copy().map_err(|error| snapshot_failed(&self.linked, &error))?;
        Ok(Snapshot { memories, globals })
    }
}

pub(super) fn snapshot_failed(linked: &Linked, message: &dyn std::fmt::Display) -> Error {
    Error::Snapshot { name: linked.component().name().to_owned(), message: message.to_string() }
}

pub(super) fn not_snapshotable(linked: &Linked, obstacles: Vec<String>) -> Error {
    Error::NotSnapshotable { name: linked.component().name().to_owned(), obstacles }
}
