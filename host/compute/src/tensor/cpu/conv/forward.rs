//! The output of a convolution, and the gradient of its input, which is a convolution too.

use std::ops::Range;

use super::super::tile::{Kernel, Start, Target, Terms};
use super::super::workers::Workers;
use super::window::{Axis, Span};
use super::{ConvShape, PART_TERMS, PARTS_WANTED, weights, winograd};

/// The convolution of images, plus a bias for every output channel; with `relu`, what is below zero becomes zero.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
pub fn conv2d(
    workers: Workers<'_>,
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    output: &mut [f32],
) {
    assert_eq!(input.len(), shape.input_len(), "the numbers of the input");
    assert_eq!(weight.len(), shape.weight_len(), "the numbers of the weights");
    assert_eq!(output.len(), shape.output_len(), "the numbers of the output");
    assert!(bias.is_none_or(|bias| bias.len() == shape.out_channels), "the numbers of the bias");
    if output.is_empty() {
        return;
    }
    if winograd::is_for(shape) {
        return winograd::conv2d(workers, shape, input, weight, bias, relu, output);
    }
    let kernel = Kernel::of(workers.level(), shape.out_channels);
    let packed = weights::pack(workers, kernel, shape, weight);
    let pass = Pass::new(kernel, shape, &packed, bias, relu);
    let height = shape.out_height();
    let row = shape.out_width() * shape.out_channels;
    let rows = rows_of_part(shape);
    workers.each(output.chunks_mut(rows * row), |part, output| {
        // A part has some rows of one image, or several images.
        let first = part * rows;
        let last = first + output.len() / row;
        let mut rest = output;
        for image in first / height..last.div_ceil(height) {
            let band = first.max(image * height) - image * height..last.min((image + 1) * height) - image * height;
            let (output, others) = std::mem::take(&mut rest).split_at_mut(band.len() * row);
            pass.band(&input[image * shape.image_len()..][..shape.image_len()], band, output);
            rest = others;
        }
    });
}

/// Rows of the output, those of all images counted through, that a part has.
fn rows_of_part(shape: &ConvShape) -> usize {
    let height = shape.out_height();
    let image = shape.image_terms().max(1);
    let bands = PARTS_WANTED.div_ceil(shape.batch).min(image.div_ceil(PART_TERMS));
    if bands > 1 { height.div_ceil(bands) } else { height * PART_TERMS.div_ceil(image) }
}

/// A convolution that goes over images one by one.
pub(super) struct Pass<'a> {
    kernel: &'static Kernel,
    shape: ConvShape,
    axes: [Axis; 2],
    rows: Vec<Span>,
    columns: Vec<Span>,
    weights: &'a [f32],
    bias: Option<&'a [f32]>,
    relu: bool,
}

/// A rectangle of pixels whose windows lie within the image in the same way, and the channels to compute.
struct Rectangle<'a> {
    rows: &'a Span,
    columns: &'a Span,
    channel: usize,
}

impl<'a> Pass<'a> {
    /// A convolution with weights that are packed for this kernel.
    pub(super) fn new(
        kernel: &'static Kernel,
        shape: &ConvShape,
        weights: &'a [f32],
        bias: Option<&'a [f32]>,
        relu: bool,
    ) -> Self {
        let axes = shape.axes();
        let [rows, columns] = axes.map(|axis| axis.spans());
        Self { kernel, shape: *shape, axes, rows, columns, weights, bias, relu }
    }

    /// Some rows of the output of an image.
    pub(super) fn band(&self, image: &[f32], band: Range<usize>, output: &mut [f32]) {
        let first = band.start * self.axes[1].outputs() * self.shape.out_channels;
        for channel in (0..self.shape.out_channels).step_by(self.kernel.columns) {
            for rows in self.rows.iter().filter_map(|span| span.within(&band, self.shape.stride[0])) {
                for columns in &self.columns {
                    self.rectangle(image, &Rectangle { rows: &rows, columns, channel }, first, output);
                }
            }
        }
    }

    /// A rectangle of the output, which begins with the number `first` of the image's output.
    fn rectangle(&self, image: &[f32], rectangle: &Rectangle<'_>, first: usize, output: &mut [f32]) {
        let Rectangle { rows, columns, channel } = rectangle;
        let ConvShape { width, in_channels, out_channels, .. } = self.shape;
        let width_out = self.axes[1].outputs();
        let [stride_y, stride_x] = self.shape.stride;
        let [height, length] = [rows.outputs.len(), columns.outputs.len()];
        let window_row = self.shape.kernel[1] * in_channels * self.kernel.columns;
        let tap = (rows.taps.start * self.shape.kernel[1] + columns.taps.start) * in_channels;
        let panel = self.weights.get(channel * self.shape.window_len() + tap * self.kernel.columns..);
        let taken = self.kernel.columns.min(out_channels - channel);
        let start = self.bias.map_or(Start::Zero, |bias| Start::Row(&bias[*channel..][..taken]));

        // The pixels of a tile lie beside each other, or in a narrow rectangle one below the other.
        let is_flat = length >= self.kernel.rows || length >= height;
        let (lines, pixels) = if is_flat { (height, length) } else { (length, height) };
        for line in 0..lines {
            for (pixel, count) in self.kernel.cut(pixels) {
                let (y, x) = if is_flat { (line, pixel) } else { (pixel, line) };
                let from = ((rows.input + y * stride_y) * width + columns.input + x * stride_x) * in_channels;
                let to = ((rows.outputs.start + y) * width_out + columns.outputs.start + x) * out_channels + channel;
                let terms = Terms {
                    a: image.get(from..).unwrap_or_default(),
                    a_row: if is_flat { stride_x } else { stride_y * width } * in_channels,
                    a_inner: 1,
                    a_outer: width * in_channels,
                    // Both are empty at most where no tap lies within the image, so that none is read.
                    b: panel.unwrap_or_default(),
                    b_inner: self.kernel.columns,
                    b_outer: window_row,
                    inner: columns.taps.len() * in_channels,
                    outer: rows.taps.len(),
                };
                let mut target = Target {
                    c: &mut output[to - first..],
                    row_stride: if is_flat { 1 } else { width_out } * out_channels,
                    columns: taken,
                    start,
                    relu: self.relu,
                };
                self.kernel.run(count, &terms, &mut target);
            }
        }
    }
}
