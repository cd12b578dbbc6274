//! The gradient of every operation against central differences, over random shapes that include lengths of 0 and 1.
//!
//! The loss is the sum of the output's elements times fixed weights, added up in 64 bits. An element of the output
//! is off by about 10⁻⁷ of itself, so that a difference over ±0.01 is off by about 10⁻⁵ for each element that takes
//! part, and by the third derivative times 10⁻⁵ for the step: a hundredth of the largest gradient is far more than
//! either, and far less than a wrong formula. Inputs stay at least three steps away from kinks and from each other.

use belljar_compute::tensor::{
    Activation, BatchNorm, Function, TENSOR_BYTES_DEFAULT, TensorError, TensorId, Tensors, Window,
};
use proptest::prelude::*;

const STEP: f32 = 1e-2;
const TOLERANCE: f64 = 1e-2;

type Operation<'a> = &'a dyn Fn(&mut Tensors, &[TensorId]) -> Result<TensorId, TensorError>;

fn tensors() -> Tensors {
    Tensors::new(TENSOR_BYTES_DEFAULT)
}

/// Numbers that are all different by at least 0.03 and at least 0.03 from zero, in an order that looks random.
fn spread(count: usize, seed: usize) -> Vec<f32> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by_key(|place| (place + seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let gap = (4.0 / count.max(1) as f32).max(0.03);
    places.into_iter().map(|place| (place as f32 - count as f32 / 2.0 + 0.5) * gap.min(0.5)).map(off_zero).collect()
}

fn off_zero(number: f32) -> f32 {
    number + 0.03_f32.copysign(number)
}

fn positive(count: usize, seed: usize) -> Vec<f32> {
    spread(count, seed).into_iter().map(|number| 0.5 + number.abs()).collect()
}

struct Input {
    shape: Vec<u32>,
    values: Vec<f32>,
}

fn input(shape: &[u32], values: fn(usize, usize) -> Vec<f32>) -> Input {
    let count = shape.iter().product::<u32>() as usize;
    Input { shape: shape.to_vec(), values: values(count, shape.len()) }
}

fn loss(operation: Operation<'_>, inputs: &[Input]) -> f64 {
    let mut tensors = tensors();
    let ids: Vec<_> = inputs.iter().map(|input| tensors.create(&input.shape, input.values.clone()).unwrap()).collect();
    let output = operation(&mut tensors, &ids).unwrap();
    let values = tensors.values(output).unwrap();
    values.iter().zip(weights(values.len())).map(|(&value, weight)| f64::from(value) * f64::from(weight)).sum()
}

fn weights(count: usize) -> Vec<f32> {
    (0..count).map(|place| ((place * 7 + 3) % 11) as f32 / 5.0 - 1.0).collect()
}

/// Compares the gradients of all inputs with central differences.
fn check(operation: Operation<'_>, mut inputs: Vec<Input>) {
    let mut tensors = tensors();
    let ids: Vec<_> = inputs.iter().map(|input| tensors.create(&input.shape, input.values.clone()).unwrap()).collect();
    ids.iter().for_each(|&id| tensors.require_gradient(id).unwrap());
    let output = operation(&mut tensors, &ids).unwrap();
    let shape = tensors.shape(output).unwrap();
    let count = tensors.values(output).unwrap().len();
    let weights = tensors.create(&shape, weights(count)).unwrap();
    let weighted = tensors.multiply(output, weights).unwrap();
    let sum = tensors.sum(weighted, &[], false).unwrap();
    tensors.backward(sum).unwrap();

    for which in 0..inputs.len() {
        let gradient = tensors.gradient(ids[which]).unwrap().unwrap();
        let gradient: Vec<f64> = tensors.values(gradient).unwrap().iter().map(|&x| x.into()).collect();
        assert_eq!(gradient.len(), inputs[which].values.len());
        let scale = gradient.iter().fold(1.0, |largest: f64, number| largest.max(number.abs()));
        for (place, found) in gradient.into_iter().enumerate() {
            let middle = inputs[which].values[place];
            let mut at = |number: f32| {
                inputs[which].values[place] = number;
                (loss(operation, &inputs), f64::from(number))
            };
            let ((above, right), (below, left)) = (at(middle + STEP), at(middle - STEP));
            inputs[which].values[place] = middle;
            let expected = (above - below) / (right - left);
            let error = (found - expected).abs();
            assert!(error <= TOLERANCE * scale, "input {which} at {place}: {found} instead of {expected}");
        }
    }
}

fn lengths(rank: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![1 => Just(0u32), 3 => Just(1), 8 => 2u32..5], rank)
}

