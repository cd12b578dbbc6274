//! One layer of long short-term memory over a sequence. Inside, the time comes first, so that the rows of one step
//! lie together; the sums that the inputs contribute to the gates are one product for all steps.

use super::matmul::multiply;
use super::permute;
use super::product::Product;
use super::reduction::sum_rows;
use super::{Backward, Forward, Gradients, check_shape};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, LstmValues, Steps};
use crate::tensor::layout::{Block, Layout};
use crate::tensor::shape::{RANK_MAX, Shape};
use crate::tensor::value::Tensor;

/// The parameters of a layer. The rows of the weights and of the bias are the input gates, the forget gates, the
/// candidates and the output gates of all hidden units, in this order.
#[derive(Debug, Clone)]
pub(crate) struct Parameters {
    /// `[4 · hidden, in]`.
    pub(crate) input_weight: Tensor,
    /// `[4 · hidden, hidden]`.
    pub(crate) state_weight: Tensor,
    /// `[4 · hidden]`.
    pub(crate) bias: Tensor,
}

/// The hidden and the cell state `[batch, hidden]` that a sequence starts with.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) state: Tensor,
    pub(crate) cell: Tensor,
}

/// The states of all steps of an input `[batch, time, in]`, as `[2, batch, time, hidden]`: first the hidden ones,
/// which are the layer's output, then those of the cells. Without a start, both start as zero.
pub(crate) fn lstm(executor: &Executor, input: &Tensor, parameters: Parameters, start: Option<Start>) -> Forward<Lstm> {
    let sizes = Sizes::new(input, &parameters, start.as_ref())?;
    let Sizes { batch, time, inputs, hidden } = sizes;
    executor.check_work("lstm", &[batch, time, 4, hidden, inputs.saturating_add(hidden)])?;

    let _scratch = executor.reserve(sizes.scratch_len())?;
    let input = permute::compute(executor, input, &[1, 0, 2])?;
    let (operands, bias) = ([&input, &parameters.input_weight], Some(&parameters.bias));
    let product = sizes.of_inputs().forward();
    let mut gates = kernels::linear(executor, product, operands, bias, None, sizes.gates()?)?;
    // The states before the first step, and room for those after each.
    let histories = Shape::new(&[time + 1, batch, hidden])?;
    let rows = batch * hidden;
    let history = |start: Option<&Tensor>| match start {
        Some(start) => {
            kernels::put(executor, histories, start, Block { from: 0, length: rows, line: (time + 1) * rows })
        }
        None => executor.full(histories, 0.0),
    };
    let mut states = history(start.as_ref().map(|start| &start.state))?;
    let mut cells = history(start.as_ref().map(|start| &start.cell))?;
    kernels::lstm(executor, sizes.steps(), &mut gates, [&mut states, &mut cells], &parameters.state_weight)?;

    // The batch comes first again.
    let mut strides = [0; RANK_MAX];
    strides[..3].copy_from_slice(&[hidden, rows, 1]);
    let layout = Layout { start: rows, strides };
    let each = Shape::new(&[batch, time, hidden])?;
    let shape = Shape::new(&[2, batch, time, hidden])?;
    let output = kernels::stack(executor, shape, &each, &[(&states, layout), (&cells, layout)])?;
    Ok((output, Lstm { sizes, input, parameters, gates, states, cells }))
}

/// What [`lstm`] keeps, with the time first.
pub(crate) struct Lstm {
    sizes: Sizes,
    input: Tensor,
    parameters: Parameters,
    /// The values of the gates at every step.
    gates: Tensor,
    /// The hidden states before every step, and after the last.
    states: Tensor,
    /// The same of the cells.
    cells: Tensor,
}

impl Backward for Lstm {
    fn backward(&self, executor: &Executor, gradient: &Tensor, needed: &[bool]) -> Result<Gradients, TensorError> {
        let gradient = permute::compute(executor, gradient, &[0, 2, 1, 3])?;
        let _scratch = executor.reserve(self.sizes.scratch_len())?;
        let values = LstmValues { gates: &self.gates, cells: &self.cells, weight: &self.parameters.state_weight };
        let [sums, state, cell] = kernels::lstm_backward(executor, self.sizes.steps(), values, &gradient)?;
        self.gradients(executor, needed, &sums, state, cell)
    }
}

