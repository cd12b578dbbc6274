//! One step of a long short-term memory, from the sums that enter its gates on. A row of `gates` has four parts of
//! `hidden` numbers each: input gate i, forget gate f, candidate g and output gate o.

use super::elementwise::sigmoid;

/// Turns the sums of the gates into the gates' values, and computes the new cell and hidden states:
/// `cell = f · before + i · g` and `state = o · tanh(cell)`.
pub(crate) fn step(hidden: usize, gates: &mut [f32], before: &[f32], cell: &mut [f32], state: &mut [f32]) {
    if hidden == 0 {
        return;
    }
    for (row, gates) in gates.chunks_exact_mut(4 * hidden).enumerate() {
        for unit in 0..hidden {
            let place = row * hidden + unit;
            let input = sigmoid(gates[unit]);
            let forget = sigmoid(gates[hidden + unit]);
            let candidate = libm::tanhf(gates[2 * hidden + unit]);
            let output = sigmoid(gates[3 * hidden + unit]);
            cell[place] = forget * before[place] + input * candidate;
            state[place] = output * libm::tanhf(cell[place]);
            gates[unit] = input;
            gates[hidden + unit] = forget;
            gates[2 * hidden + unit] = candidate;
            gates[3 * hidden + unit] = output;
        }
    }
}

/// What [`step`] computed, and the cell state before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepValues<'a> {
    pub(crate) gates: &'a [f32],
    pub(crate) before: &'a [f32],
    pub(crate) cell: &'a [f32],
}

/// The gradients of the gates' sums from that of the state, and that of the cell before from that of the cell, which
/// it replaces in `cell_gradient`.
pub(crate) fn step_backward(
    hidden: usize,
    values: StepValues<'_>,
    state_gradient: &[f32],
    cell_gradient: &mut [f32],
    sums_gradient: &mut [f32],
) {
    if hidden == 0 {
        return;
    }
    let rows = values.gates.chunks_exact(4 * hidden).zip(sums_gradient.chunks_exact_mut(4 * hidden));
    for (row, (gates, sums)) in rows.enumerate() {
        for unit in 0..hidden {
            let place = row * hidden + unit;
            let [input, forget, candidate, output] = [0, 1, 2, 3].map(|gate| gates[gate * hidden + unit]);
            let squashed = libm::tanhf(values.cell[place]);
            let of_cell = cell_gradient[place] + state_gradient[place] * output * (1.0 - squashed * squashed);
            sums[unit] = of_cell * candidate * input * (1.0 - input);
            sums[hidden + unit] = of_cell * values.before[place] * forget * (1.0 - forget);
            sums[2 * hidden + unit] = of_cell * input * (1.0 - candidate * candidate);
            sums[3 * hidden + unit] = state_gradient[place] * squashed * output * (1.0 - output);
            cell_gradient[place] = of_cell * forget;
        }
    }
}
