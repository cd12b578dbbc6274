use super::super::{Workers, add_bias, relu, relu_backward};
use super::{Products, everywhere, numbers};

/// Enough rows for several parts, and an odd number in each.
const COLUMNS: usize = 37;
const ROWS: usize = 1_200;

#[test]
fn a_bias_is_added_to_every_row() {
    let (values, bias) = (numbers(ROWS * COLUMNS, 1), numbers(COLUMNS, 2));
    for is_rectified in [false, true] {
        let kernel = |workers: Workers<'_>| {
            let mut values = values.clone();
            add_bias(workers, &bias, is_rectified, &mut values);
            values
        };
        everywhere(Products::Plain, kernel, |found| {
            for (place, (&found, &value)) in found.iter().zip(&values).enumerate() {
                let sum = value + bias[place % COLUMNS];
                assert_eq!(found, if is_rectified { sum.max(0.0) } else { sum });
            }
        });
    }
}

#[test]
fn relu_and_its_gradient_are_right() {
    let (mut input, gradient) = (numbers(ROWS * COLUMNS, 1), numbers(ROWS * COLUMNS, 2));
    input[5] = 0.0;
    input[6] = f32::NAN;
    let forward = |workers: Workers<'_>| {
        let mut output = vec![0.5; input.len()];
        relu(workers, &input, &mut output);
        output
    };
    everywhere(Products::Plain, forward, |output| {
        assert!(output[6].is_nan(), "what is not a number stays so");
        let others = output.iter().zip(&input).filter(|(_, input)| !input.is_nan());
        assert!(others.clone().count() > 0 && others.into_iter().all(|(output, input)| *output == input.max(0.0)));
    });
    let backward = |workers: Workers<'_>| {
        let mut result = vec![0.5; input.len()];
        relu_backward(workers, &input, &gradient, &mut result);
        result
    };
    everywhere(Products::Plain, backward, |result| {
        for ((&result, &input), &gradient) in result.iter().zip(&input).zip(&gradient) {
            assert_eq!(result, if input > 0.0 { gradient } else { 0.0 });
        }
    });
}

#[test]
fn nothing_is_a_valid_input() {
    let workers = Workers::new(Some(&super::THREADS[1]), 0);
    add_bias(workers, &[], true, &mut []);
    relu(workers, &[], &mut []);
    relu_backward(workers, &[], &[], &mut []);
}
