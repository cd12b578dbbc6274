//! Convolution with kernels of 3 × 3 and a stride of 1 by Winograd's minimal filtering: a quarter of the
//! multiplications.
//!
//! The output is cut into tiles of 4 × 4 pixels (`tiles`). The 6 × 6 pixels that a tile is computed from are
//! transformed to their values at 36 pairs of points, and so are the weights (`points`, `transform`). At each pair, the
//! sum over the input channels is a matrix product of some tiles' values and the weights'; its results are transformed
//! back. The gradient of the input is a convolution of the output's gradient with the kernel turned by half a turn, as
//! elsewhere, and that of the weights is the transposed computation: one product at each pair of points, whose terms
//! are the tiles.
//!
//! Results differ from a plain sum's in their last bits, also where all numbers are whole; but they still depend on the
//! shape alone. What is infinite or not a number reaches all outputs of the tiles that are computed from its pixel.

mod backward;
mod forward;
mod points;
mod products;
#[cfg(test)]
mod tests;
mod tiles;
mod transform;
mod weights;

pub(super) use self::backward::Backward;
pub(super) use self::forward::conv2d;
use self::points::TAPS;
use self::tiles::Tiles;
use self::transform::{CHANNELS, PLANES, Planes};
use super::super::tile::COLUMNS_MAX;
use super::{ConvShape, THREADS_COUNTED};

/// Tiles that go through the planes together: two tiles of the largest matrix kernel. Of up to 64 channels, their values
/// stay in the second-level cache with the weights'.
const BLOCK_TILES: usize = 28;
/// The fewest tiles whose gradients are worth the transformation of the weights' gradient back.
const GROUP_TILES_MIN: usize = 2 * BLOCK_TILES;
/// The fewest tiles that are worth the transformation of the weights, which takes as long as the products of eight
/// tiles while the weights stay in a cache, and of some 24 where they don't.
const TILES_MIN: usize = 64;
/// The fewest pixels of the output for each tile, which may reach beyond it.
const TILE_PIXELS_MIN: usize = 6;
/// The most numbers of transformed weights: 16 MiB.
const WEIGHT_NUMBERS_MAX: usize = 1 << 22;

/// Whether a convolution is computed in this way.
pub(super) fn is_for(shape: &ConvShape) -> bool {
    let channels = [shape.in_channels, shape.out_channels];
    let pixels = shape.batch * shape.out_height() * shape.out_width();
    let tiles = Tiles::of(shape).count();
    shape.kernel == [TAPS; 2]
        && shape.stride == [1, 1]
        && shape.padding.iter().all(|&padding| padding < TAPS)
        && channels.iter().all(|&channels| channels > 0 && channels.is_multiple_of(CHANNELS))
        && channels[0].saturating_mul(channels[1]) <= WEIGHT_NUMBERS_MAX / PLANES
        && tiles >= TILES_MIN
        && pixels >= tiles * TILE_PIXELS_MIN
}

/// Images whose gradients are computed together, so that they are in the cache for all three.
pub(super) fn images_of_group(shape: &ConvShape) -> usize {
    GROUP_TILES_MIN.div_ceil(Tiles::of(shape).of_image())
}

/// The numbers that the convolution needs memory for beside its operands and its result, at most: the values of the
/// weights, and for every thread those of a block.
pub(super) fn scratch_len(shape: &ConvShape) -> usize {
    let threads = forward::parts(shape).min(THREADS_COUNTED).saturating_mul(block_len(shape));
    let made_of = Planes::new(COLUMNS_MAX, shape.in_channels).len();
    let makers = shape.out_channels.div_ceil(weights::COLUMNS_MIN).min(THREADS_COUNTED).saturating_mul(made_of);
    weights::packed_len_max(shape.in_channels, shape.out_channels).saturating_add(threads.max(makers))
}

/// The same for the gradients, by so many threads: for each of them a copy of the output's gradient of a group of images,
/// too, and the gradient of the weights' values.
pub(super) fn backward_scratch_len(shape: &ConvShape, threads: usize) -> usize {
    let weights = Planes::new(shape.in_channels, shape.out_channels).len();
    let copy = images_of_group(shape).min(shape.batch).saturating_mul(shape.out_image_len());
    let each = block_len(shape).saturating_add(weights).saturating_add(copy);
    weights::packed_len_max(shape.out_channels, shape.in_channels).saturating_add(threads.saturating_mul(each))
}

/// The numbers of a block's values, before and after the products.
fn block_len(shape: &ConvShape) -> usize {
    planes_of_block(shape).map(Planes::len).iter().sum()
}

/// The values of a block's inputs and of its outputs.
fn planes_of_block(shape: &ConvShape) -> [Planes; 2] {
    [shape.in_channels, shape.out_channels].map(|channels| Planes::new(BLOCK_TILES, channels))
}

/// The convolution of the output's gradient that the gradient of the input is.
fn turned(shape: &ConvShape) -> ConvShape {
    ConvShape {
        height: shape.out_height(),
        width: shape.out_width(),
        in_channels: shape.out_channels,
        out_channels: shape.in_channels,
        padding: shape.padding.map(|padding| TAPS - 1 - padding),
        ..*shape
    }
}
