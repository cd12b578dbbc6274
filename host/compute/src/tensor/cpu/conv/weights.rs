//! Copies of a convolution's weights in the order in which tiles read them: panel after panel of output channels, and
//! in a panel every number of the window one after another, each for all channels of the panel.

use super::super::gemm::Matrix;
use super::super::gemm::pack::pack_columns;
use super::super::scratch::Scratch;
use super::super::tile::Kernel;
use super::super::workers::Workers;
use super::ConvShape;

/// The weights for the output.
pub(super) fn pack(workers: Workers<'_>, kernel: &Kernel, shape: &ConvShape, weight: &[f32]) -> Scratch {
    let window = shape.window_len();
    let matrix = Matrix::new(weight, shape.out_channels, window).transposed();
    let mut packed = Scratch::new(shape.out_channels.next_multiple_of(kernel.columns) * window);
    let panel = kernel.columns * window;
    if panel > 0 {
        workers.each(packed.chunks_mut(panel), |index, packed| {
            pack_columns(kernel, matrix, 0..window, index * kernel.columns, packed);
        });
    }
    packed
}

/// The weights for the gradient of the input: the kernel turned by half a turn, from output channels to input channels.
/// The pixels that it reads have `channels` numbers, at least as many as there are output channels.
pub(super) fn pack_turned(
    workers: Workers<'_>,
    kernel: &Kernel,
    shape: &ConvShape,
    channels: usize,
    weight: &[f32],
) -> Scratch {
    let taps = shape.kernel[0] * shape.kernel[1];
    let panel = kernel.columns * taps * channels;
    let mut packed = Scratch::zeros(shape.in_channels.div_ceil(kernel.columns) * panel);
    if panel > 0 {
        workers.each(packed.chunks_mut(panel), |index, packed| {
            let first = index * kernel.columns;
            let width = kernel.columns.min(shape.in_channels - first);
            for (tap, packed) in packed.chunks_mut(channels * kernel.columns).enumerate() {
                for (channel, row) in packed.chunks_mut(kernel.columns).take(shape.out_channels).enumerate() {
                    let from = (channel * taps + taps - 1 - tap) * shape.in_channels + first;
                    row[..width].copy_from_slice(&weight[from..][..width]);
                }
            }
        });
    }
    packed
}
