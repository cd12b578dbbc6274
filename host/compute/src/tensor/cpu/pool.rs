//! Pooling of images: one number for each window of each channel. A window is always within the image.
//!
//! The gradient of a maximum is worked out from the input once more instead of from remembered places: reading the
//! windows again costs less than writing and reading the places.

use super::level::for_every_level;
use super::workers::Workers;

/// Numbers of the input that are worth a part of their own.
const PART_NUMBERS: usize = 1 << 15;
/// Channels that are gone through together, in registers.
const LANES: usize = 16;

/// The sizes of a pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShape {
    /// Images.
    pub batch: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Numbers of a pixel.
    pub channels: usize,
    /// Rows and columns of a window, 1 at least.
    pub window: [usize; 2],
    /// Rows and columns from one window to the next, 1 at least.
    pub stride: [usize; 2],
}

impl PoolShape {
    /// Rows of the output.
    pub fn out_height(&self) -> usize {
        outputs(self.height, self.window[0], self.stride[0])
    }

    /// Columns of the output.
    pub fn out_width(&self) -> usize {
        outputs(self.width, self.window[1], self.stride[1])
    }

    /// Numbers of the input, `[batch, height, width, channels]`.
    pub fn input_len(&self) -> usize {
        self.batch * self.image_len()
    }

    /// Numbers of the output, `[batch, out height, out width, channels]`.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_image_len()
    }

    fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    fn out_image_len(&self) -> usize {
        self.out_height() * self.out_width() * self.channels
    }

    /// Images that a part has.
    fn images_of_part(&self) -> usize {
        PART_NUMBERS.div_ceil(self.image_len().max(1))
    }

    /// Whether no two windows have a pixel in common.
    fn is_apart(&self) -> bool {
        self.stride[0] >= self.window[0] && self.stride[1] >= self.window[1]
    }

    /// Whether every pixel of an image is in a window, and in one only.
    fn is_exact(&self) -> bool {
        self.stride == self.window
            && self.height.is_multiple_of(self.window[0])
            && self.width.is_multiple_of(self.window[1])
    }

    /// The pixels of the output, in their order, each with the first pixel of its window.
    #[inline(always)]
    fn windows(&self) -> impl Iterator<Item = usize> + use<> {
        let Self { width, stride: [down, right], .. } = *self;
        let columns = self.out_width();
        (0..self.out_height()).flat_map(move |y| (0..columns).map(move |x| y * down * width + x * right))
    }
}

fn outputs(input: usize, window: usize, stride: usize) -> usize {
    input.checked_sub(window).map_or(0, |room| room / stride + 1)
}

/// The largest number of each window; not a number where the window has such.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
pub fn max_pool(workers: Workers<'_>, shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    forward(workers, shape, input, output, |input, output| max_image(workers.level(), shape, input, output));
}

/// The mean of each window.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
pub fn average_pool(workers: Workers<'_>, shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    forward(workers, shape, input, output, |input, output| average_image(workers.level(), shape, input, output));
}

/// The gradient of the input of [`max_pool`]: each window's goes to the first of its largest numbers.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
pub fn max_pool_backward(workers: Workers<'_>, shape: &PoolShape, input: &[f32], gradient: &[f32], result: &mut [f32]) {
    assert_eq!(input.len(), shape.input_len(), "the numbers of the input");
    backward(workers, shape, gradient, result, |image, gradient, result| {
        let input = &input[image * shape.image_len()..][..shape.image_len()];
        max_image_backward(workers.level(), shape, input, gradient, result);
    });
}

/// The gradient of the input of [`average_pool`]: each window's is shared out evenly.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
pub fn average_pool_backward(workers: Workers<'_>, shape: &PoolShape, gradient: &[f32], result: &mut [f32]) {
    backward(workers, shape, gradient, result, |_, gradient, result| {
        average_image_backward(workers.level(), shape, gradient, result);
    });
}

fn forward(
    workers: Workers<'_>,
    shape: &PoolShape,
    input: &[f32],
    output: &mut [f32],
    pool: impl Fn(&[f32], &mut [f32]) + Sync,
) {
    assert_eq!(input.len(), shape.input_len(), "the numbers of the input");
    assert_eq!(output.len(), shape.output_len(), "the numbers of the output");
    if output.is_empty() {
        return;
    }
    let images = shape.images_of_part();
    workers.each(output.chunks_mut(images * shape.out_image_len()), |part, outputs| {
        let inputs = input[part * images * shape.image_len()..].chunks_exact(shape.image_len());
        for (output, input) in outputs.chunks_exact_mut(shape.out_image_len()).zip(inputs) {
            pool(input, output);
        }
    });
}

