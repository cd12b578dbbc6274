//! What the operations compute with, beside the reference, over random shapes: empty ones, ones of size 1, odd ones,
//! and some that are large enough for several parts.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::Threads;
use crate::tensor::cpu::Group;
use crate::tensor::memory::Memory;

fn executor() -> Executor {
    let threads = Some(Arc::new(Threads::new(2)));
    Executor { threads, owner: 1, ..Executor::new(Memory::new(u64::MAX)) }
}

/// Numbers between -1 and 1 that look random.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut numbers = vec![0.0; count];
    reference::random::uniform(seed, -1.0, 1.0, 0, &mut numbers);
    numbers
}

/// Outputs of so many numbers, as two ways to compute them fill them in.
fn assert_same(count: usize, fast: impl FnOnce(&mut [f32]), plain: impl FnOnce(&mut [f32]), terms: usize) {
    let (mut found, mut right) = (vec![f32::NAN; count], vec![f32::NAN; count]);
    // An empty output is computed by nobody.
    if count > 0 {
        fast(&mut found);
        plain(&mut right);
    }
    // Each of so many terms is at most of the order of one, and rounded to 32 bits.
    let tolerance = 1e-6 * (1.0 + terms as f32).sqrt();
    for (place, (found, right)) in found.iter().zip(&right).enumerate() {
        let is_near = found == right
            || (found - right).abs() <= tolerance * right.abs().max(1.0)
            || (found.is_nan() && right.is_nan());
        assert!(is_near, "{found} instead of {right} at {place} of {count}");
    }
}

fn products(shape: Batched) {
    let Batched { batch, m, n, k, .. } = shape;
    let (left, right) = (numbers(batch * m * k, 1), numbers(batch * k * n, 2));
    assert_same(
        batch * m * n,
        |output| gemm(&executor(), shape, &left, &right, output),
        |output| reference::gemm::gemm(&shape, &left, &right, output),
        k,
    );
}

fn convolutions(shape: ConvShape, function: Option<Function>) {
    let (input, weight) = (numbers(shape.input_len(), 1), numbers(shape.weight_len(), 2));
    let (bias, gradient) = (numbers(shape.out_channels, 3), numbers(shape.output_len(), 4));
    let executor = executor();
    let window = shape.kernel[0] * shape.kernel[1] * shape.in_channels;
    assert_same(
        shape.output_len(),
        |output| convolution(&executor, &shape, &input, &weight, Some(&bias), function, output),
        |output| {
            reference::convolution::forward(&shape, &input, &weight, output);
            for row in output.chunks_exact_mut(bias.len()) {
                row.iter_mut().zip(&bias).for_each(|(out, bias)| *out += bias);
            }
            function.into_iter().for_each(|function| reference::elementwise::map_in_place(function, output));
        },
        window,
    );

    let backward = |to: ConvGradients<'_>| {
        let from = ConvBackward { input: &input, weight: &weight, activated: None, gradient: &gradient };
        convolution_backward(&executor, &shape, from, to);
    };
    let positions = shape.batch * shape.out_height() * shape.out_width();
    assert_same(
        shape.input_len(),
        |output| backward(ConvGradients { input: Some(output), ..ConvGradients::default() }),
        |output| reference::convolution::backward_input(&shape, &weight, &gradient, output),
        shape.kernel[0] * shape.kernel[1] * shape.out_channels,
    );
    assert_same(
        shape.weight_len(),
        |output| backward(ConvGradients { weight: Some(output), ..ConvGradients::default() }),
        |output| reference::convolution::backward_weight(&shape, &input, &gradient, output),
        positions,
    );
    assert_same(
        shape.out_channels,
        |output| backward(ConvGradients { bias: Some(output), ..ConvGradients::default() }),
        |output| reference::convolution::backward_bias(&gradient, output),
        positions,
    );
}

fn reductions(dimensions: &[usize], kept: &[bool]) {
    let shape = Shape::new(dimensions).unwrap();
    let lengths: Vec<_> = dimensions.iter().zip(kept).map(|(&length, &kept)| if kept { length } else { 1 }).collect();
    let output = Shape::new(&lengths).unwrap();
    let strides = output.strides_in(&shape);
    let input = numbers(shape.elements(), 1);
    assert_same(
        output.elements(),
        |output| sum(&executor(), &shape, &input, strides, 0.5, output),
        |output| reference::reduction::sum(&shape, &input, strides, 0.5, output),
        shape.elements(),
    );
    assert_same(
        output.elements(),
        |output| max(&executor(), &shape, &input, strides, output),
        |output| reference::reduction::max(&shape, &input, strides, output),
        0,
    );
}

