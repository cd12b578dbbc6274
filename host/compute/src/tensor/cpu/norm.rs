//! Batch and layer normalisation. Both see a matrix whose columns are the channels: batch normalisation takes each
//! column to mean 0 and variance 1, layer normalisation each row, and both then scale and shift the columns.
//!
//! The variance is over n, not n − 1, and computed from the differences to the mean, in a second pass.

use super::level::for_every_level;
use super::reduce::{add_rows, sum_of, sum_of_pairs, sum_rows};
use super::workers::{Workers, rows_of_part};

/// What is brought to mean 0 and variance 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Every row: layer normalisation.
    Row,
    /// Every column: batch normalisation.
    Column,
}

/// The sizes of a normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    /// What is normalised.
    pub group: Group,
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix: the channels.
    pub columns: usize,
    /// What is added to the variance.
    pub epsilon: f32,
}

/// The mean and the variance of every group.
#[derive(Clone, Copy, Debug)]
pub struct Statistics<'a> {
    /// The means.
    pub mean: &'a [f32],
    /// The variances.
    pub variance: &'a [f32],
}

impl Normalisation {
    /// How many groups there are.
    pub fn groups(&self) -> usize {
        if self.group == Group::Row { self.rows } else { self.columns }
    }

    /// How many elements a group has.
    pub fn group_elements(&self) -> usize {
        if self.group == Group::Row { self.columns } else { self.rows }
    }

    fn check(&self, values: &[f32]) {
        assert_eq!(values.len(), self.rows * self.columns, "the numbers of the matrix");
    }

    fn check_statistics(&self, statistics: Statistics<'_>) {
        assert_eq!(statistics.mean.len(), self.groups(), "a mean for every group");
        assert_eq!(statistics.variance.len(), self.groups(), "a variance for every group");
    }

    /// One over the deviation of every group.
    fn scales(&self, statistics: Statistics<'_>) -> Vec<f32> {
        statistics.variance.iter().map(|variance| 1.0 / (variance + self.epsilon).sqrt()).collect()
    }
}

/// Computes the mean and the variance of every group. Those of an empty group are not a number.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
pub fn statistics(workers: Workers<'_>, shape: &Normalisation, input: &[f32], mean: &mut [f32], variance: &mut [f32]) {
    shape.check(input);
    assert_eq!(mean.len(), shape.groups(), "a mean for every group");
    assert_eq!(variance.len(), shape.groups(), "a variance for every group");
    let Normalisation { rows, columns, .. } = *shape;
    if shape.group == Group::Row {
        let together = rows_of_part(columns);
        let items = mean.chunks_mut(together).zip(variance.chunks_mut(together));
        workers.each(items, |part, (mean, variance)| {
            let input = &input[part * together * columns..][..mean.len() * columns];
            row_statistics(workers.level(), columns, input, mean, variance);
        });
    } else {
        let of = |rows: std::ops::Range<usize>| &input[rows.start * columns..rows.end * columns];
        let sums = sum_rows(workers, rows, columns, columns, |rows, sums| {
            add_rows(workers.level(), of(rows), columns, sums);
        });
        mean.iter_mut().zip(sums).for_each(|(mean, sum)| *mean = sum / rows as f32);
        let sums = sum_rows(workers, rows, columns, columns, |rows, sums| {
            add_deviations(workers.level(), of(rows), mean, sums);
        });
        variance.iter_mut().zip(sums).for_each(|(variance, sum)| *variance = sum / rows as f32);
    }
}

/// `weight · (input − mean) / √(variance + ε) + bias`, with a weight and a bias for every column.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
pub fn normalise(
    workers: Workers<'_>,
    shape: &Normalisation,
    statistics: Statistics<'_>,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
) {
    shape.check(input);
    shape.check(output);
    shape.check_statistics(statistics);
    assert!(weight.len() == shape.columns && bias.len() == shape.columns, "a weight and a bias for every column");
    let scales = shape.scales(statistics);
    workers.chunks(output, shape.columns, |first, output| {
        let rows = Rows::new(shape, first, output.len(), statistics.mean, &scales);
        normalise_rows(workers.level(), &rows, &input[first..][..output.len()], weight, bias, output);
    });
}

