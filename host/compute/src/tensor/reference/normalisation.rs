//! Batch and layer normalisation. Both see a matrix whose columns are the channels; batch normalisation takes
//! each column to mean 0 and variance 1, layer normalisation each row, and both then scale and shift the columns.

use crate::tensor::cpu::{Group, Normalisation, Statistics};

impl Normalisation {
    /// Visits every element by its place, its group and its column.
    fn for_each(&self, mut visit: impl FnMut(usize, usize, usize)) {
        // Rows of nothing may be very many.
        let rows = if self.columns == 0 { 0 } else { self.rows };
        for row in 0..rows {
            for column in 0..self.columns {
                let group = if self.group == Group::Row { row } else { column };
                visit(row * self.columns + column, group, column);
            }
        }
    }

    /// The element at a place, normalised.
    fn normal(&self, input: &[f32], statistics: Statistics<'_>, place: usize, group: usize) -> f64 {
        (f64::from(input[place]) - f64::from(statistics.mean[group])) * self.scale(statistics, group)
    }

    fn scale(&self, statistics: Statistics<'_>, group: usize) -> f64 {
        1.0 / (f64::from(statistics.variance[group]) + f64::from(self.epsilon)).sqrt()
    }
}

/// The mean and the variance (over n, not n − 1) of every group.
pub(crate) fn statistics(shape: &Normalisation, input: &[f32], mean: &mut [f32], variance: &mut [f32]) {
    let count = shape.group_elements() as f64;
    let mut means = vec![0.0; shape.groups()];
    shape.for_each(|place, group, _| means[group] += f64::from(input[place]));
    means.iter_mut().for_each(|mean| *mean /= count);
    let mut variances = vec![0.0; shape.groups()];
    shape.for_each(|place, group, _| variances[group] += (f64::from(input[place]) - means[group]).powi(2));
    variances.iter_mut().for_each(|variance| *variance /= count);
    for group in 0..shape.groups() {
        mean[group] = means[group] as f32;
        variance[group] = variances[group] as f32;
    }
}

/// `weight · (input − mean) / √(variance + ε) + bias`.
pub(crate) fn forward(
    shape: &Normalisation,
    statistics: Statistics<'_>,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
) {
    shape.for_each(|place, group, column| {
        let normal = shape.normal(input, statistics, place, group);
        output[place] = (f64::from(weight[column]) * normal + f64::from(bias[column])) as f32;
    });
}

/// The gradient of the input, where the statistics were computed from it (`own`) or were given.
pub(crate) fn backward_input(
    shape: &Normalisation,
    statistics: Statistics<'_>,
    own: bool,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
    output: &mut [f32],
) {
    let count = shape.group_elements() as f64;
    let weighted = |place: usize, column: usize| f64::from(gradient[place]) * f64::from(weight[column]);
    let mut means = vec![0.0; shape.groups()];
    let mut slopes = vec![0.0; shape.groups()];
    if own {
        shape.for_each(|place, group, column| {
            means[group] += weighted(place, column) / count;
            slopes[group] += weighted(place, column) * shape.normal(input, statistics, place, group) / count;
        });
    }
    shape.for_each(|place, group, column| {
        let along = means[group] + slopes[group] * shape.normal(input, statistics, place, group);
        output[place] = (shape.scale(statistics, group) * (weighted(place, column) - along)) as f32;
    });
}

/// The gradients of the weight and of the bias.
pub(crate) fn backward_parameters(
    shape: &Normalisation,
    statistics: Statistics<'_>,
    input: &[f32],
    gradient: &[f32],
    weight: &mut [f32],
    bias: &mut [f32],
) {
    let mut weights = vec![0.0; shape.columns];
    let mut biases = vec![0.0; shape.columns];
    shape.for_each(|place, group, column| {
        weights[column] += f64::from(gradient[place]) * shape.normal(input, statistics, place, group);
        biases[column] += f64::from(gradient[place]);
    });
    for column in 0..shape.columns {
        weight[column] = weights[column] as f32;
        bias[column] = biases[column] as f32;
    }
}
