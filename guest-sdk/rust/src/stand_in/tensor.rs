//! Tensors of the host's own crate, on one thread. A test's tape lasts as long as the test.

use std::cell::RefCell;

use belljar_compute::tensor::{self, TensorError, Tensors};

use crate::bindings::belljar::plugin::tensor as wit;
use wit::{
    Activation, AdamOptions, BatchNorm, Engine, Error, Function, InvalidArgument, LstmStates, MemoryUse, OutOfMemory,
    SgdOptions, ShapeMismatch, Window1d, Window2d,
};

thread_local! {
    static TENSORS: RefCell<Tensors> = RefCell::new(Tensors::new(tensor::TENSOR_BYTES_DEFAULT));
}

pub fn use_engine(engine: Engine) -> Result<(), Error> {
    match engine {
        Engine::Auto | Engine::Cpu => Ok(()),
        Engine::Device => Err(Error::NoDevice("the host of tests has no device: name another engine there".to_owned())),
    }
}

pub fn create(shape: &[u32], values: &[f32]) -> Result<u64, Error> {
    with(|tensors| tensors.create(shape, values.to_vec()))
}

pub fn zeros(shape: &[u32]) -> Result<u64, Error> {
    with(|tensors| tensors.zeros(shape))
}

pub fn full(shape: &[u32], value: f32) -> Result<u64, Error> {
    with(|tensors| tensors.full(shape, value))
}

pub fn random_uniform(shape: &[u32], low: f32, high: f32, seed: u64) -> Result<u64, Error> {
    with(|tensors| tensors.random_uniform(shape, low, high, seed))
}

pub fn random_normal(shape: &[u32], mean: f32, deviation: f32, seed: u64) -> Result<u64, Error> {
    with(|tensors| tensors.random_normal(shape, mean, deviation, seed))
}

pub fn shape(input: u64) -> Result<Vec<u32>, Error> {
    with(|tensors| tensors.shape(input))
}

pub fn values(input: u64) -> Result<Vec<f32>, Error> {
    with(|tensors| tensors.values(input).map(<[f32]>::to_vec))
}

pub fn set(input: u64, values: &[f32]) -> Result<(), Error> {
    with(|tensors| tensors.set(input, values))
}

pub fn free(input: u64) -> Result<(), Error> {
    with(|tensors| tensors.free(input))
}

pub fn memory() -> MemoryUse {
    TENSORS.with_borrow(|tensors| MemoryUse { used: tensors.memory_bytes(), limit: tensors.memory_bytes_max() })
}

pub fn reshape(input: u64, shape: &[u32]) -> Result<u64, Error> {
    with(|tensors| tensors.reshape(input, shape))
}

pub fn permute(input: u64, axes: &[u32]) -> Result<u64, Error> {
    with(|tensors| tensors.permute(input, axes))
}

pub fn transpose(input: u64, first: u32, second: u32) -> Result<u64, Error> {
    with(|tensors| tensors.transpose(input, first, second))
}

pub fn slice(input: u64, axis: u32, start: u32, end: u32) -> Result<u64, Error> {
    with(|tensors| tensors.slice(input, axis, start, end))
}

pub fn concatenate(inputs: &[u64], axis: u32) -> Result<u64, Error> {
    with(|tensors| tensors.concatenate(inputs, axis))
}

pub fn apply(input: u64, function: Function) -> Result<u64, Error> {
    let function = match function {
        Function::Negate => tensor::Function::Negate,
        Function::Exp => tensor::Function::Exp,
        Function::Log => tensor::Function::Log,
        Function::Sqrt => tensor::Function::Sqrt,
        Function::Tanh => tensor::Function::Tanh,
        Function::Sigmoid => tensor::Function::Sigmoid,
        Function::Relu => tensor::Function::Relu,
        Function::LeakyRelu(slope) => tensor::Function::LeakyRelu(slope),
        Function::Gelu => tensor::Function::Gelu,
        Function::Add(number) => tensor::Function::Add(number),
        Function::Multiply(number) => tensor::Function::Multiply(number),
        Function::Power(number) => tensor::Function::Power(number),
    };
    with(|tensors| tensors.apply(input, function))
}

pub fn add(left: u64, right: u64) -> Result<u64, Error> {
    with(|tensors| tensors.add(left, right))
}

