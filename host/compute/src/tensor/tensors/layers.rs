//! The layers of neural networks, and their losses.

use super::Tensors;
use crate::tensor::TensorId;
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{self, Moments};
use crate::tensor::operation::convolution::{self, Window};
use crate::tensor::operation::normalisation;
use crate::tensor::operation::{
    Activation, Forward, cross_entropy, dropout, embedding, linear, lstm, pooling, reshape, slice, squared_error,
};
use crate::tensor::shape::Shape;
use crate::tensor::tape::{Backward, Variable};
use crate::tensor::value::Tensor;

/// How batch normalisation gets its moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNorm {
    /// The running mean of each channel.
    pub running_mean: TensorId,
    /// The running variance of each channel.
    pub running_variance: TensorId,
    /// Takes the input's own moments and moves the running ones towards them; else takes the running ones.
    pub training: bool,
    /// The part of the input's moments in the new running ones; PyTorch's default is 0.1.
    pub momentum: f64,
    /// Added to the variance; PyTorch's default is 10⁻⁵.
    pub epsilon: f64,
}

impl Tensors {
    /// `activation(input · weightᵀ + bias)` for an input `[.., in]`, a weight `[out, in]` and a bias `[out]`.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], [`TensorError::TooMuchWork`], and those of every operation.
    pub fn linear(
        &mut self,
        input: TensorId,
        weight: TensorId,
        bias: Option<TensorId>,
        activation: Activation,
    ) -> Result<TensorId, TensorError> {
        self.weighted([input, weight], bias, |executor, input, weight, bias| {
            linear::linear(executor, input, weight, bias, activation)
        })
    }

    /// `activation(convolution + bias)` of sequences `[batch, length, in]` with a weight `[out, kernel, in]` and a bias
    /// `[out]`. The padding, on each side, is less than the kernel's length.
    ///
    /// # Errors
    /// As [`Tensors::conv2d`].
    pub fn conv1d(
        &mut self,
        input: TensorId,
        weight: TensorId,
        bias: Option<TensorId>,
        stride: u32,
        padding: u32,
        activation: Activation,
    ) -> Result<TensorId, TensorError> {
        self.weighted([input, weight], bias, |executor, input, weight, bias| {
            convolution::conv1d(executor, input, weight, bias, (stride, padding), activation)
        })
    }

    /// `activation(convolution + bias)` of images `[batch, height, width, in]` with a weight
    /// `[out, kernel height, kernel width, in]` and a bias `[out]`. The padding, on each side, is less than the
    /// kernel's length.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], [`TensorError::InvalidArgument`], [`TensorError::TooMuchWork`], and those of every
    /// operation.
    pub fn conv2d(
        &mut self,
        input: TensorId,
        weight: TensorId,
        bias: Option<TensorId>,
        window: Window,
        activation: Activation,
    ) -> Result<TensorId, TensorError> {
        self.weighted([input, weight], bias, |executor, input, weight, bias| {
            convolution::conv2d(executor, input, weight, bias, window, activation)
        })
    }

