//! The gradients of a convolution.

use super::super::super::activation::where_positive;
use super::super::super::level::Level;
use super::super::super::reduce::add_rows;
use super::super::super::scratch::Scratch;
use super::super::super::tile::Kernel;
use super::super::super::workers::Workers;
use super::super::ConvShape;
use super::super::backward::Part;
use super::forward::Pass;
use super::products;
use super::tiles::{Tiles, blocks};
use super::transform::{Finish, Planes, Window, gradient_to_planes, input_to_planes, planes_to_filters};
use super::{BLOCK_TILES, turned, weights};

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
    pub(in super::super) fn part(&self, level: Level, part: Part<'_>) {
        let shape = ConvShape { batch: part.images, ..self.shape };
        let mut masked = Scratch::new(part.activated.map_or(0, <[f32]>::len));
        let gradient = match part.activated {
            Some(output) => {
                where_positive(level, output, part.gradient, &mut masked);
                &*masked
            }
            None => part.gradient,
        };
        if let Some(bias) = part.to.bias {
            add_rows(level, gradient, shape.out_channels, bias);
        }
        if let Some(weight) = part.to.weight {
            self.weight(level, &shape, part.input, gradient, weight);
        }
        if let (Some(input), Some(weights)) = (part.to.input, &self.turned) {
            let turned = turned(&shape);
            let finish = Finish { bias: None, relu: false };
            let pass = Pass::new(self.to_input, &turned, weights, finish);
            pass.tiles(level, gradient, 0..Tiles::of(&turned).count(), 0, input);
        }
    }

    /// The gradient of the weights, `[kernel height, kernel width, in_channels, out_channels]`.
    fn weight(&self, level: Level, shape: &ConvShape, input: &[f32], gradient: &[f32], weight: &mut [f32]) {
        let ConvShape { in_channels, out_channels, .. } = *shape;
        let tiles = Tiles::of(shape);
        let [from, to] = [in_channels, out_channels].map(|channels| Planes::new(BLOCK_TILES, channels));
        let layout = Planes::new(in_channels, out_channels);
        let (mut values, mut gradients) = (Scratch::new(from.len()), Scratch::new(to.len()));
        let mut sums = Scratch::new(layout.len());
        for block in blocks(0..tiles.count(), BLOCK_TILES) {
            let windows: Vec<Window> = block.clone().map(|tile| tiles.input(tile)).collect();
            input_to_planes(level, input, &windows, &mut values, from);
            let windows: Vec<Window> = block.clone().map(|tile| tiles.output(tile)).collect();
            gradient_to_planes(level, gradient, &windows, &mut gradients, to);
            let (values, gradients) = ((from, &*values), (to, &*gradients));
            let (is_first, sums) = (block.start == 0, (layout, &mut *sums));
            products::of_channels(self.to_weight, block.len(), values, gradients, is_first, sums);
        }
        planes_to_filters(level, &sums, layout, in_channels, weight);
    }
}
