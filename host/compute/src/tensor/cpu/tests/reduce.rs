use proptest::prelude::*;

use super::super::{Around, Workers, max_axis, sum_axis, sum_of_squares};
use super::{Products, assert_near, everywhere, numbers};

fn check(around: Around) {
    let Around { outer, length, inner } = around;
    let input = numbers(outer * length * inner, 1);
    let mut sums = vec![0.0; outer * inner];
    let mut largest = vec![f64::NEG_INFINITY; outer * inner];
    for o in 0..outer {
        for l in 0..length {
            for i in 0..inner {
                let number = f64::from(input[(o * length + l) * inner + i]);
                sums[o * inner + i] += number * 0.25;
                largest[o * inner + i] = largest[o * inner + i].max(number);
            }
        }
    }
    let sum = |workers: Workers<'_>| {
        let mut output = vec![f32::NAN; outer * inner];
        sum_axis(workers, around, 0.25, &input, &mut output);
        output
    };
    everywhere(Products::Plain, sum, |found| assert_near(found, &sums, (1.0 + length as f64).sqrt(), 1.0));
    let max = |workers: Workers<'_>| {
        let mut output = vec![f32::NAN; outer * inner];
        max_axis(workers, around, &input, &mut output);
        output
    };
    everywhere(Products::Plain, max, |found| {
        assert!(found.iter().zip(&largest).all(|(found, right)| f64::from(*found) == *right));
    });
    let squares: f64 = input.iter().map(|&number| f64::from(number).powi(2)).sum();
    everywhere(
        Products::Plain,
        |workers| vec![sum_of_squares(workers, &input) as f32],
        |found| {
            assert_near(found, &[squares], 1.0, 1.0);
        },
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_axis_is_right([outer, length, inner] in [0_usize..9, 0_usize..80, 0_usize..40]) {
        check(Around { outer, length, inner });
    }
}

/// Sums that are added up in several parts: all numbers, columns, and rows.
#[test]
fn long_axes_are_right() {
    check(Around { outer: 1, length: 100_003, inner: 1 });
    check(Around { outer: 1, length: 3_001, inner: 37 });
    check(Around { outer: 600, length: 101, inner: 1 });
}

#[test]
fn what_is_not_a_number_is_the_largest() {
    for place in 0..40 {
        let mut input = numbers(40, 3);
        input[place] = f32::NAN;
        let kernel = |workers: Workers<'_>| {
            let mut output = vec![0.0; 3];
            max_axis(workers, Around { outer: 1, length: 40, inner: 1 }, &input, &mut output[..1]);
            max_axis(workers, Around { outer: 1, length: 20, inner: 2 }, &input, &mut output[1..]);
            output
        };
        everywhere(Products::Plain, kernel, |found| {
            assert!(found[0].is_nan() && found[1 + place % 2].is_nan() && !found[2 - place % 2].is_nan());
        });
    }
}
