//! The gradients of a convolution. All three are computed image by image, so that the gradient of an image's output is
//! in the cache for all of them.
//!
//! A part has some images and adds up the gradients of the weights and the bias of these; the sums of the parts are
//! added in their order at the end. How many parts there are is a matter of the shape.

mod input;
mod weight;

use self::input::ToInput;
use self::weight::ToWeight;
use super::super::activation::where_positive;
use super::super::level::Level;
use super::super::reduce::add_rows;
use super::super::scratch::Scratch;
use super::super::workers::Workers;
use super::{ConvShape, PART_TERMS, PARTS_WANTED};

/// The most numbers of partial sums of the weights' gradient, over all parts.
const PARTIAL_NUMBERS_MAX: usize = 1 << 24;

/// Where the gradients of a convolution go. What is not asked for is not computed; what is there is overwritten.
#[derive(Default)]
pub struct ConvGradients<'a> {
    /// Of the input.
    pub input: Option<&'a mut [f32]>,
    /// Of the weights.
    pub weight: Option<&'a mut [f32]>,
    /// Of the bias.
    pub bias: Option<&'a mut [f32]>,
}

/// What a convolution was computed from and with, and the gradient of its output.
#[derive(Clone, Copy)]
pub struct ConvBackward<'a> {
    /// The images.
    pub input: &'a [f32],
    /// The weights.
    pub weight: &'a [f32],
    /// The output, if the convolution ended with ReLU: the gradient is that of the numbers after it.
    pub activated: Option<&'a [f32]>,
    /// The gradient of the output.
    pub gradient: &'a [f32],
}

/// The gradients of a convolution, from that of its output.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
pub fn conv2d_backward(workers: Workers<'_>, shape: &ConvShape, from: ConvBackward<'_>, to: ConvGradients<'_>) {
    assert_eq!(from.input.len(), shape.input_len(), "the numbers of the input");
    assert_eq!(from.weight.len(), shape.weight_len(), "the numbers of the weights");
    assert_eq!(from.gradient.len(), shape.output_len(), "the numbers of the output's gradient");
    assert!(from.activated.is_none_or(|output| output.len() == from.gradient.len()), "the numbers of the output");
    let has = |slice: &Option<&mut [f32]>, length| slice.as_ref().is_none_or(|slice| slice.len() == length);
    assert!(has(&to.input, shape.input_len()), "the numbers of the input's gradient");
    assert!(has(&to.weight, shape.weight_len()), "the numbers of the weights' gradient");
    assert!(has(&to.bias, shape.out_channels), "the numbers of the bias' gradient");

    if from.gradient.is_empty() {
        [to.input, to.weight, to.bias].into_iter().flatten().for_each(|zeros| zeros.fill(0.0));
        return;
    }
    let images = images_of_part(shape);
    let parts = parts(shape);
    let to_weight = ToWeight::new(workers, shape);
    let channels = to_weight.channels();
    let to_input = to.input.is_some().then(|| ToInput::new(workers, shape, channels, from.weight));
    let mut weight_sums = to.weight.is_some().then(|| Scratch::new(parts * shape.weight_len()));
    let mut bias_sums = to.bias.is_some().then(|| vec![0.0; parts * shape.out_channels]);

    let inputs = pieces(to.input, images * shape.image_len(), parts);
    let weights = pieces(weight_sums.as_deref_mut(), shape.weight_len(), parts);
    let biases = pieces(bias_sums.as_deref_mut(), shape.out_channels, parts);
    let items = inputs.into_iter().zip(weights).zip(biases);
    workers.each(items, |part, ((mut inputs, mut weight), mut bias)| {
        if let Some(weight) = &mut weight {
            weight.fill(0.0);
        }
        let mut copies = Copies::new(shape, channels, from.activated.is_some());
        for (index, image) in (part * images..shape.batch.min((part + 1) * images)).enumerate() {
            let range = image * shape.out_image_len()..(image + 1) * shape.out_image_len();
            let activated = from.activated.map(|output| &output[range.clone()]);
            let gradient = copies.of(workers.level(), &from.gradient[range], activated);
            if let Some(bias) = &mut bias {
                add_rows(workers.level(), gradient, channels, bias);
            }
            if let Some(weight) = &mut weight {
                to_weight.add(&from.input[image * shape.image_len()..][..shape.image_len()], gradient, weight);
            }
            if let (Some(inputs), Some(to_input)) = (&mut inputs, &to_input) {
                to_input.image(gradient, &mut inputs[index * shape.image_len()..][..shape.image_len()]);
            }
        }
    });

    if let (Some(weight), Some(sums)) = (to.weight, &mut weight_sums) {
        to_weight.finish(workers, sums, weight);
    }
    if let (Some(bias), Some(sums)) = (to.bias, &bias_sums) {
        bias.fill(0.0);
        add_rows(workers.level(), sums, shape.out_channels, bias);
    }
}

/// How many parts the images make.
pub(super) fn parts(shape: &ConvShape) -> usize {
    shape.batch.div_ceil(images_of_part(shape).max(1))
}

/// Images that a part has.
fn images_of_part(shape: &ConvShape) -> usize {
    let parts = PARTS_WANTED.min(PARTIAL_NUMBERS_MAX / shape.weight_len().max(1)).max(1);
    let worth_it = PART_TERMS.div_ceil(shape.image_terms().max(1));
    shape.batch.div_ceil(parts).max(worth_it)
}

/// A slice cut into pieces for the parts, or nothing for each of them.
fn pieces(slice: Option<&mut [f32]>, length: usize, parts: usize) -> Vec<Option<&mut [f32]>> {
    let mut rest = slice;
    (0..parts)
        .map(|_| {
            let slice = rest.take()?;
            let (piece, others) = slice.split_at_mut(length.min(slice.len()));
            rest = Some(others);
            Some(piece)
        })
        .collect()
}

/// Copies of the gradient of an image's output, as far as it takes such.
struct Copies {
    masked: Scratch,
    widened: Scratch,
    channels: usize,
    wide_channels: usize,
}

impl Copies {
    /// For gradients that are to have so many channels, and are to be masked where there is an output of ReLU.
    fn new(shape: &ConvShape, wide_channels: usize, is_masked: bool) -> Self {
        let (length, channels) = (shape.out_image_len(), shape.out_channels);
        let is_widened = wide_channels > channels;
        Self {
            masked: Scratch::new(if is_masked { length } else { 0 }),
            // What is after the pixels stays zero from one image to the next.
            widened: Scratch::zeros(if is_widened { length / channels * wide_channels } else { 0 }),
            channels,
            wide_channels,
        }
    }

    /// The gradient, zero where ReLU's output is not positive, and with zeros after every pixel.
    fn of<'a>(&'a mut self, level: Level, gradient: &'a [f32], activated: Option<&[f32]>) -> &'a [f32] {
        let gradient = match activated {
            Some(output) => {
                where_positive(level, output, gradient, &mut self.masked);
                &self.masked
            }
            None => gradient,
        };
        if self.wide_channels == self.channels {
            return gradient;
        }
        let pixels = self.widened.chunks_exact_mut(self.wide_channels);
        for (to, from) in pixels.zip(gradient.chunks_exact(self.channels)) {
            to[..self.channels].copy_from_slice(from);
        }
        &self.widened
    }
}
