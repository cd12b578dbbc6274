//! The gradients of a convolution.
//!
//! A part has some images and adds up the gradients of the weights and the bias of these; the sums of the parts are
//! added in their order at the end. How many parts there are is a matter of the shape.

mod direct;
mod input;
mod masked;
mod weight;

use self::direct::Direct;
pub(super) use self::masked::Masked;
use super::super::reduce::add_rows;
use super::super::scratch::Scratch;
use super::super::workers::Workers;
use super::{ConvShape, PART_TERMS, PARTS_WANTED, winograd};

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
    let weight = to.input.is_some().then_some(from.weight);
    let way = if winograd::is_for(shape) {
        Way::Winograd(winograd::Backward::new(workers, shape, weight))
    } else {
        Way::Direct(Direct::new(workers, shape, weight))
    };
    let mut weight_sums = to.weight.is_some().then(|| Scratch::new(parts * shape.weight_len()));
    let mut bias_sums = to.bias.is_some().then(|| vec![0.0; parts * shape.out_channels]);

    let inputs = pieces(to.input, images * shape.image_len(), parts);
    let weights = pieces(weight_sums.as_deref_mut(), shape.weight_len(), parts);
    let biases = pieces(bias_sums.as_deref_mut(), shape.out_channels, parts);
    let items = inputs.into_iter().zip(weights).zip(biases);
    workers.each(items, |part, ((input, weight), bias)| {
        let images = part * images..shape.batch.min((part + 1) * images);
        let outputs = images.start * shape.out_image_len()..images.end * shape.out_image_len();
        let part = Part {
            images: images.len(),
            input: &from.input[images.start * shape.image_len()..images.end * shape.image_len()],
            activated: from.activated.map(|output| &output[outputs.clone()]),
            gradient: &from.gradient[outputs],
            to: ConvGradients { input, weight, bias },
        };
        match &way {
            Way::Direct(way) => way.part(workers.level(), part),
            Way::Winograd(way) => way.part(workers.level(), part),
        }
    });

    if let (Some(weight), Some(sums)) = (to.weight, &mut weight_sums) {
        add_up(workers, shape, sums, weight);
    }
    if let (Some(bias), Some(sums)) = (to.bias, &bias_sums) {
        bias.fill(0.0);
        add_rows(workers.level(), sums, shape.out_channels, bias);
    }
}

/// How the gradients of a part are computed.
enum Way {
    Direct(Direct),
    Winograd(winograd::Backward),
}

/// Some images, and where what they contribute goes: the gradient of the weights as `[kernel height, kernel width,
/// in_channels, out_channels]`.
pub(super) struct Part<'a> {
    pub(super) images: usize,
    pub(super) input: &'a [f32],
    pub(super) activated: Option<&'a [f32]>,
    pub(super) gradient: &'a [f32],
    /// The bias' begins with zeros; what the others hold is overwritten.
    pub(super) to: ConvGradients<'a>,
}

/// Adds the weights' gradients of all parts, which are one after another, and puts them in the order of the weights.
fn add_up(workers: Workers<'_>, shape: &ConvShape, sums: &mut [f32], weight: &mut [f32]) {
    if weight.is_empty() {
        return;
    }
    let (total, others) = sums.split_at_mut(weight.len());
    workers.chunks(total, 1, |first, total| {
        for other in others.chunks_exact(shape.weight_len()) {
            add_rows(workers.level(), &other[first..][..total.len()], total.len(), total);
        }
    });
    let (channels, window) = (shape.out_channels, shape.window_len());
    workers.chunks(weight, window, |first, weight| {
        for (channel, weight) in weight.chunks_exact_mut(window).enumerate() {
            let column = total[first / window + channel..].iter().step_by(channels);
            weight.iter_mut().zip(column).for_each(|(weight, sum)| *weight = *sum);
        }
    });
}

/// How many parts the images make.
pub(super) fn parts(shape: &ConvShape) -> usize {
    shape.batch.div_ceil(images_of_part(shape).max(1))
}

/// Images that a part has.
fn images_of_part(shape: &ConvShape) -> usize {
    let parts = PARTS_WANTED.min(PARTIAL_NUMBERS_MAX / shape.weight_len().max(1)).max(1);
    let worth_it = if winograd::is_for(shape) {
        winograd::images_of_group(shape)
    } else {
        PART_TERMS.div_ceil(shape.image_terms().max(1))
    };
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
