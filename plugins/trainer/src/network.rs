//! The network: two convolutions, a pooling, two more convolutions, a pooling, a hidden layer and the scores. With 32
//! channels and 146 hidden numbers it has 665,200 parameters.

use std::hash::Hasher as _;

use belljar_guest::tensor::{Activation, AdamOptions, Error, Optimiser, Tensor, Window2d};
use twox_hash::xxhash3_64;

use crate::Settings;
use crate::images::{COLOURS, KINDS, SIDE};

/// Width and height of what is convolved with.
const KERNEL: u32 = 3;
/// Steps of a convolution that keeps width and height.
const SAME: Window2d = Window2d { stride: (1, 1), padding: (1, 1) };
/// Of how many numbers a pooling takes the largest, and by how much it makes an image smaller.
const POOL: (u32, u32) = (2, 2);
/// Keeps the seeds of the layers apart.
const SEED_OF_LAYER: u64 = 1 << 40;

/// A network, and what trains it.
pub struct Network {
    convolutions: [Layer; 4],
    hidden: Layer,
    output: Layer,
    adam: Optimiser,
}

/// A layer's parameters.
struct Layer {
    weight: Tensor,
    bias: Tensor,
}

impl Layer {
    /// Random weights, as He and others (2015) found them good for what a rectifier follows.
    fn new(shape: &[u32], seed: u64) -> Result<Self, Error> {
        let inputs: f32 = shape[1..].iter().map(|length| *length as f32).product();
        let weight = Tensor::random_normal(shape, 0.0, (2.0 / inputs).sqrt(), seed)?;
        let bias = Tensor::zeros(&shape[..1])?;
        weight.require_gradient()?;
        bias.require_gradient()?;
        Ok(Self { weight, bias })
    }

    fn parameters(&self) -> [&Tensor; 2] {
        [&self.weight, &self.bias]
    }
}

impl Network {
    /// A network that knows nothing yet.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let seed = |layer: u64| settings.seed.wrapping_add(SEED_OF_LAYER.wrapping_mul(layer));
        let (narrow, wide) = (settings.channels, settings.channels.saturating_mul(2));
        let convolution = |outputs, inputs, layer| Layer::new(&[outputs, KERNEL, KERNEL, inputs], seed(layer));
        let convolutions = [
            convolution(narrow, COLOURS, 1)?,
            convolution(narrow, narrow, 2)?,
            convolution(wide, narrow, 3)?,
            convolution(wide, wide, 4)?,
        ];
        let pixels = (SIDE / 4).pow(2).saturating_mul(wide);
        let hidden = Layer::new(&[settings.hidden, pixels], seed(5))?;
        let output = Layer::new(&[KINDS, settings.hidden], seed(6))?;
        let parameters: Vec<&Tensor> =
            convolutions.iter().chain([&hidden, &output]).flat_map(Layer::parameters).collect();
        let options = AdamOptions { learning_rate: settings.learning_rate, ..AdamOptions::default() };
        let adam = Optimiser::adam(&parameters, options)?;
        Ok(Self { convolutions, hidden, output, adam })
    }

    /// How much each image looks like each kind: `[batch, kinds]`.
    pub fn scores(&self, images: &Tensor) -> Result<Tensor, Error> {
        let [first, second, third, fourth] = &self.convolutions;
        let convolve =
            |input: &Tensor, layer: &Layer| input.conv2d(&layer.weight, Some(&layer.bias), SAME, Activation::Relu);
        let small = convolve(&convolve(images, first)?, second)?.max_pool2d(POOL, POOL)?;
        let smaller = convolve(&convolve(&small, third)?, fourth)?.max_pool2d(POOL, POOL)?;
        let shape = smaller.shape()?;
        let flat = smaller.reshape(&[shape[0], shape[1..].iter().product()])?;
        let hidden = flat.linear(&self.hidden.weight, Some(&self.hidden.bias), Activation::Relu)?;
        hidden.linear(&self.output.weight, Some(&self.output.bias), Activation::None)
    }

    /// Goes one step towards these kinds, and returns how far the scores were from them.
    pub fn learn(&mut self, scores: &Tensor, kinds: &[u32]) -> Result<f32, Error> {
        let loss = scores.cross_entropy(kinds)?;
        let value = loss.values()?[0];
        loss.backward()?;
        self.adam.step()?;
        Tensor::zero_gradients(&self.parameters())?;
        Ok(value)
    }

    /// How many numbers it is made of.
    pub fn parameters_count(&self) -> Result<u64, Error> {
        let count = |tensor: &&Tensor| {
            tensor.shape().map(|shape| shape.iter().map(|length| u64::from(*length)).product::<u64>())
        };
        self.parameters().iter().map(count).sum()
    }

    /// All of these numbers, little-endian.
    pub fn weights(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for parameter in self.parameters() {
            bytes.extend(parameter.values()?.into_iter().flat_map(f32::to_le_bytes));
        }
        Ok(bytes)
    }

    /// XXH3-64 of these bytes, of which there are only one parameter's at a time.
    pub fn fingerprint(&self) -> Result<u64, Error> {
        let mut hasher = xxhash3_64::Hasher::new();
        for parameter in self.parameters() {
            parameter.values()?.into_iter().for_each(|number| hasher.write(&number.to_le_bytes()));
        }
        Ok(hasher.finish())
    }

    fn parameters(&self) -> Vec<&Tensor> {
        self.convolutions.iter().chain([&self.hidden, &self.output]).flat_map(Layer::parameters).collect()
    }
}