impl Lstm {
    /// The gradients of the inputs, from that of the gates' sums and those of the start.
    fn gradients(
        &self,
        executor: &Executor,
        needed: &[bool],
        sums: &Tensor,
        state: Tensor,
        cell: Tensor,
    ) -> Result<Gradients, TensorError> {
        let Parameters { input_weight, state_weight, bias } = &self.parameters;
        let sizes = self.sizes;
        let product = |gemm, left, right, shape| multiply(executor, "lstm", gemm, left, right, shape);
        let input = || {
            let of_input = product(sizes.of_inputs().of_input(), sums, input_weight, *self.input.shape())?;
            permute::compute(executor, &of_input, &[1, 0, 2])
        };
        let of_input_weight = || product(sizes.of_inputs().of_weight(), sums, &self.input, *input_weight.shape());
        let of_state_weight = || {
            let all_steps = Product { rows: sizes.time * sizes.batch, ..sizes.of_state() };
            let product = all_steps.of_weight();
            kernels::gemm_from(executor, product, (sums, 0), (&self.states, 0), *state_weight.shape())
        };
        let mut gradients = vec![
            needed[0].then(input).transpose()?,
            needed[1].then(of_input_weight).transpose()?,
            needed[2].then(of_state_weight).transpose()?,
            needed[3].then(|| sum_rows(executor, sums, bias.shape().elements())).transpose()?,
        ];
        if needed.len() > 4 {
            gradients.extend([Some(state), Some(cell)]);
        }
        Ok(gradients)
    }
}

#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    time: usize,
    inputs: usize,
    hidden: usize,
}

impl Sizes {
    fn new(input: &Tensor, parameters: &Parameters, start: Option<&Start>) -> Result<Sizes, TensorError> {
        let Parameters { input_weight, state_weight, bias } = parameters;
        let (&[batch, time, inputs], &[gates, hidden]) = (input.dimensions(), state_weight.dimensions()) else {
            let rule = "the input needs the shape [batch, time, in] and the state's weight [4 · hidden, hidden]";
            return Err(TensorError::shapes("lstm", input.shape(), state_weight.shape(), rule));
        };
        // The hidden size is at most that of a dimension, whose bound leaves room for this factor.
        let shape = state_weight.shape();
        if gates != 4 * hidden {
            let rule = "a shape [4 · hidden, hidden]";
            return Err(TensorError::argument("lstm", "the state's weight's shape", shape, rule));
        }
        let rule = "the input's weight needs the shape [4 · hidden, in]";
        check_shape("lstm", input.shape(), input_weight, &[gates, inputs], rule)?;
        check_shape("lstm", shape, bias, &[gates], "the bias needs the shape [4 · hidden]")?;
        for tensor in start.iter().flat_map(|start| [&start.state, &start.cell]) {
            let rule = "the states to start with need the shape [batch, hidden]";
            check_shape("lstm", input.shape(), tensor, &[batch, hidden], rule)?;
        }
        Ok(Sizes { batch, time, inputs, hidden })
    }

    /// What the products of the steps, and the one of all of them, need memory for.
    fn scratch_len(&self) -> usize {
        let all_steps = Product { rows: self.time * self.batch, ..self.of_state() };
        let [inputs, state] = [self.of_inputs(), self.of_state()];
        [inputs.forward(), state.forward(), state.of_input(), all_steps.of_weight()]
            .iter()
            .fold(0, |sum: usize, product| sum.saturating_add(product.scratch_len()))
    }

    /// The shape of the gates of all steps.
    fn gates(&self) -> Result<Shape, TensorError> {
        Shape::new(&[self.time, self.batch, 4 * self.hidden])
    }

    fn steps(&self) -> Steps {
        Steps { batch: self.batch, time: self.time, hidden: self.hidden }
    }

    /// The product of all inputs with their weight.
    fn of_inputs(&self) -> Product {
        Product { rows: self.time * self.batch, inputs: self.inputs, outputs: 4 * self.hidden }
    }

    /// The product of one step's hidden states with their weight.
    fn of_state(&self) -> Product {
        Product { rows: self.batch, inputs: self.hidden, outputs: 4 * self.hidden }
    }
}
