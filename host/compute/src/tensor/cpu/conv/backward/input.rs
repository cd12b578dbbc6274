//! The gradient of the input. With a stride of 1 it is a convolution of the output's gradient with the kernel turned by
//! half a turn. Otherwise every tap of the kernel hands the gradient of an output to one pixel.

use super::super::super::scratch::Scratch;
use super::super::super::tile::{Kernel, Start, Target, Terms};
use super::super::super::workers::Workers;
use super::super::forward::Pass;
use super::super::{ConvShape, weights};

/// How the gradient of the input is computed.
pub(super) struct ToInput {
    kernel: &'static Kernel,
    shape: ConvShape,
    /// Channels of the gradient's pixels.
    channels: usize,
    turned: Scratch,
}

impl ToInput {
    /// For gradients whose pixels have so many channels, at least as many as the output has.
    pub(super) fn new(workers: Workers<'_>, shape: &ConvShape, channels: usize, weight: &[f32]) -> Self {
        let kernel = Kernel::of(workers.level(), shape.in_channels);
        let turned = weights::pack_turned(workers, kernel, shape, channels, weight);
        Self { kernel, shape: *shape, channels, turned }
    }

    /// The gradient of an image, from that of its output.
    pub(super) fn image(&self, gradient: &[f32], image: &mut [f32]) {
        let ConvShape { kernel, padding, .. } = self.shape;
        if self.shape.stride == [1, 1] && padding[0] < kernel[0] && padding[1] < kernel[1] {
            let turned = ConvShape {
                batch: 1,
                height: self.shape.out_height(),
                width: self.shape.out_width(),
                in_channels: self.channels,
                out_channels: self.shape.in_channels,
                kernel,
                stride: [1, 1],
                padding: [kernel[0] - 1 - padding[0], kernel[1] - 1 - padding[1]],
            };
            Pass::new(self.kernel, &turned, &self.turned, None, false).band(gradient, 0..self.shape.height, image);
        } else {
            image.fill(0.0);
            for channel in (0..self.shape.in_channels).step_by(self.kernel.columns) {
                for y in 0..kernel[0] {
                    for x in 0..kernel[1] {
                        self.tap([y, x], channel, gradient, image);
                    }
                }
            }
        }
    }

    /// Adds what one tap of the kernel hands to the image, for the channels of one tile.
    fn tap(&self, tap: [usize; 2], channel: usize, gradient: &[f32], image: &mut [f32]) {
        let ConvShape { width, in_channels, kernel, stride, .. } = self.shape;
        let axes = self.shape.axes();
        let [rows, columns] = [axes[0].outputs_of(tap[0]), axes[1].outputs_of(tap[1])];
        let taps = kernel[0] * kernel[1];
        let turned = taps - 1 - (tap[0] * kernel[1] + tap[1]);
        let weights = &self.turned[(channel * taps + turned * self.kernel.columns) * self.channels..];
        for row in rows {
            let line = axes[0].input_of(row, tap[0]) * width;
            for (pixel, count) in self.kernel.cut(columns.len()) {
                let column = columns.start + pixel;
                let terms = Terms {
                    a: &gradient[(row * axes[1].outputs() + column) * self.channels..],
                    a_row: self.channels,
                    a_inner: 1,
                    a_outer: 0,
                    b: weights,
                    b_inner: self.kernel.columns,
                    b_outer: 0,
                    inner: self.channels,
                    outer: 1,
                };
                let mut target = Target {
                    c: &mut image[(line + axes[1].input_of(column, tap[1])) * in_channels + channel..],
                    row_stride: stride[1] * in_channels,
                    columns: self.kernel.columns.min(in_channels - channel),
                    start: Start::Target,
                    relu: false,
                };
                self.kernel.run(count, &terms, &mut target);
            }
        }
    }
}