    /// The largest number of each window of `[rows, columns]` of images `[batch, height, width, channels]`. The
    /// first of equal ones gets the gradient.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] unless the window is within the images, and those of every operation.
    pub fn max_pool2d(&mut self, input: TensorId, window: [u32; 2], stride: [u32; 2]) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| pooling::max_pool2d(executor, input, window, stride))
    }

    /// The mean of each window of `[rows, columns]` of images `[batch, height, width, channels]`.
    ///
    /// # Errors
    /// As [`Tensors::max_pool2d`].
    pub fn average_pool2d(
        &mut self,
        input: TensorId,
        window: [u32; 2],
        stride: [u32; 2],
    ) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| pooling::average_pool2d(executor, input, window, stride))
    }

    /// `weight · (input − mean) / √(variance + ε) + bias` for every channel of `[.., channels]`, with the moments of
    /// the channel over all other axes. The running variance is that over n − 1 values.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], [`TensorError::InvalidArgument`] while training with fewer than two values for
    /// each channel, and those of every operation.
    pub fn batch_norm(
        &mut self,
        input: TensorId,
        weight: TensorId,
        bias: TensorId,
        options: BatchNorm,
    ) -> Result<TensorId, TensorError> {
        if !(0.0..=1.0).contains(&options.momentum) {
            return Err(TensorError::argument("batch-norm", "the momentum", options.momentum, "at least 0, at most 1"));
        }
        let (input, weight, bias) = (self.variable(input)?, self.variable(weight)?, self.variable(bias)?);
        let running = Moments {
            mean: self.entry(options.running_mean)?.value.clone(),
            variance: self.entry(options.running_variance)?.value.clone(),
        };
        let (value, operation) = normalisation::batch_norm(
            &self.executor,
            &input.value,
            &weight.value,
            &bias.value,
            &running,
            options.training,
            options.epsilon,
        )?;
        let moved =
            if options.training { Some(self.moved(&running, operation.moments(), options.momentum)?) } else { None };
        let output = self.record(Ok((value, operation)), &[&input, &weight, &bias])?;
        let output = self.insert(output)?;
        if let Some(moved) = moved {
            self.entry_mut(options.running_mean)?.replace(moved.mean);
            self.entry_mut(options.running_variance)?.replace(moved.variance);
        }
        Ok(output)
    }

    /// `weight · (input − mean) / √(variance + ε) + bias` for every row of `[.., channels]`, with the moments of the
    /// row. PyTorch's default for epsilon is 10⁻⁵.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], [`TensorError::InvalidArgument`], and those of every operation.
    pub fn layer_norm(
        &mut self,
        input: TensorId,
        weight: TensorId,
        bias: TensorId,
        epsilon: f64,
    ) -> Result<TensorId, TensorError> {
        let (input, weight, bias) = (self.variable(input)?, self.variable(weight)?, self.variable(bias)?);
        let forward = normalisation::layer_norm(&self.executor, &input.value, &weight.value, &bias.value, epsilon);
        let output = self.record(forward, &[&input, &weight, &bias])?;
        self.insert(output)
    }

    /// Drops each element with a probability, and scales the others by 1 / (1 − probability). Element i is decided by
    /// word i of ChaCha with 8 rounds, whose key is the seed; give each call another seed.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] for a probability below 0 or from 1 on, and those of every operation.
    pub fn dropout(&mut self, input: TensorId, probability: f32, seed: u64) -> Result<TensorId, TensorError> {
        self.unary(input, |executor, input| dropout::dropout(executor, input, probability, seed))
    }

    /// The rows of a table `[rows, columns]` that the indices name, as `[indices, columns]`.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] for an index that is not below the number of rows, and those of every
    /// operation.
    pub fn embedding(&mut self, table: TensorId, indices: &[u32]) -> Result<TensorId, TensorError> {
        self.unary(table, |executor, table| embedding::embedding(executor, table, indices))
    }

    /// One layer of long short-term memory over an input `[batch, time, in]`, with weights `[4 · hidden, in]` for the
    /// input and `[4 · hidden, hidden]` for the state, and a bias `[4 · hidden]`; their rows are the input gates,
    /// forget gates, candidates and output gates. `start` is the hidden and the cell state `[batch, hidden]` to start
    /// with, else zero. Returns the hidden and the cell states of all steps, each `[batch, time, hidden]`.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], [`TensorError::TooMuchWork`], and those of every operation.
    pub fn lstm(
        &mut self,
        input: TensorId,
        input_weight: TensorId,
        state_weight: TensorId,
        bias: TensorId,
        start: Option<(TensorId, TensorId)>,
    ) -> Result<(TensorId, TensorId), TensorError> {
        let ids = [input, input_weight, state_weight, bias].into_iter();
        let ids = ids.chain(start.into_iter().flat_map(|(state, cell)| [state, cell]));
        let inputs = ids.map(|id| self.variable(id)).collect::<Result<Vec<_>, _>>()?;
        let value = |index: usize| inputs[index].value.clone();
        let parameters = lstm::Parameters { input_weight: value(1), state_weight: value(2), bias: value(3) };
        let start = start.map(|_| lstm::Start { state: value(4), cell: value(5) });
        self.check_room(2)?;
        let forward = lstm::lstm(&self.executor, &inputs[0].value, parameters, start);
        let recorded = self.tape.len();
        let halves = self.lstm_halves(forward, &inputs);
        if halves.is_err() {
            self.tape.truncate(recorded);
        }
        let [states, cells] = halves?;
        Ok((self.insert(states)?, self.insert(cells)?))
    }

    /// The hidden and the cell states of what computes them side by side.
    fn lstm_halves(
        &mut self,
        forward: Forward<impl Backward + 'static>,
        inputs: &[Variable],
    ) -> Result<[Variable; 2], TensorError> {
        let both = self.record(forward, &inputs.iter().collect::<Vec<_>>())?;
        let mut half = |index: u32| {
            let half = self.record(slice::slice(&self.executor, &both.value, 0, index, index + 1), &[&both])?;
            let shape = Shape::new(&half.value.dimensions()[1..])?;
            self.record(reshape::reshape(&half.value, shape), &[&half])
        };
        Ok([half(0)?, half(1)?])
    }

    /// The mean of `−log softmax(logits)[label]` over the rows of logits `[rows, classes]`, each with one label below
    /// `classes`.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] for a wrong label or number of labels, and those of every operation.
    pub fn cross_entropy(&mut self, logits: TensorId, labels: &[u32]) -> Result<TensorId, TensorError> {
        self.unary(logits, |executor, logits| cross_entropy::cross_entropy(executor, logits, labels))
    }

    /// The mean of (input − target)² over all elements of two tensors of one shape.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], and those of every operation.
    pub fn mean_squared_error(&mut self, input: TensorId, target: TensorId) -> Result<TensorId, TensorError> {
        self.binary(input, target, squared_error::mean_squared_error)
    }

    /// The running moments after a batch: moved by the momentum towards those of the batch.
    fn moved(
        &self,
        running: &Moments,
        (batch, count): (&Moments, usize),
        momentum: f64,
    ) -> Result<Moments, TensorError> {
        let toward = |running: &Tensor, batch: &Tensor, factor: f64| {
            kernels::moved(&self.executor, running, batch, momentum, factor)
        };
        let unbiased = count as f64 / (count as f64 - 1.0);
        Ok(Moments {
            mean: toward(&running.mean, &batch.mean, 1.0)?,
            variance: toward(&running.variance, &batch.variance, unbiased)?,
        })
    }
}
