//! Sums and largest numbers along axes. Every result is computed in the row-major order of the input.

use crate::tensor::cpu::Around;
use crate::tensor::rows::for_each_row;
use crate::tensor::shape::{PerAxis, Shape};

/// Adds up all elements of `shape` that the strides of the output lay at the same place, times a factor.
pub(crate) fn sum(shape: &Shape, input: &[f32], output_strides: PerAxis, factor: f64, output: &mut [f32]) {
    let mut sums = vec![0.0; output.len()];
    for_each_row(shape, [shape.strides(), output_strides], |[from, to], length| {
        for index in 0..length {
            sums[to.at(index)] += f64::from(input[from.at(index)]);
        }
    });
    for (out, sum) in output.iter_mut().zip(sums) {
        *out = (sum * factor) as f32;
    }
}

/// The largest of all elements of `shape` that the strides of the output lay at the same place.
pub(crate) fn max(shape: &Shape, input: &[f32], output_strides: PerAxis, output: &mut [f32]) {
    output.fill(f32::NEG_INFINITY);
    for_each_row(shape, [shape.strides(), output_strides], |[from, to], length| {
        for index in 0..length {
            output[to.at(index)] = larger(output[to.at(index)], input[from.at(index)]);
        }
    });
}

/// The place of the first largest number along an axis, which must not be empty, between `outer` and `inner` others.
pub(crate) fn argmax(Around { outer, length, inner }: Around, input: &[f32]) -> Vec<u32> {
    let mut places = Vec::with_capacity(outer * inner);
    let outer = if inner == 0 { 0 } else { outer };
    for o in 0..outer {
        for i in 0..inner {
            let at = |place: usize| input[(o * length + place) * inner + i];
            let best = (1..length).fold(0, |best, place| if is_larger(at(place), at(best)) { place } else { best });
            places.push(best as u32);
        }
    }
    places
}

/// The larger of two numbers; not-a-number if either is.
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if is_larger(b, a) { b } else { a }
}

/// Whether a number takes the place of the largest so far. Not-a-number does, once.
pub(crate) fn is_larger(number: f32, best: f32) -> bool {
    number > best || (number.is_nan() && !best.is_nan())
}
