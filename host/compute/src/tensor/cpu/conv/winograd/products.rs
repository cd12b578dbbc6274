//! The matrix products at all pairs of points.

use super::transform::{PLANES, Planes};
use super::weights;
use crate::tensor::cpu::tile::{Kernel, Start, Target, Terms};

/// For each pair of points the values of some tiles times the weights.
pub(super) fn of_tiles(
    kernel: &Kernel,
    tiles: usize,
    (input, values): (Planes, &[f32]),
    weights: &[f32],
    (output, results): (Planes, &mut [f32]),
) {
    let panel = weights::panel(kernel, input.channels);
    let cut: Vec<_> = kernel.cut(tiles).collect();
    for plane in 0..PLANES {
        let values = &values[plane * input.stride..];
        let results = &mut results[plane * output.stride..];
        for (index, channel) in (0..output.channels).step_by(kernel.columns).enumerate() {
            for &(tile, count) in &cut {
                let terms = Terms {
                    a: &values[tile * input.channels..],
                    a_row: input.channels,
                    a_inner: 1,
                    a_outer: 0,
                    b: &weights[index * panel.len() + plane * panel.stride..],
                    b_inner: kernel.columns,
                    b_outer: 0,
                    inner: input.channels,
                    outer: 1,
                };
                let mut target = Target {
                    c: &mut results[tile * output.channels + channel..],
                    row_stride: output.channels,
                    columns: kernel.columns.min(output.channels - channel),
                    start: Start::Zero,
                    relu: false,
                };
                kernel.run(count, &terms, &mut target);
            }
        }
    }
}

/// For each pair of points the sum over some tiles of the products of their inputs' values and their outputs' gradients,
/// added to what the sums hold if they hold something: matrices of input channels by output channels.
pub(super) fn of_channels(
    kernel: &Kernel,
    tiles: usize,
    (input, values): (Planes, &[f32]),
    (output, gradients): (Planes, &[f32]),
    is_first: bool,
    (layout, sums): (Planes, &mut [f32]),
) {
    let cut: Vec<_> = kernel.cut(input.channels).collect();
    for (plane, sums) in sums.chunks_mut(layout.stride).enumerate() {
        let values = &values[plane * input.stride..];
        let gradients = &gradients[plane * output.stride..];
        for channel in (0..output.channels).step_by(kernel.columns) {
            for &(row, count) in &cut {
                let terms = Terms {
                    a: &values[row..],
                    a_row: 1,
                    a_inner: input.channels,
                    a_outer: 0,
                    // The last vectors may reach into what lies between two planes; those sums are not kept.
                    b: &gradients[channel..],
                    b_inner: output.channels,
                    b_outer: 0,
                    inner: tiles,
                    outer: 1,
                };
                let mut target = Target {
                    c: &mut sums[row * output.channels + channel..],
                    row_stride: output.channels,
                    columns: kernel.columns.min(output.channels - channel),
                    start: if is_first { Start::Zero } else { Start::Target },
                    relu: false,
                };
                kernel.run(count, &terms, &mut target);
            }
        }
    }
}
