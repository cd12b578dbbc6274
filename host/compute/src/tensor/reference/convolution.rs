//! Two-dimensional convolution, as neural networks mean it (a correlation): images are `[batch, height, width,
//! channels]`, weights are `[out channels, kernel height, kernel width, in channels]`, and outside of an image is
//! zero.

use crate::tensor::cpu::ConvShape;

impl ConvShape {
    /// Visits every product that the convolution is a sum of, by its place in the input, the weights and the output.
    fn for_each_product(&self, mut visit: impl FnMut(usize, usize, usize)) {
        // Images of nothing may be very many.
        if self.in_channels == 0 || self.out_channels == 0 {
            return;
        }
        let [stride_y, stride_x] = self.stride;
        let [padding_y, padding_x] = self.padding;
        let inside = |position: usize, padding: usize, length: usize| {
            position.checked_sub(padding).filter(|&inside| inside < length)
        };
        for n in 0..self.batch {
            for out_y in 0..self.out_height() {
                for out_x in 0..self.out_width() {
                    let out = ((n * self.out_height() + out_y) * self.out_width() + out_x) * self.out_channels;
                    for kernel_y in 0..self.kernel[0] {
                        let Some(y) = inside(out_y * stride_y + kernel_y, padding_y, self.height) else { continue };
                        for kernel_x in 0..self.kernel[1] {
                            let Some(x) = inside(out_x * stride_x + kernel_x, padding_x, self.width) else { continue };
                            let input = ((n * self.height + y) * self.width + x) * self.in_channels;
                            for co in 0..self.out_channels {
                                let weight =
                                    ((co * self.kernel[0] + kernel_y) * self.kernel[1] + kernel_x) * self.in_channels;
                                for ci in 0..self.in_channels {
                                    visit(input + ci, weight + ci, out + co);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The convolution of the input.
pub(crate) fn forward(shape: &ConvShape, input: &[f32], weight: &[f32], output: &mut [f32]) {
    let mut sums = vec![0.0; output.len()];
    shape.for_each_product(|i, w, o| sums[o] += f64::from(input[i]) * f64::from(weight[w]));
    round(&sums, output);
}

/// The gradient of the input.
pub(crate) fn backward_input(shape: &ConvShape, weight: &[f32], gradient: &[f32], output: &mut [f32]) {
    let mut sums = vec![0.0; output.len()];
    shape.for_each_product(|i, w, o| sums[i] += f64::from(weight[w]) * f64::from(gradient[o]));
    round(&sums, output);
}

/// The gradient of the weights.
pub(crate) fn backward_weight(shape: &ConvShape, input: &[f32], gradient: &[f32], output: &mut [f32]) {
    let mut sums = vec![0.0; output.len()];
    shape.for_each_product(|i, w, o| sums[w] += f64::from(input[i]) * f64::from(gradient[o]));
    round(&sums, output);
}

/// The gradient of the bias of each output channel.
pub(crate) fn backward_bias(gradient: &[f32], output: &mut [f32]) {
    let mut sums = vec![0.0; output.len()];
    for row in gradient.chunks_exact(output.len().max(1)) {
        for (sum, &number) in sums.iter_mut().zip(row) {
            *sum += f64::from(number);
        }
    }
    round(&sums, output);
}

fn round(sums: &[f64], output: &mut [f32]) {
    for (out, &sum) in output.iter_mut().zip(sums) {
        *out = sum as f32;
    }
}
