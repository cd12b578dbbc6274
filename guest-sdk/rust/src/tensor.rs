//! Tensors, which the host holds and computes with at the speed of the machine, on all cores: what a plugin trains
//! networks with. Shapes, orders of elements and formulas stand in the contract, `wit/tensor.wit`.
//!
//! ```
//! use belljar_guest::tensor::{Activation, AdamOptions, Error, Optimiser, Tensor};
//!
//! // A line through points: y = 2x − 1.
//! let x = Tensor::new(&[4, 1], &[0.0, 1.0, 2.0, 3.0])?;
//! let y = Tensor::new(&[4, 1], &[-1.0, 1.0, 3.0, 5.0])?;
//! let (weight, bias) = (Tensor::zeros(&[1, 1])?, Tensor::zeros(&[1])?);
//! for parameter in [&weight, &bias] {
//!     parameter.require_gradient()?;
//! }
//! let mut adam = Optimiser::adam(&[&weight, &bias], AdamOptions { learning_rate: 0.1, ..AdamOptions::default() })?;
//!
//! for _ in 0..500 {
//!     x.linear(&weight, Some(&bias), Activation::None)?.mean_squared_error(&y)?.backward()?;
//!     adam.step()?;
//!     Tensor::zero_gradients(&[&weight, &bias])?;
//! }
//!
//! assert!((weight.values()?[0] - 2.0).abs() < 0.01);
//! # Ok::<(), Error>(())
//! ```
//!
//! Tensors, gradients and optimisers of an actor are a part of its state. The tape is not: call [`Tensor::backward`] in
//! the message in which the loss was computed.

use crate::bindings::belljar::plugin::tensor as wit;
use crate::host::tensor as host;

pub use wit::{Activation, Engine, Function, MemoryUse, SgdOptions, Window1d, Window2d};
pub use wit::{AdamOptions, InvalidArgument, OutOfMemory, ShapeMismatch};

/// Why an operation was not done. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// There is no tensor of this id.
    #[error("there is no tensor {0}, or it has been freed")]
    UnknownTensor(u64),
    /// There is no optimiser of this id.
    #[error("there is no optimiser {0}, or it has been freed")]
    UnknownOptimiser(u64),
    /// Two tensors do not fit together.
    #[error("{}: the shapes {:?} and {:?} do not fit: {}", .0.operation, .0.left, .0.right, .0.rule)]
    ShapeMismatch(ShapeMismatch),
    /// No tensor can have this shape; the text names the limit.
    #[error("{0}")]
    InvalidShape(String),
    /// The operation does not take this argument.
    #[error("{}: {} is {}, and must be {}", .0.operation, .0.argument, .0.value, .0.rule)]
    InvalidArgument(InvalidArgument),
    /// There is no room. Dropping tensors makes some.
    #[error("no room for {} more bytes of tensors: {} of {} are in use", .0.needed, .0.used, .0.limit)]
    OutOfMemory(OutOfMemory),
    /// There are as many of something as there may be; the text says of what.
    #[error("{0}")]
    TooMany(String),
    /// The operation would compute for too long. Split it into several.
    #[error("{0}")]
    TooMuchWork(String),
    /// No tape leads to this tensor.
    #[error(
        "tensor {0} has no tape: compute it from a tensor that requires a gradient, in the message that calls `backward`"
    )]
    NoTape(u64),
    /// The host has stopped the operation.
    #[error("the operation was stopped by the host")]
    Stopped,
    /// There is no device to compute on, or this instance may not; the text says why, and what to do.
    #[error("{0}")]
    NoDevice(String),
    /// The device failed, and what only it had is lost. The call ends with a fault.
    #[error("{0}")]
    DeviceFailed(String),
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::UnknownTensor(id) => Self::UnknownTensor(id),
            wit::Error::UnknownOptimiser(id) => Self::UnknownOptimiser(id),
            wit::Error::ShapeMismatch(shapes) => Self::ShapeMismatch(shapes),
            wit::Error::InvalidShape(why) => Self::InvalidShape(why),
            wit::Error::InvalidArgument(argument) => Self::InvalidArgument(argument),
            wit::Error::OutOfMemory(memory) => Self::OutOfMemory(memory),
            wit::Error::TooMany(what) => Self::TooMany(what),
            wit::Error::TooMuchWork(why) => Self::TooMuchWork(why),
            wit::Error::NoTape(id) => Self::NoTape(id),
            wit::Error::Stopped => Self::Stopped,
            wit::Error::NoDevice(why) => Self::NoDevice(why),
            wit::Error::DeviceFailed(why) => Self::DeviceFailed(why),
        }
    }
}

