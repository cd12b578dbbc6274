//! The gradients without a transformation. All three are computed image by image, so that the gradient of an image's
//! output is in the cache for all of them.

use super::super::super::level::Level;
use super::super::super::reduce::add_rows;
use super::super::super::scratch::Scratch;
use super::super::super::workers::Workers;
use super::super::ConvShape;
use super::Part;
use super::input::ToInput;
use super::masked::Masked;
use super::weight::ToWeight;

/// How the gradients of some images are computed.
pub(super) struct Direct {
    shape: ConvShape,
    to_weight: ToWeight,
    to_input: Option<ToInput>,
}

impl Direct {
    /// With the weights if the gradient of the input is wanted.
    pub(super) fn new(workers: Workers<'_>, shape: &ConvShape, weight: Option<&[f32]>) -> Self {
        let to_weight = ToWeight::new(workers, shape);
        let to_input = weight.map(|weight| ToInput::new(workers, shape, to_weight.channels(), weight));
        Self { shape: *shape, to_weight, to_input }
    }

    /// The gradients that the images of a part contribute.
    pub(super) fn part(&self, level: Level, mut part: Part<'_>) {
        let (shape, channels) = (&self.shape, self.to_weight.channels());
        if let Some(weight) = &mut part.to.weight {
            weight.fill(0.0);
        }
        let mut copies = Copies::new(shape, channels, part.activated.is_some());
        for image in 0..part.images {
            let outputs = image * shape.out_image_len()..(image + 1) * shape.out_image_len();
            let inputs = image * shape.image_len()..(image + 1) * shape.image_len();
            let activated = part.activated.map(|output| &output[outputs.clone()]);
            let gradient = copies.of(level, &part.gradient[outputs], activated);
            if let Some(bias) = &mut part.to.bias {
                add_rows(level, gradient, channels, bias);
            }
            if let Some(weight) = &mut part.to.weight {
                self.to_weight.add(&part.input[inputs.clone()], gradient, weight);
            }
            if let (Some(input), Some(to_input)) = (&mut part.to.input, &self.to_input) {
                to_input.image(gradient, &mut input[inputs]);
            }
        }
    }
}

/// Copies of the gradient of an image's output, as far as it takes such.
struct Copies {
    masked: Masked,
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
            masked: Masked::new(length, is_masked),
            // What is after the pixels stays zero from one image to the next.
            widened: Scratch::zeros(if is_widened { length / channels * wide_channels } else { 0 }),
            channels,
            wide_channels,
        }
    }

    /// The gradient, zero where ReLU's output is not positive, and with zeros after every pixel.
    fn of<'a>(&'a mut self, level: Level, gradient: &'a [f32], activated: Option<&[f32]>) -> &'a [f32] {
        let gradient = self.masked.of(level, gradient, activated);
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