fn normalisations(group: Group, rows: usize, columns: usize) {
    let executor = executor();
    let shape = Normalisation { group, rows, columns, epsilon: 0.01 };
    let input = numbers(rows * columns, 1);
    let (weight, bias) = (numbers(columns, 2), numbers(columns, 3));
    let gradient = numbers(rows * columns, 4);
    let (mut mean, mut variance) = (vec![0.0; shape.groups()], vec![0.0; shape.groups()]);
    reference::normalisation::statistics(&shape, &input, &mut mean, &mut variance);
    let both = |compute: &dyn Fn(&mut [f32], &mut [f32])| {
        let (mut first, mut second) = (vec![0.0; shape.groups()], vec![0.0; shape.groups()]);
        compute(&mut first, &mut second);
        [first, second].concat()
    };
    assert_same(
        2 * shape.groups(),
        |output| output.copy_from_slice(&both(&|mean, variance| statistics(&executor, &shape, &input, mean, variance))),
        |output| output.copy_from_slice(&[&mean[..], &variance[..]].concat()),
        rows + columns,
    );

    let of_group = Statistics { mean: &mean, variance: &variance };
    assert_same(
        rows * columns,
        |output| normalise(&executor, &shape, of_group, &input, &weight, &bias, output),
        |output| reference::normalisation::forward(&shape, of_group, &input, &weight, &bias, output),
        100,
    );
    for own in [false, true] {
        assert_same(
            rows * columns,
            |out| normalise_backward_input(&executor, &shape, of_group, own, &input, &weight, &gradient, out),
            |out| reference::normalisation::backward_input(&shape, of_group, own, &input, &weight, &gradient, out),
            1000,
        );
    }
    let parameters = |compute: &dyn Fn(&mut [f32], &mut [f32])| {
        let (mut weight, mut bias) = (vec![0.0; columns], vec![0.0; columns]);
        compute(&mut weight, &mut bias);
        [weight, bias].concat()
    };
    assert_same(
        2 * columns,
        |output| {
            output.copy_from_slice(&parameters(&|weight, bias| {
                normalise_backward_parameters(&executor, &shape, of_group, &input, &gradient, weight, bias);
            }));
        },
        |output| {
            output.copy_from_slice(&parameters(&|weight, bias| {
                reference::normalisation::backward_parameters(&shape, of_group, &input, &gradient, weight, bias);
            }));
        },
        100 * rows,
    );
}

