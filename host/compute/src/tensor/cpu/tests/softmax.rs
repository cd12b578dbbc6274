use proptest::prelude::*;

use super::super::{
    Workers, cross_entropy, cross_entropy_backward, log_softmax, log_softmax_backward, softmax, softmax_backward,
};
use super::{Products, assert_near, doubles, everywhere, numbers};

/// The softmax of every row in double precision.
fn reference(columns: usize, input: &[f32]) -> Vec<f64> {
    let mut output = Vec::new();
    for row in doubles(input).chunks_exact(columns) {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|x| (x - largest).exp()).sum();
        output.extend(row.iter().map(|x| (x - largest).exp() / sum));
    }
    output
}

fn check(rows: usize, columns: usize, scale: f32) {
    let input: Vec<f32> = numbers(rows * columns, 1).into_iter().map(|number| number * scale).collect();
    let gradient = numbers(rows * columns, 2);
    let labels: Vec<u32> = (0..rows).map(|row| (row * 7 % columns) as u32).collect();
    let right = reference(columns, &input);
    let rounded: Vec<f32> = right.iter().map(|&number| number as f32).collect();
    let logarithms: Vec<f32> = right.iter().map(|number| number.ln() as f32).collect();

    let run = |kernel: &(dyn Fn(Workers<'_>, &mut [f32]) + Sync), right: &[f64], scale: f64, millionths: f64| {
        let kernel = |workers: Workers<'_>| {
            let mut output = vec![f32::NAN; rows * columns];
            kernel(workers, &mut output);
            output
        };
        everywhere(Products::Plain, kernel, |found| assert_near(found, right, scale, millionths));
    };
    run(&|workers, output| softmax(workers, columns, &input, output), &right, 1e-30, 20.0);
    let logs: Vec<f64> = right.iter().map(|number| number.ln()).collect();
    run(&|workers, output| log_softmax(workers, columns, &input, output), &logs, 1.0, 2.0);

    let mut of_softmax = Vec::new();
    let mut of_logarithm = Vec::new();
    for (row, gradient) in right.chunks_exact(columns).zip(doubles(&gradient).chunks_exact(columns)) {
        let along: f64 = row.iter().zip(gradient).map(|(result, gradient)| result * gradient).sum();
        let sum: f64 = gradient.iter().sum();
        of_softmax.extend(row.iter().zip(gradient).map(|(result, gradient)| result * (gradient - along)));
        of_logarithm.extend(row.iter().zip(gradient).map(|(result, gradient)| gradient - result * sum));
    }
    let backward = |workers: Workers<'_>, output: &mut [f32]| {
        softmax_backward(workers, columns, &rounded, &gradient, output);
    };
    run(&backward, &of_softmax, 1.0, 2.0);
    let backward = |workers: Workers<'_>, output: &mut [f32]| {
        log_softmax_backward(workers, columns, &logarithms, &gradient, output);
    };
    run(&backward, &of_logarithm, 1.0, 20.0);

    let loss = labels.iter().enumerate().map(|(row, &label)| -logs[row * columns + label as usize]);
    let loss = loss.sum::<f64>() / rows as f64;
    let kernel = |workers: Workers<'_>| vec![cross_entropy(workers, columns, &input, &labels)];
    everywhere(Products::Plain, kernel, |found| assert_near(found, &[loss], 1.0, 5.0));
    let of_loss: Vec<f64> = right
        .iter()
        .enumerate()
        .map(|(place, result)| {
            let is_label = labels[place / columns] as usize == place % columns;
            3.0 * (result - f64::from(u8::from(is_label))) / rows as f64
        })
        .collect();
    let backward = |workers: Workers<'_>, output: &mut [f32]| {
        cross_entropy_backward(workers, columns, &input, &labels, 3.0, output);
    };
    run(&backward, &of_loss, 3.0 / rows as f64, 2.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_rows_are_right(rows in 0_usize..20, columns in 1_usize..70, scale in 0.1_f32..40.0) {
        check(rows, columns, scale);
    }
}

#[test]
fn many_rows_are_right() {
    check(2_000, 37, 5.0);
}

#[test]
fn nothing_overflows() {
    let input = [3e38_f32, 1.0, -3e38, f32::NEG_INFINITY];
    let kernel = |workers: Workers<'_>| {
        let mut output = vec![0.5; 4];
        softmax(workers, 4, &input, &mut output);
        output
    };
    everywhere(Products::Plain, kernel, |found| assert_eq!(found, [1.0, 0.0, 0.0, 0.0]));
}