pub fn subtract(left: u64, right: u64) -> Result<u64, Error> {
    with(|tensors| tensors.subtract(left, right))
}

pub fn multiply(left: u64, right: u64) -> Result<u64, Error> {
    with(|tensors| tensors.multiply(left, right))
}

pub fn divide(left: u64, right: u64) -> Result<u64, Error> {
    with(|tensors| tensors.divide(left, right))
}

pub fn matmul(left: u64, right: u64) -> Result<u64, Error> {
    with(|tensors| tensors.matmul(left, right))
}

pub fn sum(input: u64, axes: &[u32], keep: bool) -> Result<u64, Error> {
    with(|tensors| tensors.sum(input, axes, keep))
}

pub fn mean(input: u64, axes: &[u32], keep: bool) -> Result<u64, Error> {
    with(|tensors| tensors.mean(input, axes, keep))
}

pub fn max(input: u64, axes: &[u32], keep: bool) -> Result<u64, Error> {
    with(|tensors| tensors.max(input, axes, keep))
}

pub fn argmax(input: u64, axis: u32) -> Result<Vec<u32>, Error> {
    with(|tensors| tensors.argmax(input, axis))
}

pub fn softmax(input: u64, axis: u32) -> Result<u64, Error> {
    with(|tensors| tensors.softmax(input, axis))
}

pub fn log_softmax(input: u64, axis: u32) -> Result<u64, Error> {
    with(|tensors| tensors.log_softmax(input, axis))
}

pub fn linear(input: u64, weight: u64, bias: Option<u64>, activation: Activation) -> Result<u64, Error> {
    with(|tensors| tensors.linear(input, weight, bias, of(activation)))
}

pub fn conv1d(
    input: u64,
    weight: u64,
    bias: Option<u64>,
    window: Window1d,
    activation: Activation,
) -> Result<u64, Error> {
    with(|tensors| tensors.conv1d(input, weight, bias, window.stride, window.padding, of(activation)))
}

pub fn conv2d(
    input: u64,
    weight: u64,
    bias: Option<u64>,
    window: Window2d,
    activation: Activation,
) -> Result<u64, Error> {
    let window = tensor::Window { stride: window.stride.into(), padding: window.padding.into() };
    with(|tensors| tensors.conv2d(input, weight, bias, window, of(activation)))
}

pub fn max_pool2d(input: u64, window: (u32, u32), stride: (u32, u32)) -> Result<u64, Error> {
    with(|tensors| tensors.max_pool2d(input, window.into(), stride.into()))
}

pub fn average_pool2d(input: u64, window: (u32, u32), stride: (u32, u32)) -> Result<u64, Error> {
    with(|tensors| tensors.average_pool2d(input, window.into(), stride.into()))
}

pub fn batch_normalise(input: u64, weight: u64, bias: u64, options: BatchNorm) -> Result<u64, Error> {
    let BatchNorm { running_mean, running_variance, training, momentum, epsilon } = options;
    let options = tensor::BatchNorm { running_mean, running_variance, training, momentum, epsilon };
    with(|tensors| tensors.batch_norm(input, weight, bias, options))
}

pub fn layer_normalise(input: u64, weight: u64, bias: u64, epsilon: f64) -> Result<u64, Error> {
    with(|tensors| tensors.layer_norm(input, weight, bias, epsilon))
}

pub fn dropout(input: u64, probability: f32, seed: u64) -> Result<u64, Error> {
    with(|tensors| tensors.dropout(input, probability, seed))
}

pub fn embedding(table: u64, indices: &[u32]) -> Result<u64, Error> {
    with(|tensors| tensors.embedding(table, indices))
}

pub fn lstm(
    input: u64,
    input_weight: u64,
    state_weight: u64,
    bias: u64,
    start: Option<LstmStates>,
) -> Result<LstmStates, Error> {
    let start = start.map(|states| (states.hidden, states.cell));
    let (hidden, cell) = with(|tensors| tensors.lstm(input, input_weight, state_weight, bias, start))?;
    Ok(LstmStates { hidden, cell })
}

pub fn attention(query: u64, key: u64, value: u64, heads: u32, causal: bool) -> Result<u64, Error> {
    with(|tensors| tensors.attention(query, key, value, heads, causal))
}

