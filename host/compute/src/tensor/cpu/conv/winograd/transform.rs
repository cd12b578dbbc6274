#![allow(unsafe_code)]
#![expect(clippy::needless_range_loop, reason = "the places of a square say where its numbers lie in memory")]
//! Between images and planes. A plane holds the values at one pair of points, one for each axis: those of tile after
//! tile, and for each tile of channel after channel.
//!
//! As in tiles of matrix products, the farthest number of either slice is checked once, and its `unsafe` relies on that.

use std::ops::Range;

use super::points::{Filter, FilterGradient, Input, OUTPUTS, Output, OutputGradient, POINTS, TAPS, Transform};
use crate::tensor::cpu::activation::rectified;
use crate::tensor::cpu::tile::COLUMNS_MAX;
use crate::tensor::cpu::vector::{Lanes, Vector, for_every_vector};

/// Planes: pairs of points.
pub(super) const PLANES: usize = POINTS * POINTS;
/// Numbers between two planes, and after the last: a cache line, since 36 lines that are a power of two apart would share
/// a few places of the cache. What they are is anything.
const GAP: usize = 16;
/// Numbers of a filter.
pub(super) const FILTER: usize = TAPS * TAPS;
/// Channels come in so many, which are whole vectors of any level.
pub(super) const CHANNELS: usize = 16;
// The widest tile of a matrix product may read so far beyond the last channel of the last tile in a plane.
const _: () = assert!(COLUMNS_MAX - CHANNELS <= GAP);

/// A square of pixels, as far as it lies within an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The first number of the first pixel that lies within the image.
    pub(super) start: usize,
    /// The rows and columns of the square that do.
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    /// Numbers from a row of the image to the next one.
    pub(super) row_stride: usize,
}

/// Where the values of a block of tiles are: in every plane as many rows as there are tiles.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    /// Numbers from a plane to the next one.
    pub(super) stride: usize,
    /// Numbers from a tile to the next one.
    pub(super) row: usize,
    /// Numbers of a tile that count.
    pub(super) channels: usize,
}

/// What happens to outputs at the end.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a> {
    /// A number for every channel, which is added.
    pub(super) bias: Option<&'a [f32]>,
    /// Whether what is below zero becomes zero.
    pub(super) relu: bool,
}

impl Window {
    /// Whether it has all pixels of a square with such sides.
    fn is_whole(&self, side: usize) -> bool {
        self.rows == (0..side) && self.columns == (0..side)
    }

    /// Whether an image reaches to its last number.
    fn is_within(&self, image: &[f32], channels: usize) -> bool {
        // Saturating, so that what overflows does not fit.
        let rows = self.rows.len().saturating_sub(1).saturating_mul(self.row_stride);
        let end = self.start.saturating_add(rows).saturating_add(self.columns.len().saturating_mul(channels));
        self.rows.is_empty() || self.columns.is_empty() || end <= image.len()
    }

    /// Where a pixel of the square is, if it lies within the image.
    #[inline(always)]
    fn pixel<const WHOLE: bool>(&self, y: usize, x: usize, channels: usize) -> Option<usize> {
        if WHOLE {
            return Some(self.start + y * self.row_stride + x * channels);
        }
        let is_inside = self.rows.contains(&y) && self.columns.contains(&x);
        is_inside.then(|| self.start + (y - self.rows.start) * self.row_stride + (x - self.columns.start) * channels)
    }
}

impl Planes {
    /// For so many rows of so many channels.
    pub(super) fn new(rows: usize, channels: usize) -> Self {
        Self { stride: rows.saturating_mul(channels).saturating_add(GAP), row: channels, channels }
    }

    /// All numbers.
    pub(super) fn len(self) -> usize {
        PLANES.saturating_mul(self.stride)
    }

    #[inline(always)]
    fn check<V: Vector>(self, rows: usize, planes: &[f32]) {
        assert!(self.channels.is_multiple_of(V::LANES), "{} channels are no whole vectors", self.channels);
        // Saturating, so that what overflows does not fit.
        let last = rows.saturating_sub(1).saturating_mul(self.row).saturating_add(self.channels);
        let last = (PLANES - 1).saturating_mul(self.stride).saturating_add(last);
        assert!(rows == 0 || last <= planes.len(), "{rows} tiles reach past their planes");
    }
}

