//! The gradient of the weights: for every tap of the kernel the product of a matrix, the pixels that the tap reads, and
//! another, the gradients of the outputs that it reads them for. The terms of a tile's sums are the pixels.

use super::super::super::tile::{Kernel, Start, Target, Terms};
use super::super::super::workers::Workers;
use super::super::ConvShape;

/// Numbers of the image and of the gradient that are gone through at a time: about as many as the first-level cache
/// holds, because every tile of the weights reads them all.
const BAND_NUMBERS: usize = 1 << 13;

/// How the gradient of the weights is computed. Its sums are `[kernel height, kernel width, in_channels,
/// out_channels]`, as tiles have them.
pub(super) struct ToWeight {
    kernel: &'static Kernel,
    shape: ConvShape,
}

impl ToWeight {
    pub(super) fn new(workers: Workers<'_>, shape: &ConvShape) -> Self {
        Self { kernel: Kernel::of(workers.level(), shape.out_channels), shape: *shape }
    }

    /// Channels that the pixels of the gradient must have, so that tiles can read all their columns.
    pub(super) fn channels(&self) -> usize {
        self.shape.out_channels.next_multiple_of(self.kernel.columns)
    }

    /// Adds what an image and the gradient of its output contribute.
    pub(super) fn add(&self, image: &[f32], gradient: &[f32], sums: &mut [f32]) {
        let ConvShape { width, in_channels, out_channels, kernel, .. } = self.shape;
        let [height_out, width_out] = [self.shape.out_height(), self.shape.out_width()];
        let row = width * in_channels * self.shape.stride[0] + width_out * self.channels();
        let band = (BAND_NUMBERS / row.max(1)).max(1);
        for first in (0..height_out).step_by(band) {
            for channel in (0..out_channels).step_by(self.kernel.columns) {
                for y in 0..kernel[0] {
                    for x in 0..kernel[1] {
                        let tap = Tap { place: [y, x], first, last: height_out.min(first + band), channel };
                        self.tap(&tap, image, gradient, sums);
                    }
                }
            }
        }
    }

    /// Adds what some rows of the output contribute to the weights of one tap, for the output channels of one tile.
    fn tap(&self, tap: &Tap, image: &[f32], gradient: &[f32], sums: &mut [f32]) {
        let ConvShape { width, in_channels, out_channels, kernel, stride, .. } = self.shape;
        let (channels, axes) = (self.channels(), self.shape.axes());
        let [rows, columns] = [axes[0].outputs_of(tap.place[0]), axes[1].outputs_of(tap.place[1])];
        let rows = rows.start.max(tap.first)..rows.end.min(tap.last);
        if rows.is_empty() || columns.is_empty() {
            return;
        }
        let pixel = axes[0].input_of(rows.start, tap.place[0]) * width + axes[1].input_of(columns.start, tap.place[1]);
        let weight = (tap.place[0] * kernel[1] + tap.place[1]) * in_channels;
        for (first, count) in self.kernel.cut(in_channels) {
            let terms = Terms {
                a: &image[pixel * in_channels + first..],
                a_row: 1,
                a_inner: stride[1] * in_channels,
                a_outer: stride[0] * width * in_channels,
                b: &gradient[(rows.start * axes[1].outputs() + columns.start) * channels + tap.channel..],
                b_inner: channels,
                b_outer: axes[1].outputs() * channels,
                inner: columns.len(),
                outer: rows.len(),
            };
            let mut target = Target {
                c: &mut sums[(weight + first) * out_channels + tap.channel..],
                row_stride: out_channels,
                columns: self.kernel.columns.min(out_channels - tap.channel),
                start: Start::Target,
                relu: false,
            };
            self.kernel.run(count, &terms, &mut target);
        }
    }
}

/// A tap of the kernel, the rows of the output to go through, and the first of the output channels.
struct Tap {
    place: [usize; 2],
    first: usize,
    last: usize,
    channel: usize,
}
