//! The values of the weights, in the order in which tiles of matrix products read them: panel after panel of columns,
//! and in a panel plane after plane, one row for each channel that is summed over.

use super::super::ConvShape;
use super::transform::{FILTER, Filters, Planes, filters_to_planes};
use crate::tensor::cpu::gemm::Matrix;
use crate::tensor::cpu::gemm::pack::pack_columns;
use crate::tensor::cpu::scratch::Scratch;
use crate::tensor::cpu::tile::{COLUMNS_MAX, Kernel};
use crate::tensor::cpu::workers::Workers;

/// The fewest columns of a tile's vectors, at any level.
pub(super) const COLUMNS_MIN: usize = 4;

/// A panel: planes that have a row of as many numbers as a kernel has columns for each channel that is summed over.
pub(super) fn panel(kernel: &Kernel, rows: usize) -> Planes {
    Planes::new(rows, kernel.columns)
}

/// The numbers that the values of weights take, at most: on any machine, whose tiles have some columns and at most
/// [`COLUMNS_MAX`].
pub(super) fn packed_len_max(rows: usize, columns: usize) -> usize {
    let panel = Planes::new(rows, COLUMNS_MIN).len();
    columns.next_multiple_of(COLUMNS_MAX).div_ceil(COLUMNS_MIN).saturating_mul(panel)
}

/// The weights for the output, whose channels are the columns.
pub(super) fn pack(workers: Workers<'_>, kernel: &Kernel, shape: &ConvShape, weight: &[f32]) -> Scratch {
    let (rows, columns) = (shape.in_channels, shape.out_channels);
    panels(workers, panel(kernel, rows), columns, |first, width, layout, packed| {
        // The transformation goes along the input channels, which lie beside each other.
        let across = Planes::new(width, rows);
        let mut planes = Scratch::new(across.len());
        let weight = &weight[first * FILTER * rows..];
        let filters = Filters { weight, rows: width, tap: rows, is_turned: false };
        filters_to_planes(workers.level(), filters, &mut planes, across);
        for (packed, plane) in packed.chunks_mut(layout.stride).zip(planes.chunks(across.stride)) {
            let matrix = Matrix::new(&plane[..width * rows], width, rows).transposed();
            pack_columns(kernel, matrix, 0..rows, 0, &mut packed[..rows * layout.row]);
        }
    })
}

/// The weights for the gradient of the input, whose channels are the columns: those of the kernel turned by half a turn.
pub(super) fn pack_turned(workers: Workers<'_>, kernel: &Kernel, shape: &ConvShape, weight: &[f32]) -> Scratch {
    let (rows, columns) = (shape.out_channels, shape.in_channels);
    panels(workers, panel(kernel, rows), columns, |first, width, layout, packed| {
        if width < layout.row {
            packed.fill(0.0);
        }
        let filters = Filters { weight: &weight[first..], rows, tap: columns, is_turned: true };
        filters_to_planes(workers.level(), filters, packed, Planes { channels: width, ..layout });
    })
}

/// Makes the panels of so many columns: from the first of a panel's columns, and how many it has.
fn panels(
    workers: Workers<'_>,
    layout: Planes,
    columns: usize,
    make: impl Fn(usize, usize, Planes, &mut [f32]) + Sync,
) -> Scratch {
    let mut packed = Scratch::new(columns.div_ceil(layout.row) * layout.len());
    workers.each(packed.chunks_mut(layout.len()), |index, packed| {
        let first = index * layout.row;
        make(first, layout.row.min(columns - first), layout, packed);
    });
    packed
}