/// The gradient of the input of [`normalise`], from that of its output. The statistics are those of this input (`own`),
/// or were given, as in batch normalisation once a network is trained.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
#[expect(clippy::too_many_arguments, reason = "a gradient takes what the operation took")]
pub fn normalise_backward_input(
    workers: Workers<'_>,
    shape: &Normalisation,
    statistics: Statistics<'_>,
    own: bool,
    input: &[f32],
    weight: &[f32],
    gradient: &[f32],
    result: &mut [f32],
) {
    shape.check(input);
    shape.check(gradient);
    shape.check(result);
    shape.check_statistics(statistics);
    assert_eq!(weight.len(), shape.columns, "a weight for every column");
    let scales = shape.scales(statistics);
    // Of every column the mean of the gradient, and of its products with the normalised input.
    let mut along = vec![0.0; 2 * shape.columns];
    if own && shape.group == Group::Column {
        along = parameter_sums(workers, shape, statistics.mean, &scales, input, gradient);
        along.iter_mut().for_each(|sum| *sum /= shape.rows as f32);
    }
    let along: [&[f32]; 2] = along.split_at(shape.columns).into();
    workers.chunks(result, shape.columns, |first, result| {
        let range = first..first + result.len();
        let rows = Rows::new(shape, first, result.len(), statistics.mean, &scales);
        let (input, gradient) = (&input[range.clone()], &gradient[range]);
        match (shape.group, own) {
            (Group::Row, true) => rows_backward(workers.level(), &rows, input, weight, gradient, result),
            _ => columns_backward(workers.level(), &rows, input, weight, gradient, along, result),
        }
    });
}

/// The gradients of the weight and of the bias of [`normalise`], from that of its output.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
pub fn normalise_backward_parameters(
    workers: Workers<'_>,
    shape: &Normalisation,
    statistics: Statistics<'_>,
    input: &[f32],
    gradient: &[f32],
    weight: &mut [f32],
    bias: &mut [f32],
) {
    shape.check(input);
    shape.check(gradient);
    shape.check_statistics(statistics);
    assert!(weight.len() == shape.columns && bias.len() == shape.columns, "a weight and a bias for every column");
    let scales = shape.scales(statistics);
    let sums = parameter_sums(workers, shape, statistics.mean, &scales, input, gradient);
    let (weights, biases) = sums.split_at(shape.columns);
    weight.copy_from_slice(weights);
    bias.copy_from_slice(biases);
}

/// The sums over the rows of the gradient times the normalised input, and of the gradient, one after the other.
fn parameter_sums(
    workers: Workers<'_>,
    shape: &Normalisation,
    mean: &[f32],
    scales: &[f32],
    input: &[f32],
    gradient: &[f32],
) -> Vec<f32> {
    let columns = shape.columns;
    sum_rows(workers, shape.rows, columns, 2 * columns, |block, sums| {
        let range = block.start * columns..block.end * columns;
        let rows = Rows::new(shape, range.start, range.len(), mean, scales);
        let (weights, biases) = sums.split_at_mut(columns);
        add_parameters(workers.level(), &rows, &input[range.clone()], &gradient[range], weights, biases);
    })
}

/// Some rows of the matrix, and the mean and the scale of their groups: of every row, or of every column.
struct Rows<'a> {
    group: Group,
    columns: usize,
    mean: &'a [f32],
    scale: &'a [f32],
}

impl<'a> Rows<'a> {
    /// The rows of so many numbers from a first one on.
    fn new(shape: &Normalisation, first: usize, length: usize, mean: &'a [f32], scale: &'a [f32]) -> Self {
        let Normalisation { group, columns, .. } = *shape;
        let range = match group {
            Group::Row => first / columns.max(1)..(first + length) / columns.max(1),
            Group::Column => 0..columns,
        };
        Self { group, columns, mean: &mean[range.clone()], scale: &scale[range] }
    }

    /// Calls `visit` with every number of a row after it is normalised, and its column. The two loops are apart so that
    /// each is one over plain slices.
    #[inline(always)]
    fn each(&self, row: usize, input: &[f32], mut visit: impl FnMut(usize, f32)) {
        match self.group {
            Group::Row => {
                let (mean, scale) = (self.mean[row], self.scale[row]);
                for (column, x) in input.iter().enumerate() {
                    visit(column, (x - mean) * scale);
                }
            }
            Group::Column => {
                for (column, ((x, mean), scale)) in input.iter().zip(self.mean).zip(self.scale).enumerate() {
                    visit(column, (x - mean) * scale);
                }
            }
        }
    }

