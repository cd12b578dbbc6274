//! The steps of a long short-term memory, in which the time comes first. The numbers of one step are rows of `hidden`, and
//! of the gates of four times that.

use super::{Batched, gemm_from, host};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::reference::lstm::StepValues;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;
use crate::tensor::wgsl;

/// How many steps there are, and of what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) batch: usize,
    pub(crate) time: usize,
    pub(crate) hidden: usize,
}

impl Steps {
    /// The numbers of one step.
    pub(crate) fn rows(self) -> usize {
        self.batch * self.hidden
    }

    /// The product of a step's hidden states and their weight.
    fn product(self) -> Batched {
        let Steps { batch, hidden, .. } = self;
        Batched { batch: 1, m: batch, n: 4 * hidden, k: hidden, transpose_a: false, transpose_b: true }
    }

    /// The product of the gradients of a step's sums and the weight of the states.
    fn product_backward(self) -> Batched {
        let Steps { batch, hidden, .. } = self;
        Batched { batch: 1, m: batch, n: hidden, k: 4 * hidden, transpose_a: false, transpose_b: false }
    }
}

/// All steps: the sums of the inputs for the gates become the gates' values, and the histories of the hidden states and the
/// cells, which begin with those before the first step, are filled in.
pub(crate) fn lstm(
    executor: &Executor,
    steps: Steps,
    gates: &mut Tensor,
    [states, cells]: [&mut Tensor; 2],
    weight: &Tensor,
) -> Result<(), TensorError> {
    let (rows, sums) = (steps.rows(), Shape::new(&[steps.batch, 4 * steps.hidden])?);
    for step in 0..if rows == 0 { 0 } else { steps.time } {
        let recurrent = gemm_from(executor, steps.product(), (&*states, step * rows), (weight, 0), sums)?;
        let shapes = [*gates.shape(), *states.shape()];
        let on_device = executor.on_device(&shapes.each_ref(), |site| {
            wgsl::lstm_step(site, steps, step, &recurrent, gates, [&mut *states, &mut *cells])
        });
        if let Some(computed) = on_device {
            computed?;
            continue;
        }
        let after = &mut states.values_mut(&executor.memory)?[(step + 1) * rows..][..rows];
        let (before, cell) = cells.values_mut(&executor.memory)?[step * rows..].split_at_mut(rows);
        let gates = &mut gates.values_mut(&executor.memory)?[step * 4 * rows..][..4 * rows];
        add(gates, recurrent.values()?);
        host::lstm_step(executor, steps.hidden, gates, before, &mut cell[..rows], after);
    }
    Ok(())
}

/// What [`lstm`] computed.
#[derive(Clone, Copy)]
pub(crate) struct LstmValues<'a> {
    pub(crate) gates: &'a Tensor,
    pub(crate) cells: &'a Tensor,
    pub(crate) weight: &'a Tensor,
}

/// The gradients of [`lstm`]'s sums, of the states before the first step and of the cells before it, from those of all
/// hidden states and, behind them, all cells.
pub(crate) fn lstm_backward(
    executor: &Executor,
    steps: Steps,
    values: LstmValues<'_>,
    gradient: &Tensor,
) -> Result<[Tensor; 3], TensorError> {
    let (rows, row_shape) = (steps.rows(), Shape::new(&[steps.batch, steps.hidden])?);
    let mut sums = executor.full(*values.gates.shape(), 0.0)?;
    let mut state = executor.full(row_shape, 0.0)?;
    let mut cell = executor.full(row_shape, 0.0)?;
    for step in (0..if rows == 0 { 0 } else { steps.time }).rev() {
        let shapes = [*sums.shape(), *gradient.shape(), *values.cells.shape()];
        let on_device = executor.on_device(&shapes.each_ref(), |site| {
            wgsl::lstm_step_backward(site, steps, step, values, gradient, &state, [&mut cell, &mut sums])
        });
        if let Some(computed) = on_device {
            computed?;
        } else {
            let from = step * rows;
            let (of_states, of_cells) = gradient.values()?.split_at(steps.time * rows);
            add(state.values_mut(&executor.memory)?, &of_states[from..][..rows]);
            let cell_gradient = cell.values_mut(&executor.memory)?;
            add(cell_gradient, &of_cells[from..][..rows]);
            let step_values = StepValues {
                gates: &values.gates.values()?[4 * from..][..4 * rows],
                before: &values.cells.values()?[from..][..rows],
                cell: &values.cells.values()?[from + rows..][..rows],
            };
            let step_sums = &mut sums.values_mut(&executor.memory)?[4 * from..][..4 * rows];
            host::lstm_step_backward(executor, steps.hidden, step_values, state.values()?, cell_gradient, step_sums);
        }
        let product = steps.product_backward();
        state = gemm_from(executor, product, (&sums, 4 * step * rows), (values.weight, 0), row_shape)?;
    }
    Ok([sums, state, cell])
}

fn add(sums: &mut [f32], numbers: &[f32]) {
    sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
}