pub fn cross_entropy(logits: u64, labels: &[u32]) -> Result<u64, Error> {
    with(|tensors| tensors.cross_entropy(logits, labels))
}

pub fn mean_squared_error(input: u64, target: u64) -> Result<u64, Error> {
    with(|tensors| tensors.mean_squared_error(input, target))
}

pub fn require_gradient(input: u64) -> Result<(), Error> {
    with(|tensors| tensors.require_gradient(input))
}

pub fn detach(input: u64) -> Result<u64, Error> {
    with(|tensors| tensors.detach(input))
}

pub fn backward(loss: u64) -> Result<(), Error> {
    with(|tensors| tensors.backward(loss))
}

pub fn gradient(input: u64) -> Result<Option<u64>, Error> {
    with(|tensors| tensors.gradient(input))
}

pub fn zero_gradients(inputs: &[u64]) -> Result<(), Error> {
    with(|tensors| tensors.zero_gradients(inputs))
}

pub fn set_recording(recording: bool) -> bool {
    TENSORS.with_borrow_mut(|tensors| tensors.set_recording(recording))
}

pub fn clip_gradient_norm(inputs: &[u64], norm_max: f64) -> Result<f64, Error> {
    with(|tensors| tensors.clip_gradient_norm(inputs, norm_max))
}

pub fn sgd(parameters: &[u64], options: SgdOptions) -> Result<u64, Error> {
    let SgdOptions { learning_rate, momentum, weight_decay, nesterov } = options;
    with(|tensors| tensors.sgd(parameters, tensor::Sgd { learning_rate, momentum, weight_decay, nesterov }))
}

pub fn adam(parameters: &[u64], options: AdamOptions) -> Result<u64, Error> {
    let AdamOptions { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled } = options;
    let options = tensor::Adam { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled };
    with(|tensors| tensors.adam(parameters, options))
}

pub fn step(optimiser: u64) -> Result<(), Error> {
    with(|tensors| tensors.step(optimiser))
}

pub fn set_learning_rate(optimiser: u64, learning_rate: f64) -> Result<(), Error> {
    with(|tensors| tensors.set_learning_rate(optimiser, learning_rate))
}

pub fn free_optimiser(optimiser: u64) -> Result<(), Error> {
    with(|tensors| tensors.free_optimiser(optimiser))
}

/// When a thread ends, its tensors may be gone before what the plugin keeps, which then frees what is no more.
fn with<T>(work: impl FnOnce(&mut Tensors) -> Result<T, TensorError>) -> Result<T, Error> {
    let result = TENSORS.try_with(|tensors| work(&mut tensors.borrow_mut()));
    result.map_err(|_| Error::Stopped)?.map_err(error)
}

fn of(activation: Activation) -> tensor::Activation {
    match activation {
        Activation::None => tensor::Activation::None,
        Activation::Relu => tensor::Activation::Relu,
        Activation::Tanh => tensor::Activation::Tanh,
        Activation::Sigmoid => tensor::Activation::Sigmoid,
    }
}

fn error(error: TensorError) -> Error {
    let text = error.to_string();
    match error {
        TensorError::UnknownTensor { id } => Error::UnknownTensor(id),
        TensorError::UnknownOptimiser { id } => Error::UnknownOptimiser(id),
        TensorError::ShapeMismatch { operation, left, right, rule } => {
            let (operation, rule) = (operation.to_owned(), rule.to_owned());
            Error::ShapeMismatch(ShapeMismatch { operation, left, right, rule })
        }
        TensorError::InvalidShape { .. } => Error::InvalidShape(text),
        TensorError::InvalidArgument { operation, argument, value, rule } => {
            let (operation, argument) = (operation.to_owned(), argument.to_owned());
            Error::InvalidArgument(InvalidArgument { operation, argument, value, rule })
        }
        TensorError::OutOfMemory { needed_bytes, used_bytes, limit_bytes } => {
            Error::OutOfMemory(OutOfMemory { needed: needed_bytes, used: used_bytes, limit: limit_bytes })
        }
        TensorError::TooMany { .. } => Error::TooMany(text),
        TensorError::NoTape { id } => Error::NoTape(id),
        TensorError::Stopped => Error::Stopped,
        TensorError::Device { .. } => Error::DeviceFailed(text),
        _ => Error::TooMuchWork(text),
    }
}
