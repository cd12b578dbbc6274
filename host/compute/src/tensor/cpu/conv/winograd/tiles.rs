//! The tiles of the output, of all images one after another, and what of the images they are computed from.

use std::ops::Range;

use super::super::ConvShape;
use super::points::{OUTPUTS, POINTS};
use super::transform::Window;

/// The tiles of a convolution's output.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    shape: ConvShape,
    height_out: usize,
    width_out: usize,
}

impl Tiles {
    pub(super) fn of(shape: &ConvShape) -> Self {
        Self { shape: *shape, height_out: shape.out_height(), width_out: shape.out_width() }
    }

    /// Tiles beside each other in an image.
    pub(super) fn across(&self) -> usize {
        self.width_out.div_ceil(OUTPUTS)
    }

    /// Rows of tiles in an image.
    pub(super) fn down(&self) -> usize {
        self.height_out.div_ceil(OUTPUTS)
    }

    /// Rows of tiles in all images.
    pub(super) fn rows(&self) -> usize {
        self.shape.batch * self.down()
    }

    /// The tiles of an image.
    pub(super) fn of_image(&self) -> usize {
        self.across() * self.down()
    }

    /// The tiles of all images.
    pub(super) fn count(&self) -> usize {
        self.shape.batch * self.of_image()
    }

    /// The pixels of the input that a tile is computed from.
    pub(super) fn input(&self, tile: usize) -> Window {
        let ConvShape { height, width, in_channels, padding, .. } = self.shape;
        let (image, place) = self.place(tile);
        let inside = |axis: usize, length: usize| {
            let start = padding[axis].saturating_sub(place[axis]);
            start..(length + padding[axis]).saturating_sub(place[axis]).clamp(start, POINTS)
        };
        let (rows, columns) = (inside(0, height), inside(1, width));
        let first = |axis: usize, inside: &Range<usize>| (place[axis] + inside.start).saturating_sub(padding[axis]);
        let pixel = (image * height + first(0, &rows)) * width + first(1, &columns);
        Window { start: pixel * in_channels, rows, columns, row_stride: width * in_channels }
    }

    /// The pixels of the output that a tile has.
    pub(super) fn output(&self, tile: usize) -> Window {
        let (image, [y, x]) = self.place(tile);
        let pixel = (image * self.height_out + y) * self.width_out + x;
        Window {
            start: pixel * self.shape.out_channels,
            rows: 0..OUTPUTS.min(self.height_out - y),
            columns: 0..OUTPUTS.min(self.width_out - x),
            row_stride: self.width_out * self.shape.out_channels,
        }
    }

    /// The image of a tile, and the row and column of its first pixel.
    fn place(&self, tile: usize) -> (usize, [usize; 2]) {
        let (image, tile) = (tile / self.of_image(), tile % self.of_image());
        (image, [tile / self.across() * OUTPUTS, tile % self.across() * OUTPUTS])
    }
}

/// Cuts tiles into as few blocks of a size as it takes, of nearly the same size.
pub(super) fn blocks(tiles: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let count = tiles.len().div_ceil(size);
    (0..count).map(move |block| {
        let end = |block: usize| tiles.start + block * tiles.len() / count;
        end(block)..end(block + 1)
    })
}
