//! An actor's image as a file on the local disk, from which instances start without a copy: the file's pages are mapped
//! privately, as those of an image in memory are.
//!
//! The file is a copy of what a checkpoint holds, and no more than that: it may be missing, old or damaged. So it names
//! the component and the checkpoint that it is of, and all of it is verified before anything is made of it: the header by
//! a BLAKE3, the contents by an XXH3 of each MiB, which all processors reckon at once. XXH3 finds damage, and is several
//! times faster than a hash that also finds malice; whoever may write to the folder is trusted.
//!
//! All of it is read when it is opened first, so a disk that cannot read it is an error then, and the actor comes back from
//! its checkpoint. What is verified is what the kernel has in memory: pages that it drops when memory is short are read
//! again from the disk and not verified again, as those of an executable file are. A disk that cannot read them any more ends
//! the process, and finds the file unreadable at the next start.
//!
//! `docs/format.md` describes the file byte by byte.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;

use twox_hash::XxHash3_128;

use super::actor_image::{ActorImage, ImageMemory};
use super::image::Image;
use super::mapping::{PAGE_BYTES, page_up};
use crate::{Digest, Error};

mod header;

use header::{CHECKSUM_BYTES, HEADER_BYTES_MAX, Header, MemoryHeader, PREFIX_BYTES};

/// The version of the format.
pub const VERSION: u16 = 1;

/// Bytes that one checksum is of: 1 MiB, so that all processors have work and a table of checksums is small.
const PART_BYTES: usize = 1 << 20;

/// Why a file is not the image that was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageFileProblem {
    /// It is another kind of file.
    #[error("it is not an image")]
    Magic,
    /// Another build wrote it.
    #[error("it is of version {0} of the format, and this build reads version {VERSION}")]
    Version(u16),
    /// It is of another component or checkpoint: the actor has gone on since.
    #[error("it is of another checkpoint")]
    Other,
    /// It is not as it was written.
    #[error("it is damaged ({0})")]
    Damaged(&'static str),
}

