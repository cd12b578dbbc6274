//! The output of a convolution, and the gradient of its input, which is a convolution too.

use std::ops::Range;

use super::super::{ConvShape, PARTS_WANTED};
use super::points::OUTPUTS;
use super::products;
use super::tiles::{Tiles, blocks};
use super::transform::{Finish, Planes, Window, input_to_planes, planes_to_output};
use super::{BLOCK_TILES, planes_of_block, weights};
use crate::tensor::cpu::level::Level;
use crate::tensor::cpu::scratch::Scratch;
use crate::tensor::cpu::tile::Kernel;
use crate::tensor::cpu::workers::Workers;

/// The fewest tiles of a part: as high as a tile of the largest matrix kernel.
const PART_TILES_MIN: usize = BLOCK_TILES / 2;

/// The convolution of images, plus a bias for every output channel; with `relu`, what is below zero becomes zero. The
/// slices have the numbers that the shape says.
pub(in super::super) fn conv2d(
    workers: Workers<'_>,
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    output: &mut [f32],
) {
    let kernel = Kernel::of(workers.level(), shape.out_channels);
    let packed = weights::pack(workers, kernel, shape, weight);
    let pass = Pass::new(kernel, shape, &packed, Finish { bias, relu });
    let tiles = Tiles::of(shape);

    // A part has some rows of tiles, those of all images counted through, and the numbers of the output in them.
    let rows = tiles.rows();
    let rows_of_part = rows_of_part(&tiles);
    let numbers_before = |row: usize| {
        let lines = (row / tiles.down()) * shape.out_height() + (row % tiles.down()) * OUTPUTS;
        lines * shape.out_width() * shape.out_channels
    };
    let mut rest = output;
    let parts = (0..rows).step_by(rows_of_part).map(|first| {
        let last = rows.min(first + rows_of_part);
        let length = numbers_before(last) - numbers_before(first);
        let (output, others) = std::mem::take(&mut rest).split_at_mut(length);
        rest = others;
        (first * tiles.across()..last * tiles.across(), numbers_before(first), output)
    });
    workers.each(parts.collect::<Vec<_>>(), |_, (part, first, output)| {
        pass.tiles(workers.level(), input, part, first, output);
    });
}

/// How many parts there are.
pub(super) fn parts(shape: &ConvShape) -> usize {
    let tiles = Tiles::of(shape);
    tiles.rows().div_ceil(rows_of_part(&tiles))
}

fn rows_of_part(tiles: &Tiles) -> usize {
    tiles.rows().div_ceil(PARTS_WANTED).max(PART_TILES_MIN.div_ceil(tiles.across()))
}

/// A convolution with weights that are packed for its kernel.
pub(super) struct Pass<'a> {
    kernel: &'static Kernel,
    tiles: Tiles,
    input: Planes,
    output: Planes,
    weights: &'a [f32],
    finish: Finish<'a>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(kernel: &'static Kernel, shape: &ConvShape, weights: &'a [f32], finish: Finish<'a>) -> Self {
        let [input, output] = planes_of_block(shape);
        Self { kernel, tiles: Tiles::of(shape), input, output, weights, finish }
    }

    /// Some tiles of the output, which begins with the number `first` of all images' output.
    pub(super) fn tiles(&self, level: Level, input: &[f32], tiles: Range<usize>, first: usize, output: &mut [f32]) {
        let (mut values, mut results) = (Scratch::new(self.input.len()), Scratch::new(self.output.len()));
        for block in blocks(tiles, BLOCK_TILES) {
            let windows: Vec<Window> = block.clone().map(|tile| self.tiles.input(tile)).collect();
            input_to_planes(level, input, &windows, &mut values, self.input);
            let (from, to) = ((self.input, &*values), (self.output, &mut *results));
            products::of_tiles(self.kernel, block.len(), from, self.weights, to);
            let window = |tile| {
                let window = self.tiles.output(tile);
                Window { start: window.start - first, ..window }
            };
            let windows: Vec<Window> = block.map(window).collect();
            planes_to_output(level, &results, self.output, self.finish, output, &windows);
        }
    }
}
