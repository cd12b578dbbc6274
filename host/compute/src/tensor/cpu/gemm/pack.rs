//! Copies of operands in the order in which tiles read them, one number after another.

use std::array;
use std::ops::Range;

use super::super::tile::Kernel;
use super::Matrix;

/// Lines that are gone through together.
const GROUP: usize = 4;

/// Rows of the left operand, some of the numbers of each: tile after tile, and within a tile column after column.
pub(super) fn pack_rows(kernel: &Kernel, a: Matrix<'_>, rows: Range<usize>, depth: Range<usize>, packed: &mut [f32]) {
    let inner = depth.len();
    if inner == 0 {
        return;
    }
    for (row, height) in kernel.cut(rows.len()) {
        let first = rows.start + row;
        let tile = &mut packed[row * inner..][..height * inner];
        if a.row_stride == 1 {
            for (column, target) in depth.clone().zip(tile.chunks_exact_mut(height)) {
                copy(&a.values[column * a.column_stride + first..][..height], target);
            }
        } else {
            let line = |row: usize| &a.values[(first + row) * a.row_stride + depth.start..][..inner];
            interleave(line, height, tile, height);
        }
    }
}

/// A panel of the right operand, as wide as tiles are: row after row, with zeros past the last column.
pub(in crate::tensor::cpu) fn pack_columns(
    kernel: &Kernel,
    b: Matrix<'_>,
    depth: Range<usize>,
    column: usize,
    packed: &mut [f32],
) {
    let inner = depth.len();
    if inner == 0 {
        return;
    }
    let width = kernel.columns.min(b.columns - column);
    if width < kernel.columns {
        packed.fill(0.0);
    }
    if b.column_stride == 1 {
        for (row, target) in depth.zip(packed.chunks_exact_mut(kernel.columns)) {
            copy(&b.values[row * b.row_stride + column..][..width], &mut target[..width]);
        }
    } else {
        let line = |place: usize| &b.values[(column + place) * b.column_stride + depth.start..][..inner];
        interleave(line, width, packed, kernel.columns);
    }
}

/// The first numbers of all lines, then their second numbers, and so on: those of one place are `stride` after those of
/// the place before.
fn interleave<'a>(line: impl Fn(usize) -> &'a [f32], lines: usize, packed: &mut [f32], stride: usize) {
    let groups = lines / GROUP;
    for group in 0..groups {
        let first = group * GROUP;
        interleave_group::<GROUP>(array::from_fn(|place| line(first + place)), &mut packed[first..], stride);
    }
    for first in groups * GROUP..lines {
        interleave_group([line(first)], &mut packed[first..], stride);
    }
}

fn interleave_group<const LINES: usize>(lines: [&[f32]; LINES], packed: &mut [f32], stride: usize) {
    // As many numbers as lines at a time make a square, which the compiler turns in registers.
    let squares = lines.map(|line| line.as_chunks::<LINES>().0);
    let whole = squares[0].len();
    for place in 0..whole {
        let square = squares.map(|squares| squares[place]);
        for (column, target) in packed[place * LINES * stride..].chunks_mut(stride).take(LINES).enumerate() {
            if let Some(target) = target.first_chunk_mut::<LINES>() {
                *target = square.map(|line| line[column]);
            }
        }
    }
    for place in whole * LINES..lines[0].len() {
        if let Some(target) = packed[place * stride..].first_chunk_mut::<LINES>() {
            *target = lines.map(|line| line[place]);
        }
    }
}

/// A copy of a row. Calling the system's function for it takes longer than the few moves of a length that is known.
fn copy(source: &[f32], target: &mut [f32]) {
    match source.len() {
        4 => copy_array::<4>(source, target),
        8 => copy_array::<8>(source, target),
        10 => copy_array::<10>(source, target),
        11 => copy_array::<11>(source, target),
        12 => copy_array::<12>(source, target),
        13 => copy_array::<13>(source, target),
        14 => copy_array::<14>(source, target),
        16 => copy_array::<16>(source, target),
        32 => copy_array::<32>(source, target),
        _ => target.copy_from_slice(source),
    }
}

fn copy_array<const LENGTH: usize>(source: &[f32], target: &mut [f32]) {
    if let (Some(source), Some(target)) = (source.first_chunk::<LENGTH>(), target.first_chunk_mut::<LENGTH>()) {
        *target = *source;
    }
}