/// Which file it was, and as of when: what a file system tells of a file without reading it. Whoever has written or verified
/// an image can remember it, to verify it no more. It says nothing of a disk that changes its contents by itself, which the
/// pages of a file that is mapped are not safe from either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageFileState {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl ImageFileState {
    /// The state of a file now.
    ///
    /// # Errors
    ///
    /// Of the file system.
    pub fn of(path: &Path) -> io::Result<ImageFileState> {
        Ok(ImageFileState::in_metadata(&std::fs::metadata(path)?))
    }

    fn in_metadata(metadata: &Metadata) -> ImageFileState {
        ImageFileState {
            device: metadata.dev(),
            inode: metadata.ino(),
            size_bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl ActorImage {
    /// Writes the image to a file, in place of what is there, and says which checkpoint it is of: 32 bytes that the
    /// caller chooses. The file has its name only when all of it is on the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Write`], and what was there before is there still.
    pub fn save(&self, path: &Path, checkpoint: &[u8; 32]) -> Result<(), Error> {
        self.write(path, checkpoint).map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// Opens the image in a file, if it is the one of this component and checkpoint, and verifies all of it; the contents
    /// only if it is not the file that `verified` is of.
    ///
    /// # Errors
    ///
    /// [`Error::ImageFile`] where it is another one or damaged; [`Error::Read`].
    pub fn open(
        path: &Path,
        component: Digest,
        checkpoint: &[u8; 32],
        verified: Option<ImageFileState>,
    ) -> Result<ActorImage, Error> {
        read(path, component, checkpoint, verified).map_err(|failure| match failure {
            Failure::Io(source) => Error::Read { path: path.to_owned(), source },
            Failure::Problem(problem) => Error::ImageFile { path: path.to_owned(), problem },
        })
    }

    fn write(&self, path: &Path, checkpoint: &[u8; 32]) -> io::Result<()> {
        let memories = self.memories.iter().map(|memory| {
            let image = memory.image.as_ref();
            Ok(MemoryHeader {
                size_bytes: memory.size_bytes as u64,
                image_bytes: image.map_or(0, |image| image.size_bytes() as u64),
                checksums: image.map_or(Ok(Vec::new()), |image| image.parts(PART_BYTES, checksum))?,
            })
        });
        let memories = memories.collect::<io::Result<_>>()?;
        let (component, checkpoint) = (*self.component.as_bytes(), *checkpoint);
        let header = Header { component, checkpoint, globals: self.globals.to_vec(), memories }.to_bytes();
        if header.len() > HEADER_BYTES_MAX {
            return Err(io::Error::other("the image is larger than one in a file may be"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // One that a crash leaves behind ends like any other, so that it is removed with the oldest.
        let name = path.file_name().unwrap_or_default();
        let file = tempfile::Builder::new().suffix(name).tempfile_in(folder)?;
        let out = file.as_file();
        out.write_all_at(&header, 0)?;
        let mut offset = page_up(header.len()) as u64;
        for image in self.memories.iter().filter_map(|memory| memory.image.as_ref()) {
            image.copy_to(out, offset)?;
            offset += image.size_bytes() as u64;
        }
        out.set_len(offset)?;
        // A page of it that the kernel has dropped must be had again, by a guest that runs.
        out.sync_data()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

enum Failure {
    Io(io::Error),
    Problem(ImageFileProblem),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl From<ImageFileProblem> for Failure {
    fn from(problem: ImageFileProblem) -> Failure {
        Failure::Problem(problem)
    }
}

fn read(
    path: &Path,
    component: Digest,
    checkpoint: &[u8; 32],
    verified: Option<ImageFileState>,
) -> Result<ActorImage, Failure> {
    let damaged = |what| Failure::Problem(ImageFileProblem::Damaged(what));
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let (file_bytes, is_verified) = (metadata.len(), verified == Some(ImageFileState::in_metadata(&metadata)));
    if file_bytes < PREFIX_BYTES as u64 {
        return Err(damaged("it is cut short"));
    }
    let mut prefix = [0; PREFIX_BYTES];
    file.read_exact_at(&mut prefix, 0)?;
    let header_bytes = header::bytes_of(&prefix)?;
    if header_bytes as u64 > file_bytes {
        return Err(damaged("it is cut short"));
    }
    // With the zeros behind it, up to where the contents begin.
    let mut bytes = vec![0; page_up(header_bytes)];
    let there = bytes.len().min(usize::try_from(file_bytes).unwrap_or(usize::MAX));
    file.read_exact_at(&mut bytes[..there], 0)?;
    let header = Header::from_bytes(&bytes[..header_bytes])?;
    if header.component != *component.as_bytes() || header.checkpoint != *checkpoint {
        return Err(ImageFileProblem::Other.into());
    }
    if bytes[header_bytes..].iter().any(|byte| *byte != 0) {
        return Err(damaged("its header is followed by something"));
    }
    let mut offset = bytes.len() as u64;
    let contents = header.memories.iter().try_fold(offset, |end, memory| end.checked_add(memory.image_bytes));
    if contents != Some(file_bytes) {
        return Err(damaged("its length is wrong"));
    }
    let mut memories = Vec::with_capacity(header.memories.len());
    for memory in header.memories {
        let too_large = |_| damaged("a memory in it is too large");
        let size_bytes = usize::try_from(memory.size_bytes).map_err(too_large)?;
        let image_bytes = usize::try_from(memory.image_bytes).map_err(too_large)?;
        let image = (image_bytes > 0).then(|| file.try_clone().map(|file| Image::of_file(file, offset, image_bytes)));
        let image = image.transpose()?;
        if let Some(image) = image.as_ref().filter(|_| !is_verified)
            && image.parts(PART_BYTES, checksum)? != memory.checksums
        {
            return Err(damaged("its contents do not have their checksum"));
        }
        memories.push(ImageMemory { image: image.map(Arc::new), size_bytes, grown_at_start_bytes: 0 });
        offset += memory.image_bytes;
    }
    Ok(ActorImage { component, memories: memories.into(), globals: header.globals.into() })
}

fn checksum(part: &[u8]) -> [u8; CHECKSUM_BYTES] {
    XxHash3_128::oneshot(part).to_le_bytes()
}

#[cfg(test)]
mod tests;