for_every_vector! {
    /// From windows of the input to their values.
    pub(super) fn input_to_planes<V>(image: &[f32], windows: &[Window], planes: &mut [f32], layout: Planes) {
        // SAFETY: the vectors are of this level.
        unsafe { to_planes::<V, Input, POINTS>(image, windows, planes, layout) };
    }
}

for_every_vector! {
    /// From windows of the output's gradient to that of the values.
    pub(super) fn gradient_to_planes<V>(image: &[f32], windows: &[Window], planes: &mut [f32], layout: Planes) {
        // SAFETY: the vectors are of this level.
        unsafe { to_planes::<V, OutputGradient, OUTPUTS>(image, windows, planes, layout) };
    }
}

for_every_vector! {
    /// From values to windows of the output.
    pub(super) fn planes_to_output<V>(
        planes: &[f32],
        layout: Planes,
        finish: Finish<'_>,
        image: &mut [f32],
        windows: &[Window],
    ) {
        let channels = layout.channels;
        layout.check::<V>(windows.len(), planes);
        assert!(windows.iter().all(|window| window.is_within(image, channels)), "a window past its image");
        assert!(finish.bias.is_none_or(|bias| bias.len() == channels), "a number for every channel");
        for (row, window) in windows.iter().enumerate() {
            let is_whole = window.is_whole(OUTPUTS);
            for channel in (0..channels).step_by(V::LANES) {
                // SAFETY: the vectors are of this level, and what was checked above reaches to the last channel.
                unsafe {
                    let points = load_points(planes, layout, row * layout.row + channel);
                    let outputs = Output::square::<V>(points, Lanes::zero());
                    if is_whole {
                        put::<V, true>(&outputs, channel, channels, finish, image, window);
                    } else {
                        put::<V, false>(&outputs, channel, channels, finish, image, window);
                    }
                }
            }
        }
    }
}

/// Filters that lie one after another, and for each tap of a filter the same number of channels.
#[derive(Clone, Copy)]
pub(super) struct Filters<'a> {
    pub(super) weight: &'a [f32],
    pub(super) rows: usize,
    /// Numbers from a tap to the next one.
    pub(super) tap: usize,
    /// Whether the taps are in the opposite order.
    pub(super) is_turned: bool,
}

for_every_vector! {
    /// From filters to their values.
    pub(super) fn filters_to_planes<V>(filters: Filters<'_>, planes: &mut [f32], layout: Planes) {
        let Filters { weight, rows, tap, is_turned } = filters;
        layout.check::<V>(rows, planes);
        let last = rows.saturating_mul(FILTER).saturating_sub(1).saturating_mul(tap);
        let end = last.saturating_add(layout.channels);
        assert!(rows == 0 || end <= weight.len(), "weights for every channel");
        for row in 0..rows {
            for channel in (0..layout.channels).step_by(V::LANES) {
                // SAFETY: the vectors are of this level, and what was checked above reaches to the last channel.
                unsafe {
                    let mut square = [[Lanes::<V>::zero(); TAPS]; TAPS];
                    for y in 0..TAPS {
                        for x in 0..TAPS {
                            let place = if is_turned { FILTER - 1 - (y * TAPS + x) } else { y * TAPS + x };
                            let from = (row * FILTER + place) * tap + channel;
                            square[y][x] = Lanes::load(weight.as_ptr().wrapping_add(from));
                        }
                    }
                    let points = Filter::square(square, Lanes::zero());
                    store_points(&points, planes, layout, row * layout.row + channel);
                }
            }
        }
    }
}

for_every_vector! {
    /// From the gradient of values to that of filters: for each tap all rows with all their channels.
    pub(super) fn planes_to_filters<V>(planes: &[f32], layout: Planes, rows: usize, filters: &mut [f32]) {
        layout.check::<V>(rows, planes);
        let tap = rows.saturating_mul(layout.channels);
        assert_eq!(filters.len(), FILTER.saturating_mul(tap), "a number for every tap, row and channel");
        for row in 0..rows {
            for channel in (0..layout.channels).step_by(V::LANES) {
                // SAFETY: the vectors are of this level, and what was checked above reaches to the last channel.
                unsafe {
                    let points = load_points(planes, layout, row * layout.row + channel);
                    let gradients = FilterGradient::square::<V>(points, Lanes::zero());
                    for y in 0..TAPS {
                        for x in 0..TAPS {
                            let to = (y * TAPS + x) * tap + row * layout.channels + channel;
                            gradients[y][x].store(filters.as_mut_ptr().wrapping_add(to));
                        }
                    }
                }
            }
        }
    }
}