fn softmaxes(kind: Softmax, around: Around) {
    let count = around.outer * around.length * around.inner;
    let (input, gradient) = (numbers(count, 1), numbers(count, 2));
    let mut result = vec![0.0; count];
    reference::softmax::forward(kind, around, &input, &mut result);
    assert_same(
        count,
        |output| softmax(&executor(), kind, around, &input, output),
        |output| output.copy_from_slice(&result),
        around.length,
    );
    assert_same(
        count,
        |output| softmax_backward(&executor(), kind, around, &result, &gradient, output),
        |output| reference::softmax::backward(kind, around, &result, &gradient, output),
        around.length,
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn products_are_right(
        batch in 0usize..4, m in 0usize..40, n in 0usize..40, k in 0usize..40, transpose_a: bool, transpose_b: bool,
    ) {
        products(Batched { batch, m, n, k, transpose_a, transpose_b });
    }

    #[test]
    fn convolutions_are_right(
        batch in 0usize..4, in_channels in 0usize..20, out_channels in 0usize..20,
        kernel in prop::array::uniform2(1usize..5), room in prop::array::uniform2(0usize..8),
        stride in prop::array::uniform2(1usize..4), padding in prop::array::uniform2(0usize..4),
        function in prop::sample::select(vec![None, Some(Function::Relu), Some(Function::Tanh)]),
    ) {
        let padding = [padding[0].min(kernel[0] - 1), padding[1].min(kernel[1] - 1)];
        let [height, width] = [kernel[0] + room[0], kernel[1] + room[1]];
        let shape = ConvShape { batch, height, width, in_channels, out_channels, kernel, stride, padding };
        convolutions(shape, function);
    }

    #[test]
    fn pooling_is_right(
        batch in 0usize..3, channels in 0usize..20,
        window in prop::array::uniform2(1usize..4), room in prop::array::uniform2(0usize..6),
        stride in prop::array::uniform2(1usize..4),
    ) {
        let [height, width] = [window[0] + room[0], window[1] + room[1]];
        let shape = PoolShape { batch, height, width, channels, window, stride };
        let (input, gradient) = (numbers(shape.input_len(), 1), numbers(shape.output_len(), 2));
        let (executor, terms) = (executor(), window[0] * window[1]);
        assert_same(
            shape.output_len(),
            |output| max_pool(&executor, &shape, &input, output),
            |output| reference::pooling::max(&shape, &input, output),
            0,
        );
        assert_same(
            shape.output_len(),
            |output| average_pool(&executor, &shape, &input, output),
            |output| reference::pooling::average(&shape, &input, output),
            terms,
        );
        assert_same(
            shape.input_len(),
            |output| max_pool_backward(&executor, &shape, &input, &gradient, output),
            |output| reference::pooling::max_backward(&shape, &input, &gradient, output),
            terms,
        );
        assert_same(
            shape.input_len(),
            |output| average_pool_backward(&executor, &shape, &gradient, output),
            |output| reference::pooling::average_backward(&shape, &gradient, output),
            terms,
        );
    }

    #[test]
    fn reductions_are_right(axes in prop::collection::vec((0usize..6, any::<bool>()), 0..6)) {
        let (dimensions, kept): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        reductions(&dimensions, &kept);
    }

    #[test]
    fn normalisation_is_right(by_rows: bool, rows in 1usize..40, columns in 0usize..40) {
        normalisations(if by_rows { Group::Row } else { Group::Column }, rows, columns);
    }

    #[test]
    fn softmax_is_right(outer in 0usize..9, length in 0usize..40, inner in 0usize..3, logarithm: bool) {
        let kind = if logarithm { Softmax::Logarithm } else { Softmax::Plain };
        softmaxes(kind, Around { outer, length, inner });
    }

    #[test]
    fn cross_entropy_is_right(rows in 0usize..20, classes in 1usize..20) {
        let logits = numbers(rows * classes, 1);
        let labels: Vec<u32> = (0..rows).map(|row| (row * 7 % classes) as u32).collect();
        assert_same(
            1,
            |output| output[0] = cross_entropy(&executor(), classes, &logits, &labels),
            |output| output[0] = reference::softmax::cross_entropy(classes, &logits, &labels),
            rows,
        );
        assert_same(
            rows * classes,
            |output| cross_entropy_backward(&executor(), classes, &logits, &labels, 2.0, output),
            |output| reference::softmax::cross_entropy_backward(classes, &logits, &labels, 2.0, output),
            classes,
        );
    }

    #[test]
    fn optimisers_are_right(
        count in 0usize..100, momentum in prop::option::of(0.1f64..0.9), nesterov: bool, decoupled: bool, step in 1u64..9,
    ) {
        let start = || numbers(count, 1);
        let gradient = numbers(count, 2);
        let kept = || numbers(count, 3).into_iter().map(f32::abs).collect::<Vec<_>>();
        let rule = Sgd { learning_rate: 0.1, momentum: momentum.unwrap_or_default(), weight_decay: 0.1, nesterov };
        let (mut first, mut second) = (kept(), kept());
        let executor = executor();
        assert_same(
            count,
            |output| {
                output.copy_from_slice(&start());
                sgd(&executor, &rule, output, &gradient, momentum.map(|_| &mut first[..]));
            },
            |output| {
                output.copy_from_slice(&start());
                reference::update::sgd(&rule, output, &gradient, momentum.map(|_| &mut second[..]));
            },
            4,
        );
        let rule =
            Adam { learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-3, weight_decay: 0.1, decoupled };
        let (mut means, mut squares) = ([start(), start()], [kept(), kept()]);
        let ([mean, plain_mean], [square, plain_square]) = (&mut means, &mut squares);
        assert_same(
            count,
            |output| {
                output.copy_from_slice(&start());
                adam(&executor, &rule, step, output, &gradient, [mean, square]);
            },
            |output| {
                output.copy_from_slice(&start());
                reference::update::adam(&rule, step, output, &gradient, plain_mean, plain_square);
            },
            100,
        );
    }
}

/// Work that is cut into several parts, and a depth that is gone through in blocks.
#[test]
fn large_shapes_are_right() {
    products(Batched { batch: 1, m: 150, n: 130, k: 700, transpose_a: false, transpose_b: true });
    products(Batched { batch: 1, m: 10, n: 500, k: 400, transpose_a: true, transpose_b: false });
    products(Batched { batch: 9, m: 70, n: 60, k: 80, transpose_a: false, transpose_b: false });
    let image = ConvShape {
        batch: 5,
        height: 13,
        width: 12,
        in_channels: 33,
        out_channels: 34,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
    };
    convolutions(image, Some(Function::Relu));
    convolutions(ConvShape { stride: [2, 3], padding: [0, 1], ..image }, None);
    reductions(&[70, 300, 20], &[false, true, true]);
    reductions(&[70, 300, 20], &[true, false, false]);
    reductions(&[3, 70_000], &[false, true]);
    normalisations(Group::Column, 2000, 30);
    normalisations(Group::Row, 600, 100);
    softmaxes(Softmax::Plain, Around { outer: 900, length: 50, inner: 1 });
}

/// Without rows there are no labels, whatever the number of classes.
#[test]
fn the_cross_entropy_of_nothing_is_no_number() {
    assert!(cross_entropy(&executor(), 0, &[], &[]).is_nan());
    assert!(cross_entropy(&executor(), 3, &[], &[]).is_nan());
}
