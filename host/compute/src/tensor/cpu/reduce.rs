//! Sums and largest numbers along an axis, and how sums are added up: block by block, the blocks a matter of the shape,
//! so that a sum is the same whatever adds it up.

use std::ops::Range;

use super::level::for_every_level;
use super::workers::{PART_ELEMENTS, Workers, rows_of_part};

/// Sums that are kept at a time when a row of numbers is added up, more than a vector has.
const LANES: usize = 16;
/// The most numbers of partial sums, over all parts: 16 MiB.
const PARTIAL_NUMBERS_MAX: usize = 1 << 22;

/// The axis of a reduction, of `length`, in the middle of `outer` and `inner` other elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around {
    /// Elements before the axis.
    pub outer: usize,
    /// Elements along it.
    pub length: usize,
    /// Elements after it.
    pub inner: usize,
}

impl Around {
    fn check(&self, input: &[f32], output: &[f32]) {
        assert_eq!(input.len(), self.outer * self.length * self.inner, "the numbers of the input");
        assert_eq!(output.len(), self.outer * self.inner, "the numbers of the output");
    }
}

/// The sums along an axis, times a factor: 1, or one over the length for the mean.
///
/// # Panics
/// When a slice doesn't have the numbers that the axis says.
pub fn sum_axis(workers: Workers<'_>, around: Around, factor: f32, input: &[f32], output: &mut [f32]) {
    around.check(input, output);
    let Around { outer, length, inner } = around;
    if outer == 1 {
        let sums = sum_rows(workers, length, inner, inner, |rows, sums| {
            sum_each(workers.level(), rows.len(), inner, &input[rows.start * inner..rows.end * inner], sums);
        });
        output.copy_from_slice(&sums);
    } else {
        along(workers, around, output, |range, output| {
            sum_each(workers.level(), length, inner, &input[range], output);
        });
    }
    if factor != 1.0 {
        output.iter_mut().for_each(|sum| *sum *= factor);
    }
}

/// The largest numbers along an axis; not a number where there is such, and minus infinity where the axis is empty.
///
/// # Panics
/// When a slice doesn't have the numbers that the axis says.
pub fn max_axis(workers: Workers<'_>, around: Around, input: &[f32], output: &mut [f32]) {
    around.check(input, output);
    along(workers, around, output, |range, output| {
        max_each(workers.level(), around.length, around.inner, &input[range], output);
    });
}

/// The sum of the squares, in double precision, in which no square is too large.
pub fn sum_of_squares(workers: Workers<'_>, input: &[f32]) -> f64 {
    let mut sums = vec![0.0; input.len().div_ceil(PART_ELEMENTS)];
    let parts = input.chunks(PART_ELEMENTS).zip(&mut sums);
    workers.each(parts, |_, (numbers, sum)| squares(workers.level(), numbers, sum));
    sums.iter().sum()
}

/// Adds up what blocks of rows contribute to `width` sums: `add` gets the rows of a block and sums that are zero. A row
/// is work on about `elements` numbers.
pub(super) fn sum_rows(
    workers: Workers<'_>,
    rows: usize,
    elements: usize,
    width: usize,
    add: impl Fn(Range<usize>, &mut [f32]) + Sync,
) -> Vec<f32> {
    if width == 0 {
        return Vec::new();
    }
    let blocks_max = (PARTIAL_NUMBERS_MAX / width).max(1);
    let block = rows_of_part(elements).max(rows.div_ceil(blocks_max));
    let mut sums = vec![0.0; rows.div_ceil(block).max(1) * width];
    workers.each(sums.chunks_mut(width), |part, sums| add(part * block..rows.min((part + 1) * block), sums));
    let (total, others) = sums.split_at_mut(width);
    for other in others.chunks_exact(width) {
        total.iter_mut().zip(other).for_each(|(total, sum)| *total += sum);
    }
    sums.truncate(width);
    sums
}