/// Names what computes tensors from now on: a GPU if there is one and else the processors, the processors, or the machine's
/// compute device. It is a part of an actor's state.
///
/// # Errors
///
/// [`Error::NoDevice`] when the device is named and cannot be had.
pub fn use_engine(engine: Engine) -> Result<(), Error> {
    Ok(host::use_engine(engine)?)
}

/// A tensor. It is freed when the value is dropped; one in an actor's state lives as long as the actor, through its
/// checkpoints. Every operation makes a new one, and fails with the [`Error`] that says why.
#[derive(Debug)]
pub struct Tensor {
    id: u64,
}

#[expect(clippy::missing_errors_doc, reason = "each fails as the type says")]
impl Tensor {
    /// These values, of which there are as many as the shape has elements.
    pub fn new(shape: &[u32], values: &[f32]) -> Result<Self, Error> {
        Ok(Self { id: host::create(shape, values)? })
    }

    /// Zeros.
    pub fn zeros(shape: &[u32]) -> Result<Self, Error> {
        Ok(Self { id: host::zeros(shape)? })
    }

    /// One value throughout.
    pub fn full(shape: &[u32], value: f32) -> Result<Self, Error> {
        Ok(Self { id: host::full(shape, value)? })
    }

    /// Random numbers from `low` up to but not including `high`: the same for the same seed and shape, on every machine.
    pub fn random_uniform(shape: &[u32], low: f32, high: f32, seed: u64) -> Result<Self, Error> {
        Ok(Self { id: host::random_uniform(shape, low, high, seed)? })
    }

    /// Normally distributed random numbers: the same for the same seed and shape, on every machine.
    pub fn random_normal(shape: &[u32], mean: f32, deviation: f32, seed: u64) -> Result<Self, Error> {
        Ok(Self { id: host::random_normal(shape, mean, deviation, seed)? })
    }

    /// The lengths of the dimensions.
    pub fn shape(&self) -> Result<Vec<u32>, Error> {
        Ok(host::shape(self.id)?)
    }

    /// The elements.
    pub fn values(&self) -> Result<Vec<f32>, Error> {
        Ok(host::values(self.id)?)
    }

    /// Overwrites the elements. What was computed from the earlier ones stays as it is.
    pub fn set(&mut self, values: &[f32]) -> Result<(), Error> {
        Ok(host::set(self.id, values)?)
    }

    /// The same elements as another shape, which has as many.
    pub fn reshape(&self, shape: &[u32]) -> Result<Self, Error> {
        Ok(Self { id: host::reshape(self.id, shape)? })
    }

    /// With axis i being this tensor's axis `axes[i]`.
    pub fn permute(&self, axes: &[u32]) -> Result<Self, Error> {
        Ok(Self { id: host::permute(self.id, axes)? })
    }

    /// With two axes exchanged.
    pub fn transpose(&self, first: u32, second: u32) -> Result<Self, Error> {
        Ok(Self { id: host::transpose(self.id, first, second)? })
    }

    /// The elements from `start` up to but not including `end` along an axis.
    pub fn slice(&self, axis: u32, start: u32, end: u32) -> Result<Self, Error> {
        Ok(Self { id: host::slice(self.id, axis, start, end)? })
    }

