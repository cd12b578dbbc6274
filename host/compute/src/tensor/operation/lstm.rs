//! One layer of long short-term memory over a sequence. Inside, the time comes first, so that the rows of one step
//! lie together; the sums that the inputs contribute to the gates are one product for all steps.

use super::matmul::multiply;
use super::permute;
use super::product::Product;
use super::reduction::sum_rows;
use super::{Backward, Forward, Gradients, check_shape};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, StepValues};
use crate::tensor::shape::Shape;
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
    let mut gates = kernels::linear(executor, product, operands, bias, None, sizes.steps(4)?)?;
    let history = |start: Option<&Tensor>| {
        let start = start.map(Tensor::values).transpose()?;
        executor.compute(Shape::new(&[time + 1, batch, hidden])?, |history| match start {
            Some(start) => history[..batch * hidden].copy_from_slice(start),
            None => history[..batch * hidden].fill(0.0),
        })
    };
    let mut states = history(start.as_ref().map(|start| &start.state))?;
    let mut cells = history(start.as_ref().map(|start| &start.cell))?;

    let rows = batch * hidden;
    let state_weight = parameters.state_weight.values()?;
    for step in 0..sizes.busy_steps() {
        let (before, after) = states.values_mut(&executor.memory)?[step * rows..].split_at_mut(rows);
        let (cell_before, cell_after) = cells.values_mut(&executor.memory)?[step * rows..].split_at_mut(rows);
        let sums = &mut gates.values_mut(&executor.memory)?[step * 4 * rows..][..4 * rows];
        let recurrent = executor.compute(Shape::new(&[batch, 4 * hidden])?, |output| {
            kernels::gemm_of_values(executor, sizes.of_state().forward(), before, state_weight, output);
        })?;
        add(sums, recurrent.values()?);
        kernels::lstm_step(executor, hidden, sums, cell_before, &mut cell_after[..rows], &mut after[..rows]);
    }

    let histories = [states.values()?, cells.values()?];
    let output = executor.compute(Shape::new(&[2, batch, time, hidden])?, |output| {
        let half = batch * time * hidden;
        for (half, history) in output.chunks_exact_mut(half).zip(histories) {
            for (row, numbers) in history[rows..].chunks_exact(hidden).enumerate() {
                let (step, sequence) = (row / batch, row % batch);
                half[(sequence * time + step) * hidden..][..hidden].copy_from_slice(numbers);
            }
        }
    })?;
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
        let Sizes { batch, time, hidden, .. } = self.sizes;
        let gradient = permute::compute(executor, gradient, &[0, 2, 1, 3])?;
        let (of_states, of_cells) = gradient.values()?.split_at(time * batch * hidden);
        let rows = batch * hidden;
        let _scratch = executor.reserve(self.sizes.scratch_len())?;
        let row_shape = Shape::new(&[batch, hidden])?;

        let mut sums = executor.full(self.sizes.steps(4)?, 0.0)?;
        let mut state = executor.full(row_shape, 0.0)?;
        let mut cell = executor.full(row_shape, 0.0)?;
        for step in (0..self.sizes.busy_steps()).rev() {
            let from = step * rows;
            add(state.values_mut(&executor.memory)?, &of_states[from..][..rows]);
            let cell_gradient = cell.values_mut(&executor.memory)?;
            add(cell_gradient, &of_cells[from..][..rows]);
            let values = StepValues {
                gates: &self.gates.values()?[4 * from..][..4 * rows],
                before: &self.cells.values()?[from..][..rows],
                cell: &self.cells.values()?[from + rows..][..rows],
            };
            let step_sums = &mut sums.values_mut(&executor.memory)?[4 * from..][..4 * rows];
            kernels::lstm_step_backward(executor, hidden, values, state.values()?, cell_gradient, step_sums);
            let back = self.sizes.of_state().of_input();
            let weight = self.parameters.state_weight.values()?;
            state = executor
                .compute(row_shape, |output| kernels::gemm_of_values(executor, back, step_sums, weight, output))?;
        }
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
            let before = &self.states.values()?[..sizes.time * sizes.batch * sizes.hidden];
            let sums = sums.values()?;
            executor.compute(*state_weight.shape(), |output| {
                kernels::gemm_of_values(executor, all_steps.of_weight(), sums, before, output);
            })
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

    /// The shape of so many numbers for each hidden unit at each step.
    fn steps(&self, parts: usize) -> Result<Shape, TensorError> {
        Shape::new(&[self.time, self.batch, parts * self.hidden])
    }

    /// How many steps there is something to compute in.
    fn busy_steps(&self) -> usize {
        if self.batch * self.hidden == 0 { 0 } else { self.time }
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

fn add(sums: &mut [f32], numbers: &[f32]) {
    sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
}