/// # Safety
/// That of [`Vector`].
#[inline(always)]
unsafe fn to_planes<V: Vector, T: Transform<SIDE, POINTS>, const SIDE: usize>(
    image: &[f32],
    windows: &[Window],
    planes: &mut [f32],
    layout: Planes,
) {
    let channels = layout.channels;
    layout.check::<V>(windows.len(), planes);
    assert!(windows.iter().all(|window| window.is_within(image, channels)), "a window past its image");
    for (row, window) in windows.iter().enumerate() {
        let is_whole = window.is_whole(SIDE);
        for channel in (0..channels).step_by(V::LANES) {
            // SAFETY: the vectors are of this level, and what was checked above reaches to the last channel.
            unsafe {
                let square = if is_whole {
                    take::<V, SIDE, true>(image, window, channel, channels)
                } else {
                    take::<V, SIDE, false>(image, window, channel, channels)
                };
                store_points(&T::square(square, Lanes::zero()), planes, layout, row * layout.row + channel);
            }
        }
    }
}

/// The pixels of a window, and zeros around them.
///
/// # Safety
/// That of [`Vector`]. The image reaches to the end of the window.
#[inline(always)]
unsafe fn take<V: Vector, const SIDE: usize, const WHOLE: bool>(
    image: &[f32],
    window: &Window,
    channel: usize,
    channels: usize,
) -> [[Lanes<V>; SIDE]; SIDE] {
    // SAFETY: the caller says so.
    unsafe {
        let mut square = [[Lanes::zero(); SIDE]; SIDE];
        for y in 0..SIDE {
            for x in 0..SIDE {
                if let Some(pixel) = window.pixel::<WHOLE>(y, x, channels) {
                    square[y][x] = Lanes::load(image.as_ptr().wrapping_add(pixel + channel));
                }
            }
        }
        square
    }
}

/// Writes the outputs that lie within the image.
///
/// # Safety
/// That of [`Vector`]. The image reaches to the end of the window, and the bias has a number for every channel.
#[inline(always)]
unsafe fn put<V: Vector, const WHOLE: bool>(
    outputs: &[[Lanes<V>; OUTPUTS]; OUTPUTS],
    channel: usize,
    channels: usize,
    finish: Finish<'_>,
    image: &mut [f32],
    window: &Window,
) {
    for y in 0..OUTPUTS {
        for x in 0..OUTPUTS {
            let Some(pixel) = window.pixel::<WHOLE>(y, x, channels) else { continue };
            let output = outputs[y][x];
            // SAFETY: the caller says so.
            unsafe {
                let output = match finish.bias {
                    Some(bias) => output + Lanes::load(bias.as_ptr().wrapping_add(channel)),
                    None => output,
                };
                output.store(image.as_mut_ptr().wrapping_add(pixel + channel));
            }
            if finish.relu {
                image[pixel + channel..][..V::LANES].iter_mut().for_each(|output| *output = rectified(*output));
            }
        }
    }
}

/// # Safety
/// That of [`Vector`]. The last plane has a vector at this place.
#[inline(always)]
unsafe fn load_points<V: Vector>(planes: &[f32], layout: Planes, place: usize) -> [[Lanes<V>; POINTS]; POINTS] {
    // SAFETY: the caller says so.
    unsafe {
        let mut points = [[Lanes::zero(); POINTS]; POINTS];
        for y in 0..POINTS {
            for x in 0..POINTS {
                let from = (y * POINTS + x) * layout.stride + place;
                points[y][x] = Lanes::load(planes.as_ptr().wrapping_add(from));
            }
        }
        points
    }
}

/// # Safety
/// That of [`Vector`]. The last plane has a vector at this place.
#[inline(always)]
unsafe fn store_points<V: Vector>(
    points: &[[Lanes<V>; POINTS]; POINTS],
    planes: &mut [f32],
    layout: Planes,
    place: usize,
) {
    for y in 0..POINTS {
        for x in 0..POINTS {
            let to = (y * POINTS + x) * layout.stride + place;
            // SAFETY: the caller says so.
            unsafe { points[y][x].store(planes.as_mut_ptr().wrapping_add(to)) };
        }
    }
}
