use proptest::prelude::*;

use super::super::{PoolShape, Workers, average_pool, average_pool_backward, max_pool, max_pool_backward};
use super::{Products, assert_near, everywhere, numbers};

/// For every output, the places of the input that its window covers, row by row.
fn windows(shape: &PoolShape) -> Vec<Vec<usize>> {
    let mut windows = Vec::new();
    for image in 0..shape.batch {
        for y in 0..shape.out_height() {
            for x in 0..shape.out_width() {
                for channel in 0..shape.channels {
                    let mut window = Vec::new();
                    for row in y * shape.stride[0]..y * shape.stride[0] + shape.window[0] {
                        for column in x * shape.stride[1]..x * shape.stride[1] + shape.window[1] {
                            let pixel = (image * shape.height + row) * shape.width + column;
                            window.push(pixel * shape.channels + channel);
                        }
                    }
                    windows.push(window);
                }
            }
        }
    }
    windows
}

fn check(shape: PoolShape) {
    // Few different numbers, so that windows often have their largest number twice.
    let input: Vec<f32> = numbers(shape.input_len(), 1).into_iter().map(|number| (number * 3.0).round()).collect();
    let gradient = numbers(shape.output_len(), 2);
    let windows = windows(&shape);

    let mut largest = Vec::new();
    let mut means = Vec::new();
    let mut largest_gradient = vec![0.0; input.len()];
    let mut mean_gradient = vec![0.0; input.len()];
    for (window, gradient) in windows.iter().zip(&gradient) {
        let first = window.iter().copied().reduce(|best, at| if input[at] > input[best] { at } else { best });
        let first = first.expect("a window has a number");
        largest.push(f64::from(input[first]));
        largest_gradient[first] += f64::from(*gradient);
        means.push(window.iter().map(|&at| f64::from(input[at])).sum::<f64>() / window.len() as f64);
        for &at in window {
            mean_gradient[at] += f64::from(*gradient) / window.len() as f64;
        }
    }
    let forward = |pool: fn(Workers<'_>, &PoolShape, &[f32], &mut [f32])| {
        let input = &input;
        move |workers: Workers<'_>| {
            let mut output = vec![f32::NAN; shape.output_len()];
            pool(workers, &shape, input, &mut output);
            output
        }
    };
    everywhere(Products::Plain, forward(max_pool), |found| assert_near(found, &largest, 0.0, 0.0));
    everywhere(Products::Plain, forward(average_pool), |found| assert_near(found, &means, 1.0, 1.0));
    let max_backward = |workers: Workers<'_>| {
        let mut result = vec![f32::NAN; shape.input_len()];
        max_pool_backward(workers, &shape, &input, &gradient, &mut result);
        result
    };
    everywhere(Products::Plain, max_backward, |found| assert_near(found, &largest_gradient, 1.0, 3.0));
    let average_backward = |workers: Workers<'_>| {
        let mut result = vec![f32::NAN; shape.input_len()];
        average_pool_backward(workers, &shape, &gradient, &mut result);
        result
    };
    everywhere(Products::Plain, average_backward, |found| assert_near(found, &mean_gradient, 1.0, 3.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_pooling_is_right(
        batch in 0_usize..4,
        [height, width] in [0_usize..12, 0_usize..12],
        channels in 0_usize..40,
        window in [1_usize..5, 1_usize..5],
        stride in [1_usize..5, 1_usize..5],
    ) {
        check(PoolShape { batch, height, width, channels, window, stride });
    }
}

#[test]
fn many_images_are_pooled_in_parts() {
    check(PoolShape { batch: 9, height: 16, width: 18, channels: 33, window: [2, 2], stride: [2, 2] });
}

#[test]
fn what_is_not_a_number_is_the_largest() {
    let shape = PoolShape { batch: 1, height: 2, width: 2, channels: 1, window: [2, 2], stride: [2, 2] };
    let input = [f32::INFINITY, f32::NAN, 1.0, f32::NAN];
    let forward = |workers: Workers<'_>| {
        let mut output = vec![0.0];
        max_pool(workers, &shape, &input, &mut output);
        output
    };
    everywhere(Products::Plain, forward, |output| assert!(output[0].is_nan()));
    let backward = |workers: Workers<'_>| {
        let mut result = vec![0.0; 4];
        max_pool_backward(workers, &shape, &input, &[1.0], &mut result);
        result
    };
    everywhere(Products::Plain, backward, |result| assert_eq!(result, [0.0, 1.0, 0.0, 0.0]));
}