/// Runs work for parts of the output of a reduction, with the range of the input that they come from.
fn along(workers: Workers<'_>, around: Around, output: &mut [f32], work: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    let Around { length, inner, .. } = around;
    if output.is_empty() {
        return;
    }
    let together = rows_of_part(length * inner);
    workers.each(output.chunks_mut(together * inner), |part, output| {
        let first = part * together * length * inner;
        work(first..first + output.len() * length, output);
    });
}

/// The sum of a row of numbers after a function of each: of every sixteenth number first, and of these sums in pairs
/// then.
#[inline(always)]
pub(super) fn sum_of(numbers: &[f32], function: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, number) in sums.iter_mut().zip(chunk) {
            *sum += function(*number);
        }
    }
    for (sum, number) in sums.iter_mut().zip(rest) {
        *sum += function(*number);
    }
    pairwise(sums)
}

/// The same of two rows and a function of both.
#[inline(always)]
pub(super) fn sum_of_pairs(left: &[f32], right: &[f32], function: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    for (left, right) in left.iter().zip(right) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += function(*left, *right);
        }
    }
    for ((sum, left), right) in sums.iter_mut().zip(left_rest).zip(right_rest) {
        *sum += function(*left, *right);
    }
    pairwise(sums)
}

/// The largest of a row of numbers; not a number if one is such.
#[inline(always)]
pub(super) fn largest(numbers: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, number) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, *number);
        }
    }
    for (lane, number) in lanes.iter_mut().zip(rest) {
        *lane = larger(*lane, *number);
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, larger)
}

/// The larger of two numbers; not a number if either is such.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

#[inline(always)]
fn pairwise(mut sums: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for place in 0..half {
            sums[place] += sums[place + half];
        }
        half /= 2;
    }
    sums[0]
}

for_every_level! {
    /// Adds up rows of so many columns, column by column. There may be fewer sums than columns.
    pub(super) fn add_rows(rows: &[f32], columns: usize, sums: &mut [f32]) {
        for row in rows.chunks_exact(columns.max(1)) {
            for (sum, number) in sums.iter_mut().zip(row) {
                *sum += number;
            }
        }
    }
}

for_every_level! {
    /// The sums of the rows of each `length × inner` matrix.
    fn sum_each(length: usize, inner: usize, input: &[f32], output: &mut [f32]) {
        for (place, output) in output.chunks_exact_mut(inner).enumerate() {
            let matrix = &input[place * length * inner..][..length * inner];
            if let [sum] = output {
                *sum = sum_of(matrix, |number| number);
            } else {
                output.fill(0.0);
                for row in matrix.chunks_exact(inner) {
                    for (sum, number) in output.iter_mut().zip(row) {
                        *sum += number;
                    }
                }
            }
        }
    }
}

for_every_level! {
    /// The largest numbers in the columns of each `length × inner` matrix.
    fn max_each(length: usize, inner: usize, input: &[f32], output: &mut [f32]) {
        for (place, output) in output.chunks_exact_mut(inner).enumerate() {
            let matrix = &input[place * length * inner..][..length * inner];
            if let [maximum] = output {
                *maximum = largest(matrix);
            } else {
                output.fill(f32::NEG_INFINITY);
                for row in matrix.chunks_exact(inner) {
                    for (maximum, number) in output.iter_mut().zip(row) {
                        *maximum = larger(*maximum, *number);
                    }
                }
            }
        }
    }
}

for_every_level! {
    fn squares(numbers: &[f32], sum: &mut f64) {
        let mut sums = [0.0; LANES];
        let (chunks, rest) = numbers.as_chunks::<LANES>();
        for chunk in chunks {
            for (sum, &number) in sums.iter_mut().zip(chunk) {
                *sum += f64::from(number) * f64::from(number);
            }
        }
        for (sum, &number) in sums.iter_mut().zip(rest) {
            *sum += f64::from(number) * f64::from(number);
        }
        *sum = sums.iter().sum();
    }
}