    /// Tensors one after another along an axis.
    pub fn concatenate(inputs: &[&Self], axis: u32) -> Result<Self, Error> {
        Ok(Self { id: host::concatenate(&ids(inputs), axis)? })
    }

    /// A function of every element.
    pub fn apply(&self, function: Function) -> Result<Self, Error> {
        Ok(Self { id: host::apply(self.id, function)? })
    }

    /// The sum; here and in the next three, shapes broadcast as in NumPy.
    pub fn add(&self, other: &Self) -> Result<Self, Error> {
        Ok(Self { id: host::add(self.id, other.id)? })
    }

    /// The difference.
    pub fn subtract(&self, other: &Self) -> Result<Self, Error> {
        Ok(Self { id: host::subtract(self.id, other.id)? })
    }

    /// The product of the elements.
    pub fn multiply(&self, other: &Self) -> Result<Self, Error> {
        Ok(Self { id: host::multiply(self.id, other.id)? })
    }

    /// The quotient of the elements.
    pub fn divide(&self, other: &Self) -> Result<Self, Error> {
        Ok(Self { id: host::divide(self.id, other.id)? })
    }

    /// The product of matrices `[.., m, k]` and `[.., k, n]`.
    pub fn matmul(&self, other: &Self) -> Result<Self, Error> {
        Ok(Self { id: host::matmul(self.id, other.id)? })
    }

    /// The sum along these axes, or along all when none is named.
    pub fn sum(&self, axes: &[u32], keep: bool) -> Result<Self, Error> {
        Ok(Self { id: host::sum(self.id, axes, keep)? })
    }

    /// The mean along these axes, as [`Tensor::sum`].
    pub fn mean(&self, axes: &[u32], keep: bool) -> Result<Self, Error> {
        Ok(Self { id: host::mean(self.id, axes, keep)? })
    }

    /// The largest number along these axes, as [`Tensor::sum`].
    pub fn max(&self, axes: &[u32], keep: bool) -> Result<Self, Error> {
        Ok(Self { id: host::max(self.id, axes, keep)? })
    }

    /// The place of the first largest number along an axis, for each of the other elements.
    pub fn argmax(&self, axis: u32) -> Result<Vec<u32>, Error> {
        Ok(host::argmax(self.id, axis)?)
    }

    /// The softmax along an axis.
    pub fn softmax(&self, axis: u32) -> Result<Self, Error> {
        Ok(Self { id: host::softmax(self.id, axis)? })
    }

    /// The logarithm of the softmax along an axis.
    pub fn log_softmax(&self, axis: u32) -> Result<Self, Error> {
        Ok(Self { id: host::log_softmax(self.id, axis)? })
    }

    /// `activation(self · weightᵀ + bias)` with a weight `[out, in]`.
    pub fn linear(&self, weight: &Self, bias: Option<&Self>, activation: Activation) -> Result<Self, Error> {
        Ok(Self { id: host::linear(self.id, weight.id, bias.map(|bias| bias.id), activation)? })
    }

    /// `activation(convolution + bias)` of sequences `[batch, length, in]` with a weight `[out, kernel, in]`.
    pub fn conv1d(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        window: Window1d,
        activation: Activation,
    ) -> Result<Self, Error> {
        Ok(Self { id: host::conv1d(self.id, weight.id, bias.map(|bias| bias.id), window, activation)? })
    }

    /// `activation(convolution + bias)` of images `[batch, height, width, in]` with a weight
    /// `[out, kernel height, kernel width, in]`.
    pub fn conv2d(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        window: Window2d,
        activation: Activation,
    ) -> Result<Self, Error> {
        Ok(Self { id: host::conv2d(self.id, weight.id, bias.map(|bias| bias.id), window, activation)? })
    }

