//! The contents of a linear memory in a file of the kernel's memory, which any number of instances map privately.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rayon::prelude::*;
use rustix::fs::MemfdFlags;

use super::mapping::{PAGE_BYTES, page_up};

/// Bytes that are copied at a time to another image or to a file.
const COPY_BYTES: usize = 1 << 20;

/// The beginning of a memory; what lies behind it is zero. An image that somebody has mapped is written to only where
/// they have private copies of the pages.
#[derive(Debug)]
pub(crate) struct Image {
    file: File,
    /// Where it begins in the file: at a page.
    offset_bytes: u64,
    size_bytes: usize,
    /// Whether the file is the image's own.
    is_writable: bool,
}

impl Image {
    /// An image of zeros, which take no memory until they are written.
    pub(crate) fn zeros(size_bytes: usize) -> io::Result<Image> {
        let file = File::from(rustix::fs::memfd_create("belljar-image", MemfdFlags::CLOEXEC)?);
        file.set_len(page_up(size_bytes) as u64)?;
        Ok(Image { file, offset_bytes: 0, size_bytes: page_up(size_bytes), is_writable: true })
    }

    /// An image that is a part of a file on the disk: whole pages of it, from a page on. It is never written to.
    pub(super) fn of_file(file: File, offset_bytes: u64, size_bytes: usize) -> Image {
        Image { file, offset_bytes, size_bytes, is_writable: false }
    }

    /// Whether it may be written to, by whoever has it for himself.
    pub(crate) fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// An image of these pieces at their offsets, later ones over earlier ones, and zeros between them; none where
    /// there is nothing.
    pub(crate) fn of_pieces<'a>(pieces: impl Iterator<Item = (u64, &'a [u8])> + Clone) -> io::Result<Option<Image>> {
        let end = pieces.clone().map(|(offset, bytes)| offset + bytes.len() as u64).max().unwrap_or_default();
        if end == 0 {
            return Ok(None);
        }
        let image = Image::zeros(usize::try_from(end).map_err(io::Error::other)?)?;
        for (offset, bytes) in pieces {
            image.file.write_all_at(bytes, offset)?;
        }
        Ok(Some(image))
    }

    /// A copy with room for `size_bytes`, or as many as this one has.
    pub(crate) fn copy(&self, size_bytes: usize) -> io::Result<Image> {
        let copy = Image::zeros(self.size_bytes.max(size_bytes))?;
        self.copy_to(&copy.file, 0)?;
        Ok(copy)
    }

    /// Writes what it holds to a file of zeros, from an offset on.
    pub(super) fn copy_to(&self, file: &File, at: u64) -> io::Result<()> {
        let mut buffer = vec![0; COPY_BYTES.min(self.size_bytes)];
        for offset in (0..self.size_bytes).step_by(COPY_BYTES) {
            let part = &mut buffer[..COPY_BYTES.min(self.size_bytes - offset)];
            self.file.read_exact_at(part, self.offset_bytes + offset as u64)?;
            // Zeros are there already, and writing them would take room.
            if part.iter().any(|byte| *byte != 0) {
                file.write_all_at(part, at + offset as u64)?;
            }
        }
        Ok(())
    }

    /// Writes whole pages, and makes the image larger where they lie past its end.
    pub(crate) fn write(&mut self, first_page: u64, bytes: &[u8]) -> io::Result<()> {
        if !self.is_writable {
            return Err(io::Error::other("an image that lies in a file on the disk is never written to"));
        }
        let offset = first_page * PAGE_BYTES as u64;
        self.file.write_all_at(bytes, offset)?;
        self.size_bytes = self.size_bytes.max(page_up(offset as usize + bytes.len()));
        Ok(())
    }

    /// A page; none past the image's end.
    pub(crate) fn page(&self, page: u64) -> io::Result<Option<Vec<u8>>> {
        if page >= (self.size_bytes / PAGE_BYTES) as u64 {
            return Ok(None);
        }
        let mut bytes = vec![0; PAGE_BYTES];
        self.read(page, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// Reads whole pages, which have to lie inside the image.
    pub(crate) fn read(&self, first_page: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, self.offset_bytes + first_page * PAGE_BYTES as u64)
    }

    /// Its size, whole pages.
    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// What `look` makes of each `part_bytes` bytes of it, on all processors. It reads instead of mapping: what was never
    /// written then takes no memory, and what a disk cannot read is an error.
    pub(super) fn parts<T: Send>(&self, part_bytes: usize, look: impl Fn(&[u8]) -> T + Sync) -> io::Result<Vec<T>> {
        let starts: Vec<usize> = (0..self.size_bytes).step_by(part_bytes).collect();
        let read = |buffer: &mut Vec<u8>, start: usize| {
            let part = &mut buffer[..part_bytes.min(self.size_bytes - start)];
            self.file.read_exact_at(part, self.offset_bytes + start as u64)?;
            Ok(look(part))
        };
        starts.into_par_iter().map_init(|| vec![0; part_bytes], read).collect()
    }

    /// The file to map.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// From where on.
    pub(crate) fn offset_bytes(&self) -> u64 {
        self.offset_bytes
    }
}
