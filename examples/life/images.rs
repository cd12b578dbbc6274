//! Pictures as image files: GIF, PNG and animated PNG. All three keep the palette, so a pixel is one byte at most.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::args::Args;
use crate::picture::{PALETTE, Picture};

/// Bytes of the pictures that are kept for an animation: 1 GiB.
pub const ANIMATION_BYTES_MAX: u64 = 1 << 30;
/// Pixels of an image that is written: 2³⁰, a byte each.
pub const IMAGE_PIXELS_MAX: u64 = 1 << 30;
/// Pixels across a picture that a scale is chosen for.
const WIDTH_WANTED: usize = 800;

/// The pictures that are kept until they are written.
pub struct Album {
    pictures: Vec<Picture>,
    scale: usize,
    is_animated: bool,
}

impl Album {
    /// An album for what the command line asks for.
    ///
    /// # Errors
    ///
    /// The pictures would not fit into memory, or one not into an image; said before anything is computed.
    pub fn new(args: &Args) -> anyhow::Result<Album> {
        let (width, height) = Picture::mosaic_size(args.games, args.width() as usize, args.height() as usize);
        let longest = width.max(height);
        let scale = args.scale.map_or((WIDTH_WANTED / longest).max(1), usize::from);
        let cells = (width as u64).saturating_mul(height as u64);
        ensure!(
            !(args.is_animated() || args.png.is_some())
                || cells.saturating_mul((scale * scale) as u64) <= IMAGE_PIXELS_MAX,
            "{width} by {height} cells, {scale} pixels each, are more than an image may have; give a smaller --scale",
        );
        let side_max = usize::from(u16::MAX);
        ensure!(
            args.gif.is_none() || longest.saturating_mul(scale) <= side_max,
            "--gif: {longest} cells, {scale} pixels each, are more than the {side_max} pixels of a GIF; write a PNG",
        );
        let pictures = args.steps().div_ceil(args.batch).saturating_add(1);
        ensure!(
            !args.is_animated() || pictures.saturating_mul(cells) <= ANIMATION_BYTES_MAX,
            "{pictures} pictures of {width} by {height} cells are too many to keep; give a larger --batch",
        );
        Ok(Album { pictures: Vec::new(), scale, is_animated: args.is_animated() })
    }

    /// Puts a picture in. Without an animation only the last is kept.
    pub fn add(&mut self, picture: Picture) {
        if !self.is_animated {
            self.pictures.clear();
        }
        self.pictures.push(picture);
    }

    /// The last picture.
    pub fn last(&self) -> Option<&Picture> {
        self.pictures.last()
    }

    /// Writes the files that the command line asks for.
    pub fn write(&self, args: &Args) -> anyhow::Result<()> {
        if self.pictures.is_empty() {
            // Whoever ended the games before the first picture was told so.
            return Ok(());
        }
        if let Some(path) = &args.gif {
            to_file(path, |out| write_gif(out, &self.pictures, self.scale, args.fps))?;
        }
        if let Some(path) = &args.apng {
            to_file(path, |out| write_png(out, &self.pictures, self.scale, args.fps))?;
        }
        if let (Some(path), Some(last)) = (&args.png, self.last()) {
            to_file(path, |out| write_png(out, std::slice::from_ref(last), self.scale, args.fps))?;
        }
        Ok(())
    }
}

/// Writes pictures of one size as a GIF that repeats for ever.
pub fn write_gif(out: impl Write, pictures: &[Picture], scale: usize, fps: u16) -> anyhow::Result<()> {
    let Some(first) = pictures.first() else { return Ok(()) };
    let (width, height) = (u16::try_from(first.width * scale)?, u16::try_from(first.height * scale)?);
    let mut encoder = gif::Encoder::new(out, width, height, PALETTE.as_flattened())?;
    encoder.set_repeat(gif::Repeat::Infinite)?;
    for picture in pictures {
        let buffer = picture.scaled(scale).colours.into();
        // Hundredths of a second are all that a GIF knows.
        encoder.write_frame(&gif::Frame { width, height, buffer, delay: 100 / fps.max(1), ..Default::default() })?;
    }
    Ok(())
}

/// Writes pictures of one size as a PNG: one as a plain picture, more as an animation that repeats for ever.
pub fn write_png(out: impl Write, pictures: &[Picture], scale: usize, fps: u16) -> anyhow::Result<()> {
    let Some(first) = pictures.first() else { return Ok(()) };
    let (width, height) = (u32::try_from(first.width * scale)?, u32::try_from(first.height * scale)?);
    let mut encoder = png::Encoder::new(out, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(PALETTE.as_flattened());
    if pictures.len() > 1 {
        encoder.set_animated(u32::try_from(pictures.len())?, 0)?;
        encoder.set_frame_delay(1, fps)?;
    }
    let mut writer = encoder.write_header()?;
    for picture in pictures {
        writer.write_image_data(&picture.scaled(scale).colours)?;
    }
    Ok(writer.finish()?)
}

/// Writes a file through a buffer.
pub fn to_file(
    path: &Path,
    write: impl FnOnce(&mut std::io::BufWriter<std::fs::File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let written = std::fs::File::create(path).map_err(anyhow::Error::from).and_then(|file| {
        let mut out = std::io::BufWriter::new(file);
        write(&mut out)?;
        Ok(out.flush()?)
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests;