    /// The largest number of each window of images.
    pub fn max_pool2d(&self, window: (u32, u32), stride: (u32, u32)) -> Result<Self, Error> {
        Ok(Self { id: host::max_pool2d(self.id, window, stride)? })
    }

    /// The mean of each window of images.
    pub fn average_pool2d(&self, window: (u32, u32), stride: (u32, u32)) -> Result<Self, Error> {
        Ok(Self { id: host::average_pool2d(self.id, window, stride)? })
    }

    /// Batch normalisation of every channel of `[.., channels]`.
    pub fn batch_normalise(&self, weight: &Self, bias: &Self, options: &BatchNorm<'_>) -> Result<Self, Error> {
        Ok(Self { id: host::batch_normalise(self.id, weight.id, bias.id, options.wit())? })
    }

    /// Layer normalisation of every row of `[.., channels]`.
    pub fn layer_normalise(&self, weight: &Self, bias: &Self, epsilon: f64) -> Result<Self, Error> {
        Ok(Self { id: host::layer_normalise(self.id, weight.id, bias.id, epsilon)? })
    }

    /// Drops each element with a probability. Give each call another seed.
    pub fn dropout(&self, probability: f32, seed: u64) -> Result<Self, Error> {
        Ok(Self { id: host::dropout(self.id, probability, seed)? })
    }

    /// The rows of this table that the indices name.
    pub fn embedding(&self, indices: &[u32]) -> Result<Self, Error> {
        Ok(Self { id: host::embedding(self.id, indices)? })
    }

    /// Scaled dot-product attention of this query.
    pub fn attention(&self, key: &Self, value: &Self, heads: u32, is_causal: bool) -> Result<Self, Error> {
        Ok(Self { id: host::attention(self.id, key.id, value.id, heads, is_causal)? })
    }

    /// The mean of −log softmax(self)[label] over the rows of logits `[rows, classes]`.
    pub fn cross_entropy(&self, labels: &[u32]) -> Result<Self, Error> {
        Ok(Self { id: host::cross_entropy(self.id, labels)? })
    }

    /// The mean of (self − target)².
    pub fn mean_squared_error(&self, target: &Self) -> Result<Self, Error> {
        Ok(Self { id: host::mean_squared_error(self.id, target.id)? })
    }

    /// Says that the tensor is to have gradients: operations on it are recorded from now on.
    pub fn require_gradient(&self) -> Result<(), Error> {
        Ok(host::require_gradient(self.id)?)
    }

    /// The same elements without the tape: a constant.
    pub fn detach(&self) -> Result<Self, Error> {
        Ok(Self { id: host::detach(self.id)? })
    }

    /// Adds the gradient of this tensor of one element to the gradient of every tensor that requires one, and drops the
    /// tape.
    pub fn backward(&self) -> Result<(), Error> {
        Ok(host::backward(self.id)?)
    }

    /// The gradient, if there is one, as a tensor of its own, which later changes do not reach.
    pub fn gradient(&self) -> Result<Option<Self>, Error> {
        Ok(host::gradient(self.id)?.map(|id| Self { id }))
    }

    /// Drops the gradients of these tensors.
    pub fn zero_gradients(inputs: &[&Self]) -> Result<(), Error> {
        Ok(host::zero_gradients(&ids(inputs))?)
    }

    /// Scales the gradients of these tensors so that the norm of all of them together is at most `norm_max`, and returns
    /// the norm that they had.
    pub fn clip_gradient_norm(inputs: &[&Self], norm_max: f64) -> Result<f64, Error> {
        Ok(host::clip_gradient_norm(&ids(inputs), norm_max)?)
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        // Nobody could do anything about an error.
        let _ = host::free(self.id);
    }
}