/// The work gets the number of an image, the gradient of its output, and where to put that of the image: zeros, unless
/// the shape is exact.
fn backward(
    workers: Workers<'_>,
    shape: &PoolShape,
    gradient: &[f32],
    result: &mut [f32],
    unpool: impl Fn(usize, &[f32], &mut [f32]) + Sync,
) {
    assert_eq!(gradient.len(), shape.output_len(), "the numbers of the output's gradient");
    assert_eq!(result.len(), shape.input_len(), "the numbers of the input's gradient");
    if result.is_empty() {
        return;
    }
    let images = shape.images_of_part();
    workers.each(result.chunks_mut(images * shape.image_len()), |part, results| {
        if !shape.is_exact() {
            results.fill(0.0);
        }
        for (index, result) in results.chunks_exact_mut(shape.image_len()).enumerate() {
            let image = part * images + index;
            unpool(image, &gradient[image * shape.out_image_len()..][..shape.out_image_len()], result);
        }
    });
}

/// Whether a number takes the place of the largest so far. What is not a number does, once.
#[inline(always)]
fn is_larger(number: f32, largest: f32) -> bool {
    number > largest || (number.is_nan() && !largest.is_nan())
}

for_every_level! {
    fn max_image(shape: &PoolShape, input: &[f32], output: &mut [f32]) {
        let PoolShape { width, channels, window: [rows, columns], .. } = *shape;
        for (first, output) in shape.windows().zip(output.chunks_exact_mut(channels)) {
            output.copy_from_slice(&input[first * channels..][..channels]);
            for row in 0..rows {
                let line = &input[(first + row * width) * channels..][..columns * channels];
                for pixel in line.chunks_exact(channels) {
                    for (largest, &number) in output.iter_mut().zip(pixel) {
                        *largest = if is_larger(number, *largest) { number } else { *largest };
                    }
                }
            }
        }
    }
}

for_every_level! {
    fn max_image_backward(shape: &PoolShape, input: &[f32], gradient: &[f32], result: &mut [f32]) {
        let PoolShape { width, channels, window: [rows, columns], .. } = *shape;
        let is_apart = shape.is_apart();
        for (first, gradient) in shape.windows().zip(gradient.chunks_exact(channels)) {
            // The largest of each channel and its place in the window, some channels at a time.
            for channel in (0..channels).step_by(LANES) {
                let lanes = LANES.min(channels - channel);
                let mut largest = [0.0; LANES];
                let mut places = [0_u32; LANES];
                for row in 0..rows {
                    for column in 0..columns {
                        let pixel = &input[(first + row * width + column) * channels + channel..][..lanes];
                        let place = (row * columns + column) as u32;
                        for ((&number, largest), at) in pixel.iter().zip(&mut largest).zip(&mut places) {
                            let is_better = place == 0 || is_larger(number, *largest);
                            *largest = if is_better { number } else { *largest };
                            *at = if is_better { place } else { *at };
                        }
                    }
                }
                for row in 0..rows {
                    for column in 0..columns {
                        let pixel = &mut result[(first + row * width + column) * channels + channel..][..lanes];
                        let place = (row * columns + column) as u32;
                        for ((result, gradient), at) in pixel.iter_mut().zip(&gradient[channel..]).zip(&places) {
                            let share = if *at == place { *gradient } else { 0.0 };
                            *result = if is_apart { share } else { *result + share };
                        }
                    }
                }
            }
        }
    }
}

for_every_level! {
    fn average_image(shape: &PoolShape, input: &[f32], output: &mut [f32]) {
        let PoolShape { width, channels, window: [rows, columns], .. } = *shape;
        let count = (rows * columns) as f32;
        for (first, output) in shape.windows().zip(output.chunks_exact_mut(channels)) {
            output.fill(0.0);
            for row in 0..rows {
                let line = &input[(first + row * width) * channels..][..columns * channels];
                for pixel in line.chunks_exact(channels) {
                    for (sum, number) in output.iter_mut().zip(pixel) {
                        *sum += number;
                    }
                }
            }
            for sum in output {
                *sum /= count;
            }
        }
    }
}

for_every_level! {
    fn average_image_backward(shape: &PoolShape, gradient: &[f32], result: &mut [f32]) {
        let PoolShape { width, channels, window: [rows, columns], .. } = *shape;
        let count = (rows * columns) as f32;
        let is_apart = shape.is_apart();
        for (first, gradient) in shape.windows().zip(gradient.chunks_exact(channels)) {
            for row in 0..rows {
                let line = &mut result[(first + row * width) * channels..][..columns * channels];
                for pixel in line.chunks_exact_mut(channels) {
                    for (result, gradient) in pixel.iter_mut().zip(gradient) {
                        let share = gradient / count;
                        *result = if is_apart { share } else { *result + share };
                    }
                }
            }
        }
    }
}
