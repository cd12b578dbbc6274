use proptest::prelude::*;

use super::super::{
    Group, Normalisation, Statistics, Workers, normalise, normalise_backward_input, normalise_backward_parameters,
    statistics,
};
use super::{Products, assert_near, doubles, everywhere, numbers};

/// A number may be off by so many millionths: variances of few numbers make small differences large.
const MILLIONTHS: f64 = 300.0;

fn check(group: Group, rows: usize, columns: usize) {
    let shape = Normalisation { group, rows, columns, epsilon: 1e-2 };
    let input: Vec<f32> = numbers(rows * columns, 1).into_iter().map(|number| number + 0.5).collect();
    let (weight, bias, gradient) = (numbers(columns, 2), numbers(columns, 3), numbers(rows * columns, 4));
    let group_of = |place: usize| if group == Group::Row { place / columns } else { place % columns };
    let count = if group == Group::Row { columns } else { rows } as f64;

    let mut means = vec![0.0; shape.groups()];
    let mut variances = vec![0.0; shape.groups()];
    for (place, x) in doubles(&input).iter().enumerate() {
        means[group_of(place)] += x / count;
    }
    for (place, x) in doubles(&input).iter().enumerate() {
        variances[group_of(place)] += (x - means[group_of(place)]).powi(2) / count;
    }
    let kernel = |workers: Workers<'_>| {
        let mut found = vec![0.0; 2 * shape.groups()];
        let (mean, variance) = found.split_at_mut(shape.groups());
        statistics(workers, &shape, &input, mean, variance);
        found
    };
    if count > 0.0 {
        let right = [means.as_slice(), &variances].concat();
        everywhere(Products::Plain, kernel, |found| assert_near(found, &right, 1.0, 2.0));
    }
    let mean: Vec<f32> = means.iter().map(|&mean| mean as f32).collect();
    let variance: Vec<f32> = variances.iter().map(|&variance| variance as f32).collect();
    let known = Statistics { mean: &mean, variance: &variance };

    let scale = |place: usize| 1.0 / (variances[group_of(place)] + 1e-2).sqrt();
    let normal = |place: usize| (f64::from(input[place]) - means[group_of(place)]) * scale(place);
    let weighted = |place: usize| f64::from(gradient[place]) * f64::from(weight[place % columns]);
    let places = 0..rows * columns;
    let right: Vec<f64> = places
        .clone()
        .map(|place| f64::from(weight[place % columns]) * normal(place) + f64::from(bias[place % columns]))
        .collect();
    let kernel = |workers: Workers<'_>| {
        let mut output = vec![f32::NAN; rows * columns];
        normalise(workers, &shape, known, &input, &weight, &bias, &mut output);
        output
    };
    everywhere(Products::Plain, kernel, |found| assert_near(found, &right, 1.0, MILLIONTHS));

    for own in [false, true] {
        let mut along = vec![[0.0; 2]; shape.groups()];
        for place in places.clone().filter(|_| own) {
            along[group_of(place)][0] += weighted(place) / count;
            along[group_of(place)][1] += weighted(place) * normal(place) / count;
        }
        let right: Vec<f64> = places
            .clone()
            .map(|place| {
                let [mean, slope] = along[group_of(place)];
                scale(place) * (weighted(place) - mean - slope * normal(place))
            })
            .collect();
        let kernel = |workers: Workers<'_>| {
            let mut result = vec![f32::NAN; rows * columns];
            normalise_backward_input(workers, &shape, known, own, &input, &weight, &gradient, &mut result);
            result
        };
        everywhere(Products::Plain, kernel, |found| assert_near(found, &right, 1.0, MILLIONTHS));
    }

    let mut right = vec![0.0; 2 * columns];
    for place in places {
        right[place % columns] += f64::from(gradient[place]) * normal(place);
        right[columns + place % columns] += f64::from(gradient[place]);
    }
    let kernel = |workers: Workers<'_>| {
        let mut found = vec![f32::NAN; 2 * columns];
        let (weight, bias) = found.split_at_mut(columns);
        normalise_backward_parameters(workers, &shape, known, &input, &gradient, weight, bias);
        found
    };
    everywhere(Products::Plain, kernel, |found| assert_near(found, &right, (1.0 + rows as f64).sqrt(), MILLIONTHS));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_matrix_is_right(rows in 0_usize..40, columns in 0_usize..50, is_row in any::<bool>()) {
        check(if is_row { Group::Row } else { Group::Column }, rows, columns);
    }
}

#[test]
fn many_rows_are_right() {
    check(Group::Row, 1_500, 37);
    check(Group::Column, 1_500, 37);
}