/// How batch normalisation gets its moments.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// The running mean of each channel. Training overwrites it.
    pub running_mean: &'a Tensor,
    /// The running variance of each channel. Training overwrites it.
    pub running_variance: &'a Tensor,
    /// Takes the input's own moments and moves the running ones towards them; else takes the running ones.
    pub is_training: bool,
    /// The part of the input's moments in the new running ones, such as 0.1.
    pub momentum: f64,
    /// Added to the variance, such as 10⁻⁵.
    pub epsilon: f64,
}

impl BatchNorm<'_> {
    fn wit(&self) -> wit::BatchNorm {
        wit::BatchNorm {
            running_mean: self.running_mean.id,
            running_variance: self.running_variance.id,
            training: self.is_training,
            momentum: self.momentum,
            epsilon: self.epsilon,
        }
    }
}

/// One layer of long short-term memory.
#[derive(Debug)]
pub struct Lstm<'a> {
    /// `[4 · hidden, in]`, by the input gates, forget gates, candidates and output gates.
    pub input_weight: &'a Tensor,
    /// `[4 · hidden, hidden]`.
    pub state_weight: &'a Tensor,
    /// `[4 · hidden]`.
    pub bias: &'a Tensor,
}

impl Lstm<'_> {
    /// The hidden and the cell states `[batch, time, hidden]` over an input `[batch, time, in]`, from these states
    /// `[batch, hidden]` on, or from zero.
    ///
    /// # Errors
    ///
    /// As for every operation.
    pub fn run(&self, input: &Tensor, start: Option<(&Tensor, &Tensor)>) -> Result<(Tensor, Tensor), Error> {
        let start = start.map(|(hidden, cell)| wit::LstmStates { hidden: hidden.id, cell: cell.id });
        let states = host::lstm(input.id, self.input_weight.id, self.state_weight.id, self.bias.id, start)?;
        Ok((Tensor { id: states.hidden }, Tensor { id: states.cell }))
    }
}

/// What moves parameters along their gradients. It is freed when the value is dropped.
#[derive(Debug)]
pub struct Optimiser {
    id: u64,
}

#[expect(clippy::missing_errors_doc, reason = "each fails as an operation on tensors does")]
impl Optimiser {
    /// Stochastic gradient descent.
    pub fn sgd(parameters: &[&Tensor], options: SgdOptions) -> Result<Self, Error> {
        Ok(Self { id: host::sgd(&ids(parameters), options)? })
    }

    /// Adam or, with decoupled weight decay, AdamW.
    pub fn adam(parameters: &[&Tensor], options: AdamOptions) -> Result<Self, Error> {
        Ok(Self { id: host::adam(&ids(parameters), options)? })
    }

    /// One step of every parameter that has a gradient.
    pub fn step(&mut self) -> Result<(), Error> {
        Ok(host::step(self.id)?)
    }

    /// Changes how far each step goes.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<(), Error> {
        Ok(host::set_learning_rate(self.id, learning_rate)?)
    }
}

impl Drop for Optimiser {
    fn drop(&mut self) {
        let _ = host::free_optimiser(self.id);
    }
}

impl Default for AdamOptions {
    /// PyTorch's.
    fn default() -> Self {
        let (learning_rate, beta1, beta2, epsilon) = (1e-3, 0.9, 0.999, 1e-8);
        Self { learning_rate, beta1, beta2, epsilon, weight_decay: 0.0, decoupled: false }
    }
}

/// How much of the host's memory the plugin's tensors take, and may take.
pub fn memory() -> MemoryUse {
    host::memory()
}

/// Turns recording on or off until the end of the message, and says whether it was on.
pub fn set_recording(is_recording: bool) -> bool {
    host::set_recording(is_recording)
}

/// What `work` returns. Nothing in it is recorded for gradients.
pub fn without_gradients<T>(work: impl FnOnce() -> T) -> T {
    let was_recording = set_recording(false);
    let result = work();
    set_recording(was_recording);
    result
}

fn ids(tensors: &[&Tensor]) -> Vec<u64> {
    tensors.iter().map(|tensor| tensor.id).collect()
}