fn functions() -> impl Strategy<Value = Function> {
    prop_oneof![
        Just(Function::Negate),
        Just(Function::Exp),
        Just(Function::Tanh),
        Just(Function::Sigmoid),
        Just(Function::Relu),
        Just(Function::LeakyRelu(0.2)),
        Just(Function::Gelu),
        Just(Function::Add(2.0)),
        Just(Function::Multiply(-3.0)),
    ]
}

fn activations() -> impl Strategy<Value = Activation> {
    prop_oneof![Just(Activation::None), Just(Activation::Tanh), Just(Activation::Sigmoid)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn functions_of_elements(shape in lengths(0..4), function in functions()) {
        check(&|tensors, ids| tensors.apply(ids[0], function), vec![input(&shape, spread)]);
    }

    #[test]
    fn functions_of_positive_elements(
        shape in lengths(0..4),
        function in prop_oneof![Just(Function::Log), Just(Function::Sqrt), Just(Function::Power(-1.5))],
    ) {
        check(&|tensors, ids| tensors.apply(ids[0], function), vec![input(&shape, positive)]);
    }

    #[test]
    fn arithmetic_with_broadcasting(shape in lengths(0..4), repeated in prop::collection::vec(any::<bool>(), 4), cut in 0usize..4) {
        let mut smaller: Vec<u32> =
            shape.iter().zip(repeated).map(|(&length, repeated)| if repeated { 1 } else { length }).collect();
        smaller.drain(..cut.min(smaller.len()));
        for swapped in [false, true] {
            let inputs = || {
                let mut shapes = [&shape, &smaller];
                if swapped { shapes.reverse(); }
                vec![input(shapes[0], spread), input(shapes[1], positive)]
            };
            check(&|tensors, ids| tensors.add(ids[0], ids[1]), inputs());
            check(&|tensors, ids| tensors.subtract(ids[0], ids[1]), inputs());
            check(&|tensors, ids| tensors.multiply(ids[0], ids[1]), inputs());
            check(&|tensors, ids| tensors.divide(ids[0], ids[1]), inputs());
        }
    }

    #[test]
    fn layouts(shape in lengths(3), cut in 0u32..5) {
        let count = shape.iter().product::<u32>();
        check(&|tensors, ids| tensors.reshape(ids[0], &[count]), vec![input(&shape, spread)]);
        check(&|tensors, ids| tensors.permute(ids[0], &[2, 0, 1]), vec![input(&shape, spread)]);
        check(&|tensors, ids| tensors.transpose(ids[0], 0, 2), vec![input(&shape, spread)]);
        let end = shape[1];
        check(&|tensors, ids| tensors.slice(ids[0], 1, cut.min(end), end), vec![input(&shape, spread)]);
        let other = [shape[0], cut, shape[2]];
        check(&|tensors, ids| tensors.concatenate(ids, 1), vec![input(&shape, spread), input(&other, spread)]);
    }

    #[test]
    fn reductions(shape in lengths(3), axes in prop::sample::subsequence(vec![0u32, 1, 2], 0..=3), keep: bool) {
        check(&|tensors, ids| tensors.sum(ids[0], &axes, keep), vec![input(&shape, spread)]);
        if !shape.contains(&0) {
            check(&|tensors, ids| tensors.mean(ids[0], &axes, keep), vec![input(&shape, spread)]);
            check(&|tensors, ids| tensors.max(ids[0], &axes, keep), vec![input(&shape, spread)]);
        }
    }

    #[test]
    fn products(sizes in lengths(4), activation in activations()) {
        let &[batch, rows, inner, columns] = &sizes[..] else { unreachable!() };
        let right = || input(&[inner, columns], spread);
        check(&|tensors, ids| tensors.matmul(ids[0], ids[1]), vec![input(&[batch, rows, inner], spread), right()]);
        check(
            &|tensors, ids| tensors.matmul(ids[0], ids[1]),
            vec![input(&[rows, inner], spread), input(&[batch, inner, columns], spread)],
        );
        check(
            &|tensors, ids| tensors.linear(ids[0], ids[1], Some(ids[2]), activation),
            vec![input(&[batch, rows, inner], spread), input(&[columns, inner], spread), input(&[columns], spread)],
        );
    }

    #[test]
    fn convolutions(
        batch in 0u32..3, channels in 0u32..3, out_channels in 0u32..3,
        kernel in prop::array::uniform2(1u32..4), room in prop::array::uniform2(0u32..3),
        stride in prop::array::uniform2(1u32..4), padding in prop::array::uniform2(0u32..3),
        activation in activations(),
    ) {
        let padding = [padding[0].min(kernel[0] - 1), padding[1].min(kernel[1] - 1)];
        let window = Window { stride, padding };
        let weight = [out_channels, kernel[0], kernel[1], channels];
        check(
            &|tensors, ids| tensors.conv2d(ids[0], ids[1], Some(ids[2]), window, activation),
            vec![
                input(&[batch, kernel[0] + room[0], kernel[1] + room[1], channels], spread),
                input(&weight, spread),
                input(&[out_channels], spread),
            ],
        );
        check(
            &|tensors, ids| tensors.conv1d(ids[0], ids[1], None, stride[0], padding[0], activation),
            vec![input(&[batch, kernel[0] + room[0], channels], spread), input(&[out_channels, kernel[0], channels], spread)],
        );
    }

    #[test]
    fn pooling(
        batch in 0u32..3, channels in 0u32..3,
        window in prop::array::uniform2(1u32..4), room in prop::array::uniform2(0u32..3),
        stride in prop::array::uniform2(1u32..4),
    ) {
        let images = || vec![input(&[batch, window[0] + room[0], window[1] + room[1], channels], spread)];
        check(&|tensors, ids| tensors.max_pool2d(ids[0], window, stride), images());
        check(&|tensors, ids| tensors.average_pool2d(ids[0], window, stride), images());
    }

    #[test]
    fn normalisation(outer in 2u32..5, inner in 1u32..4, channels in 0u32..4, training: bool) {
        let inputs = || {
            let channels = input(&[channels], spread);
            let bias = Input { shape: channels.shape.clone(), values: channels.values.clone() };
            vec![input(&[outer, inner, channels.shape[0]], spread), channels, bias]
        };
        check(
            &|tensors, ids| {
                let running_mean = tensors.full(&[channels], 0.3)?;
                let running_variance = tensors.full(&[channels], 1.7)?;
                let options = BatchNorm { running_mean, running_variance, training, momentum: 0.1, epsilon: 0.1 };
                tensors.batch_norm(ids[0], ids[1], ids[2], options)
            },
            inputs(),
        );
        check(&|tensors, ids| tensors.layer_norm(ids[0], ids[1], ids[2], 0.1), inputs());
    }

    #[test]
    fn softmax_and_losses(rows in 1u32..4, classes in 1u32..5, axis in 0u32..2, labels in prop::collection::vec(0u32..100, 4)) {
        let logits = || input(&[rows, classes], spread);
        let labels: Vec<_> = labels[..rows as usize].iter().map(|label| label % classes).collect();
        check(&|tensors, ids| tensors.softmax(ids[0], axis), vec![logits()]);
        check(&|tensors, ids| tensors.log_softmax(ids[0], axis), vec![logits()]);
        check(&|tensors, ids| tensors.cross_entropy(ids[0], &labels), vec![logits()]);
        check(
            &|tensors, ids| tensors.mean_squared_error(ids[0], ids[1]),
            vec![logits(), input(&[rows, classes], positive)],
        );
        check(&|tensors, ids| tensors.embedding(ids[0], &labels), vec![input(&[classes, rows], spread)]);
        check(&|tensors, ids| tensors.dropout(ids[0], 0.4, 9), vec![logits()]);
    }

    #[test]
    fn lstm(batch in 0u32..3, time in 0u32..4, inputs in 0u32..3, hidden in 0u32..3, started: bool) {
        let mut all = vec![
            input(&[batch, time, inputs], spread),
            input(&[4 * hidden, inputs], spread),
            input(&[4 * hidden, hidden], spread),
            input(&[4 * hidden], spread),
        ];
        if started {
            all.extend([input(&[batch, hidden], spread), input(&[batch, hidden], positive)]);
        }
        check(
            &|tensors, ids| {
                let start = ids.get(4).zip(ids.get(5)).map(|(&state, &cell)| (state, cell));
                let (states, cells) = tensors.lstm(ids[0], ids[1], ids[2], ids[3], start)?;
                tensors.concatenate(&[states, cells], 1)
            },
            all,
        );
    }

    #[test]
    fn attention(batch in 0u32..3, queries in 0u32..4, keys in 1u32..4, heads in 1u32..3, causal: bool) {
        let (width, value_width) = (2 * heads, 3 * heads);
        check(
            &|tensors, ids| tensors.attention(ids[0], ids[1], ids[2], heads, causal),
            vec![
                input(&[batch, queries, width], spread),
                input(&[batch, keys, width], spread),
                input(&[batch, keys, value_width], spread),
            ],
        );
    }
}
