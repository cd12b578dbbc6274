//! Made images of ten kinds: a pattern of each kind, and noise that is another one in every step.

use belljar_guest::tensor::{Error, Function, Tensor};

/// Width and height.
pub const SIDE: u32 = 32;
/// Numbers of a pixel.
pub const COLOURS: u32 = 3;
/// How many kinds there are.
pub const KINDS: u32 = 10;

/// How much of an image is noise.
const NOISE: f32 = 0.5;
/// Keeps the seeds of the noise apart from that of the patterns.
const NOISE_SEED: u64 = 1 << 32;

/// Where images come from.
pub struct Images {
    /// A row for each kind.
    patterns: Tensor,
    seed: u64,
    batch: u32,
}

impl Images {
    pub fn new(seed: u64, batch: u32) -> Result<Self, Error> {
        let patterns = Tensor::random_normal(&[KINDS, SIDE * SIDE * COLOURS], 0.0, 1.0, seed)?;
        Ok(Self { patterns, seed, batch })
    }

    /// The images of a step, `[batch, height, width, colours]`, and the kind of each.
    pub fn batch(&self, step: u64) -> Result<(Tensor, Vec<u32>), Error> {
        let first = step.wrapping_mul(self.batch.into());
        let kinds: Vec<u32> = (0..self.batch).map(|image| kind(first.wrapping_add(image.into()))).collect();
        let shape = [self.batch, SIDE, SIDE, COLOURS];
        let noise_seed = self.seed.wrapping_add(NOISE_SEED).wrapping_add(step);
        let noise = Tensor::random_normal(&shape, 0.0, NOISE, noise_seed)?;
        let images = self.patterns.embedding(&kinds)?.reshape(&shape)?.add(&noise)?;
        Ok((images.apply(Function::Multiply(1.0 - NOISE))?, kinds))
    }
}

/// The kind of an image: all of them come up, in no simple order. The factor is that of Knuth's multiplicative hashing.
fn kind(image: u64) -> u32 {
    ((image.wrapping_mul(2_654_435_769) >> 16) % u64::from(KINDS)) as u32
}