    /// The scale of a number's group.
    #[inline(always)]
    fn scale(&self, row: usize, column: usize) -> f32 {
        self.scale[if self.group == Group::Row { row } else { column }]
    }
}

for_every_level! {
    fn row_statistics(columns: usize, input: &[f32], mean: &mut [f32], variance: &mut [f32]) {
        for (row, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
            let input = &input[row * columns..][..columns];
            let middle = sum_of(input, |x| x) / columns as f32;
            *mean = middle;
            *variance = sum_of(input, |x| (x - middle) * (x - middle)) / columns as f32;
        }
    }
}

for_every_level! {
    fn add_deviations(input: &[f32], mean: &[f32], sums: &mut [f32]) {
        for row in input.chunks_exact(sums.len()) {
            for ((sum, x), mean) in sums.iter_mut().zip(row).zip(mean) {
                *sum += (x - mean) * (x - mean);
            }
        }
    }
}

for_every_level! {
    fn normalise_rows(rows: &Rows<'_>, input: &[f32], weight: &[f32], bias: &[f32], output: &mut [f32]) {
        let (weight, bias) = (&weight[..rows.columns], &bias[..rows.columns]);
        let pairs = input.chunks_exact(rows.columns).zip(output.chunks_exact_mut(rows.columns));
        for (row, (input, output)) in pairs.enumerate() {
            rows.each(row, input, |column, normal| output[column] = weight[column] * normal + bias[column]);
        }
    }
}

for_every_level! {
    /// For rows whose own statistics they are.
    fn rows_backward(rows: &Rows<'_>, input: &[f32], weight: &[f32], gradient: &[f32], result: &mut [f32]) {
        let columns = rows.columns;
        let pairs = input.chunks_exact(columns).zip(gradient.chunks_exact(columns));
        for (row, ((input, gradient), result)) in pairs.zip(result.chunks_exact_mut(columns)).enumerate() {
            let (center, scale) = (rows.mean[row], rows.scale[row]);
            for ((result, gradient), weight) in result.iter_mut().zip(gradient).zip(weight) {
                *result = gradient * weight;
            }
            let mean = sum_of(result, |x| x) / columns as f32;
            let slope = sum_of_pairs(result, input, |weighted, x| weighted * (x - center)) * scale / columns as f32;
            for (result, x) in result.iter_mut().zip(input) {
                *result = scale * (*result - mean - slope * ((x - center) * scale));
            }
        }
    }
}

for_every_level! {
    /// For columns, and for rows whose statistics were given: both are the same for all that is in a column.
    fn columns_backward(
        rows: &Rows<'_>,
        input: &[f32],
        weight: &[f32],
        gradient: &[f32],
        along: [&[f32]; 2],
        result: &mut [f32],
    ) {
        let columns = rows.columns;
        let weight = &weight[..columns];
        let [slopes, means] = along.map(|numbers| &numbers[..columns]);
        let pairs = input.chunks_exact(columns).zip(gradient.chunks_exact(columns));
        for (row, ((input, gradient), result)) in pairs.zip(result.chunks_exact_mut(columns)).enumerate() {
            rows.each(row, input, |column, normal| {
                let change = gradient[column] - means[column] - slopes[column] * normal;
                result[column] = rows.scale(row, column) * weight[column] * change;
            });
        }
    }
}

for_every_level! {
    fn add_parameters(
        rows: &Rows<'_>,
        input: &[f32],
        gradient: &[f32],
        weights: &mut [f32],
        biases: &mut [f32],
    ) {
        let columns = rows.columns;
        let (weights, biases) = (&mut weights[..columns], &mut biases[..columns]);
        for (row, (input, gradient)) in input.chunks_exact(columns).zip(gradient.chunks_exact(columns)).enumerate() {
            rows.each(row, input, |column, normal| {
                weights[column] += gradient[column] * normal;
                biases[column] += gradient[column];
            });
        }
    }
}
