//! The network: two numbers in, 16 hidden ones, and the scores of the two answers.

use belljar_guest::tensor::{Activation, AdamOptions, Error, Optimiser, Tensor, without_gradients};

use crate::Progress;

/// How many points it learns from.
const POINTS: u32 = 256;
/// How many numbers the hidden layer has.
const HIDDEN: u32 = 16;
/// How far each step goes.
const LEARNING_RATE: f64 = 0.05;
/// Where the random numbers begin: those of the points and of the layers, each with a seed of its own.
const SEED: u64 = 4;

pub struct Network {
    points: Tensor,
    answers: Vec<u32>,
    hidden: Layer,
    output: Layer,
    adam: Optimiser,
}

impl Network {
    pub fn new() -> Result<Self, Error> {
        let points = Tensor::random_uniform(&[POINTS, 2], -1.0, 1.0, SEED)?;
        let coordinates = points.values()?;
        let answers = coordinates.chunks(2).map(|point| u32::from((point[0] < 0.0) != (point[1] < 0.0))).collect();
        let (hidden, output) = (Layer::new(2, HIDDEN, SEED + 1)?, Layer::new(HIDDEN, 2, SEED + 2)?);
        let parameters = [hidden.parameters(), output.parameters()].concat();
        let adam =
            Optimiser::adam(&parameters, AdamOptions { learning_rate: LEARNING_RATE, ..AdamOptions::default() })?;
        Ok(Self { points, answers, hidden, output, adam })
    }

    /// One step towards the right answers.
    pub fn learn(&mut self) -> Result<(), Error> {
        self.scores()?.cross_entropy(&self.answers)?.backward()?;
        self.adam.step()?;
        Tensor::zero_gradients(&[self.hidden.parameters(), self.output.parameters()].concat())
    }

    /// How well it does.
    pub fn progress(&self) -> Result<Progress, Error> {
        without_gradients(|| {
            let scores = self.scores()?;
            let right = scores.argmax(1)?.iter().zip(&self.answers).filter(|(given, right)| given == right).count();
            let loss = scores.cross_entropy(&self.answers)?.values()?[0];
            Ok(Progress { loss, accuracy: right as f32 / POINTS as f32 })
        })
    }

    fn scores(&self) -> Result<Tensor, Error> {
        let hidden = self.points.linear(&self.hidden.weight, Some(&self.hidden.bias), Activation::Tanh)?;
        hidden.linear(&self.output.weight, Some(&self.output.bias), Activation::None)
    }
}

/// A layer's parameters.
struct Layer {
    weight: Tensor,
    bias: Tensor,
}

impl Layer {
    fn new(inputs: u32, outputs: u32, seed: u64) -> Result<Self, Error> {
        let weight = Tensor::random_normal(&[outputs, inputs], 0.0, 0.5, seed)?;
        let bias = Tensor::zeros(&[outputs])?;
        weight.require_gradient()?;
        bias.require_gradient()?;
        Ok(Self { weight, bias })
    }

    fn parameters(&self) -> [&Tensor; 2] {
        [&self.weight, &self.bias]
    }
}
