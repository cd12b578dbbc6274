//! The gradients of a convolution.

use super::super::ConvShape;
use super::super::backward::{Masked, Part};
use super::forward::Pass;
use super::products;
use super::tiles::{Tiles, blocks};
use super::transform::{Finish, Planes, Window, gradient_to_planes, input_to_planes, planes_to_filters};
use super::{BLOCK_TILES, images_of_group, planes_of_block, turned, weights};
use crate::tensor::cpu::level::Level;
use crate::tensor::cpu::reduce::add_rows;
use crate::tensor::cpu::scratch::Scratch;
use crate::tensor::cpu::tile::Kernel;
use crate::tensor::cpu::workers::Workers;

/// How the gradients of some images are computed.
pub(in super::super) struct Backward {
    shape: ConvShape,
    /// For the gradient of the weights, and for that of the input, each with the width of its result.
    to_weight: &'static Kernel,
    to_input: &'static Kernel,
    /// The weights for the gradient of the input, if that is wanted.
    turned: Option<Scratch>,
}

impl Backward {
    /// With the weights if the gradient of the input is wanted.
    pub(in super::super) fn new(workers: Workers<'_>, shape: &ConvShape, weight: Option<&[f32]>) -> Self {
        let [to_input, to_weight] =
            [shape.in_channels, shape.out_channels].map(|columns| Kernel::of(workers.level(), columns));
        let turned = weight.map(|weight| weights::pack_turned(workers, to_input, shape, weight));
        Self { shape: *shape, to_weight, to_input, turned }
    }

    /// The gradients that the images of a part contribute.
    pub(in super::super) fn part(&self, level: Level, mut part: Part<'_>) {
        let images = images_of_group(&self.shape);
        let (input_len, output_len) = (self.shape.image_len(), self.shape.out_image_len());
        let mut masked = Masked::new(images.min(part.images) * output_len, part.activated.is_some());
        let mut sums = part.to.weight.is_some().then(|| WeightSums::new(&self.shape, self.to_weight));
        for first in (0..part.images).step_by(images) {
            let shape = ConvShape { batch: images.min(part.images - first), ..self.shape };
            let inputs = first * input_len..(first + shape.batch) * input_len;
            let outputs = first * output_len..(first + shape.batch) * output_len;
            let activated = part.activated.map(|output| &output[outputs.clone()]);
            let gradient = masked.of(level, &part.gradient[outputs], activated);
            if let Some(bias) = &mut part.to.bias {
                add_rows(level, gradient, shape.out_channels, bias);
            }
            if let Some(sums) = &mut sums {
                sums.add(level, &shape, &part.input[inputs.clone()], gradient);
            }
            if let (Some(input), Some(weights)) = (&mut part.to.input, &self.turned) {
                let turned = turned(&shape);
                let pass = Pass::new(self.to_input, &turned, weights, Finish { bias: None, relu: false });
                pass.tiles(level, gradient, 0..Tiles::of(&turned).count(), 0, &mut input[inputs]);
            }
        }
        if let (Some(sums), Some(weight)) = (sums, part.to.weight) {
            planes_to_filters(level, &sums.planes, sums.layout, self.shape.in_channels, weight);
        }
    }
}

/// The gradient of the weights' values, of some images after others.
struct WeightSums {
    kernel: &'static Kernel,
    layout: Planes,
    planes: Scratch,
    is_empty: bool,
}

impl WeightSums {
    fn new(shape: &ConvShape, kernel: &'static Kernel) -> Self {
        let layout = Planes::new(shape.in_channels, shape.out_channels);
        Self { kernel, layout, planes: Scratch::new(layout.len()), is_empty: true }
    }

    fn add(&mut self, level: Level, shape: &ConvShape, input: &[f32], gradient: &[f32]) {
        let tiles = Tiles::of(shape);
        let [from, to] = planes_of_block(shape);
        let (mut values, mut gradients) = (Scratch::new(from.len()), Scratch::new(to.len()));
        for block in blocks(0..tiles.count(), BLOCK_TILES) {
            let windows: Vec<Window> = block.clone().map(|tile| tiles.input(tile)).collect();
            input_to_planes(level, input, &windows, &mut values, from);
            let windows: Vec<Window> = block.clone().map(|tile| tiles.output(tile)).collect();
            gradient_to_planes(level, gradient, &windows, &mut gradients, to);
            let (values, gradients) = ((from, &*values), (to, &*gradients));
            let sums = (self.layout, &mut *self.planes);
            products::of_channels(self.kernel, block.len(), values, gradients, self.is_empty, sums);
            self.is_empty = false;
        }
    }
}
