//! One step of a long short-term memory. Its products are products of matrices.

use super::kernel::{GROUP_INVOCATIONS, Kernel};
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{LstmValues, Steps};
use crate::tensor::value::Tensor;

const LSTM_STEP: &str = include_str!("kernels/lstm_step.wgsl");
const LSTM_STEP_BACKWARD: &str = include_str!("kernels/lstm_step_backward.wgsl");

/// Turns the sums of a step's gates, of which `recurrent` are those that the states contribute, into the gates' values, and
/// computes the hidden states and the cells after the step.
pub(crate) fn lstm_step(
    site: Site<'_>,
    steps: Steps,
    step: usize,
    recurrent: &Tensor,
    gates: &mut Tensor,
    [states, cells]: [&mut Tensor; 2],
) -> Result<(), TensorError> {
    let memory = &site.executor.memory;
    let recurrent = recurrent.numbers(site.queue)?;
    let gates = gates.numbers_mut(memory, site.queue)?;
    let (states, cells) = (states.numbers_mut(memory, site.queue)?, cells.numbers_mut(memory, site.queue)?);
    let rows = steps.rows();
    let parameters = Words::new().counts([rows, steps.hidden, step * rows]);
    let operands = [&*recurrent, &*gates, &*states, &*cells];
    site.run_on(Kernel::new(LSTM_STEP), rows.div_ceil(GROUP_INVOCATIONS), GROUP_INVOCATIONS, parameters, &operands)
}

/// The gradients of a step's sums, and of the cells before it from those after it.
pub(crate) fn lstm_step_backward(
    site: Site<'_>,
    steps: Steps,
    step: usize,
    values: LstmValues<'_>,
    gradient: &Tensor,
    state: &Tensor,
    [cell, sums]: [&mut Tensor; 2],
) -> Result<(), TensorError> {
    let memory = &site.executor.memory;
    let [gates, cells, gradient, state] =
        [values.gates, values.cells, gradient, state].map(|tensor| tensor.numbers(site.queue));
    let (cell, sums) = (cell.numbers_mut(memory, site.queue)?, sums.numbers_mut(memory, site.queue)?);
    let operands = [&*gates?, &*cells?, &*gradient?, &*state?, &*cell, &*sums];
    let rows = steps.rows();
    let parameters = Words::new().counts([rows, steps.hidden, step * rows, steps.time * rows]);
    let kernel = Kernel::new(LSTM_STEP_BACKWARD);
    site.run_on(kernel, rows.div_ceil(GROUP_INVOCATIONS), GROUP_INVOCATIONS, parameters, &operands)
}
