//! Pooling of images `[batch, height, width, channels]`: one number for each window of each channel. A window is
//! always inside the image.

use super::reduction::{is_larger, larger};
use crate::tensor::cpu::PoolShape;

impl PoolShape {
    /// Visits every output with the places of the input that its window covers, row by row.
    fn for_each_window(&self, mut visit: impl FnMut(usize, &mut dyn Iterator<Item = usize>)) {
        let mut output = 0;
        for n in 0..self.batch {
            for out_y in 0..self.out_height() {
                for out_x in 0..self.out_width() {
                    for channel in 0..self.channels {
                        let place = |y: usize, x: usize| {
                            let (y, x) = (out_y * self.stride[0] + y, out_x * self.stride[1] + x);
                            ((n * self.height + y) * self.width + x) * self.channels + channel
                        };
                        let [rows, columns] = self.window;
                        let mut places = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x)));
                        visit(output, &mut places.by_ref().map(|(y, x)| place(y, x)));
                        output += 1;
                    }
                }
            }
        }
    }
}

/// The largest number of each window; not-a-number where a window has one.
pub(crate) fn max(shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    shape.for_each_window(|out, places| {
        output[out] = places.map(|place| input[place]).fold(f32::NEG_INFINITY, larger);
    });
}

/// Gives each window's gradient to the first of its largest numbers.
pub(crate) fn max_backward(shape: &PoolShape, input: &[f32], gradient: &[f32], output: &mut [f32]) {
    let mut sums = vec![0.0; output.len()];
    shape.for_each_window(|out, places| {
        let first = places.reduce(|best, place| if is_larger(input[place], input[best]) { place } else { best });
        if let Some(first) = first {
            sums[first] += f64::from(gradient[out]);
        }
    });
    round(&sums, output);
}

/// The mean of each window.
pub(crate) fn average(shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    let count = (shape.window[0] * shape.window[1]) as f64;
    shape.for_each_window(|out, places| {
        output[out] = (places.map(|place| f64::from(input[place])).sum::<f64>() / count) as f32;
    });
}

/// Shares each window's gradient out among its numbers.
pub(crate) fn average_backward(shape: &PoolShape, gradient: &[f32], output: &mut [f32]) {
    let count = (shape.window[0] * shape.window[1]) as f64;
    let mut sums = vec![0.0; output.len()];
    shape.for_each_window(|out, places| {
        for place in places {
            sums[place] += f64::from(gradient[out]) / count;
        }
    });
    round(&sums, output);
}

fn round(sums: &[f64], output: &mut [f32]) {
    for (out, &sum) in output.iter_mut().zip(sums) {
        *out = sum as f32;
    }
}
