use proptest::prelude::*;
use proptest::sample::select;

use super::super::{ConvBackward, ConvGradients, ConvShape, Workers, conv2d, conv2d_backward};
use super::{Products, assert_near, everywhere, numbers};

/// Visits every product that a convolution is a sum of, by its place in the input, the weights and the output.
fn each_product(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let inside = |place: usize, padding: usize, length: usize| place.checked_sub(padding).filter(|&at| at < length);
    let [kernel_h, kernel_w] = shape.kernel;
    let mut output = 0;
    for image in 0..shape.batch {
        for out_y in 0..shape.out_height() {
            for out_x in 0..shape.out_width() {
                for to in 0..shape.out_channels {
                    for y in 0..kernel_h {
                        for x in 0..kernel_w {
                            let row = inside(out_y * shape.stride[0] + y, shape.padding[0], shape.height);
                            let column = inside(out_x * shape.stride[1] + x, shape.padding[1], shape.width);
                            let (Some(row), Some(column)) = (row, column) else { continue };
                            let input = ((image * shape.height + row) * shape.width + column) * shape.in_channels;
                            let weight = ((to * kernel_h + y) * kernel_w + x) * shape.in_channels;
                            for from in 0..shape.in_channels {
                                visit(input + from, weight + from, output);
                            }
                        }
                    }
                    output += 1;
                }
            }
        }
    }
}

/// A convolution as networks have the most of: of 3 × 3, with images that keep their size.
fn same(batch: usize, size: usize, in_channels: usize, out_channels: usize) -> ConvShape {
    let [kernel, stride, padding] = [[3, 3], [1, 1], [1, 1]];
    ConvShape { batch, height: size, width: size, in_channels, out_channels, kernel, stride, padding }
}

fn check(shape: ConvShape) {
    let (input, weight) = (numbers(shape.input_len(), 1), numbers(shape.weight_len(), 2));
    let (bias, gradient) = (numbers(shape.out_channels, 3), numbers(shape.output_len(), 4));
    let product = |a: f32, b: f32| f64::from(a) * f64::from(b);
    let terms = 1.0 + (shape.kernel[0] * shape.kernel[1] * shape.in_channels) as f64;

    let mut output: Vec<f64> = bias.iter().cycle().take(shape.output_len()).copied().map(f64::from).collect();
    each_product(&shape, |i, w, o| output[o] += product(input[i], weight[w]));
    let forward = |bias: Option<&[f32]>, relu: bool| {
        let (input, weight) = (&input, &weight);
        let bias = bias.map(<[f32]>::to_vec);
        move |workers: Workers<'_>| {
            let mut output = vec![f32::NAN; shape.output_len()];
            conv2d(workers, &shape, input, weight, bias.as_deref(), relu, &mut output);
            output
        }
    };
    everywhere(Products::Fused, forward(Some(&bias), false), |found| assert_near(found, &output, terms, 1.0));
    let positive: Vec<f64> = output.iter().map(|number| number.max(0.0)).collect();
    everywhere(Products::Fused, forward(Some(&bias), true), |found| assert_near(found, &positive, terms, 1.0));
    let plain: Vec<f64> =
        output.iter().zip(bias.iter().cycle()).map(|(number, bias)| number - f64::from(*bias)).collect();
    everywhere(Products::Fused, forward(None, false), |found| assert_near(found, &plain, terms, 1.0));

    // With the output after ReLU the gradient counts only where that is above zero.
    let activated: Vec<f32> = positive.iter().map(|&number| number as f32).collect();
    for activated in [None, Some(activated.as_slice())] {
        let counts = |place: usize| activated.is_none_or(|output| output[place] > 0.0);
        let gradient_of = |place: usize| if counts(place) { gradient[place] } else { 0.0 };
        let mut right = vec![0.0; shape.input_len() + shape.weight_len() + shape.out_channels];
        let (of_input, others) = right.split_at_mut(shape.input_len());
        let (of_weight, of_bias) = others.split_at_mut(shape.weight_len());
        each_product(&shape, |i, w, o| {
            of_input[i] += product(gradient_of(o), weight[w]);
            of_weight[w] += product(gradient_of(o), input[i]);
        });
        for place in 0..shape.output_len() {
            of_bias[place % shape.out_channels] += f64::from(gradient_of(place));
        }
        let kernel = |workers: Workers<'_>| {
            let mut found = vec![f32::NAN; right.len()];
            let (of_input, others) = found.split_at_mut(shape.input_len());
            let (of_weight, of_bias) = others.split_at_mut(shape.weight_len());
            let from = ConvBackward { input: &input, weight: &weight, activated, gradient: &gradient };
            let to = ConvGradients { input: Some(of_input), weight: Some(of_weight), bias: Some(of_bias) };
            conv2d_backward(workers, &shape, from, to);
            found
        };
        let taps = shape.kernel[0] * shape.kernel[1];
        let pixels = shape.batch * shape.out_height() * shape.out_width();
        let pieces = [
            (shape.input_len(), taps * shape.out_channels),
            (shape.weight_len(), pixels),
            (shape.out_channels, pixels),
        ];
        everywhere(Products::Fused, kernel, |found| {
            let mut start = 0;
            for (length, terms) in pieces {
                let piece = start..start + length;
                assert_near(&found[piece.clone()], &right[piece], 1.0 + terms as f64, 1.0);
                start += length;
            }
        });
    }
}

prop_compose! {
    /// Shapes that are computed by transformation, most of them.
    fn shapes_of_networks()(
        images in 1_usize..4,
        [height, width] in [5_usize..19, 5_usize..19],
        [in_channels, out_channels] in [select(vec![16_usize, 32]), select(vec![16_usize, 32, 48, 80])],
        padding in [0_usize..3, 0_usize..3],
    ) -> ConvShape {
        let [kernel, stride] = [[3, 3], [1, 1]];
        let tiles = height.div_ceil(4) * width.div_ceil(4);
        let batch = images + 64 / tiles;
        ConvShape { batch, height, width, in_channels, out_channels, kernel, stride, padding }
    }
}

prop_compose! {
    fn shapes()(
        batch in 0_usize..4,
        [height, width] in [0_usize..12, 0_usize..20],
        [in_channels, out_channels] in [0_usize..6, 0_usize..40],
        kernel in [1_usize..5, 1_usize..5],
        stride in [1_usize..4, 1_usize..4],
        padding in [0_usize..6, 0_usize..6],
    ) -> ConvShape {
        ConvShape { batch, height, width, in_channels, out_channels, kernel, stride, padding }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_convolution_is_right(shape in shapes()) {
        check(shape);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_convolution_of_networks_is_right(shape in shapes_of_networks()) {
        prop_assume!(shape.is_transformed());
        check(shape);
    }
}

/// Sizes as networks have them, enough of them for several parts: images to each part, and parts to each image.
#[test]
fn convolutions_of_networks_are_right() {
    check(same(9, 14, 16, 32));
    check(same(1, 24, 20, 33));
    check(same(20, 6, 3, 10));
    check(ConvShape { stride: [2, 2], ..same(3, 17, 16, 48) });
    check(ConvShape { height: 1, kernel: [1, 11], padding: [0, 5], ..same(5, 50, 24, 32) });
    check(ConvShape { kernel: [1, 1], padding: [0, 0], ..same(2, 9, 70, 20) });
}

/// Every padding, and outputs of all sizes beyond whole tiles, with channels that fill the tiles of matrix products and
/// some that don't.
#[test]
fn transformed_convolutions_are_right_at_every_edge() {
    for case in 0..9 * 4 {
        let [padding_y, padding_x, rest_y] = [case % 3, case / 3 % 3, case / 9];
        let rest_x = (rest_y + case) % 4;
        let shape = ConvShape {
            batch: 16,
            height: 5 + rest_y + 2 - 2 * padding_y,
            width: 5 + rest_x + 2 - 2 * padding_x,
            in_channels: 16,
            out_channels: if case % 5 == 0 { 80 } else { 16 },
            kernel: [3, 3],
            stride: [1, 1],
            padding: [padding_y, padding_x],
        };
        assert!(shape.is_transformed(), "{shape:?}");
        check(shape);
    }
}

/// Images without a pixel, whose outputs are sums of nothing.
#[test]
fn transformed_convolutions_of_nothing_are_zeros() {
    let shape = ConvShape {
        batch: 64,
        height: 4,
        width: 0,
        in_channels: 16,
        out_channels: 16,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 2],
    };
    check(shape);
}

/// A number that isn't one reaches the output, and nothing far from it.
#[test]
fn what_is_not_a_number_stays_near() {
    let shape = same(4, 16, 16, 16);
    assert!(shape.is_transformed());
    let (mut input, weight) = (numbers(shape.input_len(), 1), numbers(shape.weight_len(), 2));
    let mut output = vec![0.0; shape.output_len()];
    // The first pixel of the second tile in the first image, whose window the first tile has, too.
    input[4 * 16 + 3] = f32::NAN;
    conv2d(Workers::new(None, 0), &shape, &input, &weight, None, true, &mut output);
    for (pixel, output) in output.chunks(16).enumerate() {
        let (y, x) = (pixel / 16, pixel % 16);
        if y <= 1 && (3..=5).contains(&x) {
            assert!(output.iter().all(|number| number.is_nan()), "row {y}, column {x}");
        } else if y >= 4 || x >= 8 {
            assert!(output.iter().all(|number| number.is_finite()), "row {y}, column {x}");
        }
    }
}

/// Fewer multiplications cost precision: the errors of convolutions that are computed by transformation may be three
/// times those of plain sums in their order, in the root of the mean square. They were 2.2 times as large for the output, and
/// the same for the weights' gradient, when this was written.
#[test]
fn transformed_convolutions_are_nearly_as_precise_as_sums() {
    let shape = same(4, 16, 32, 32);
    let (input, weight) = (numbers(shape.input_len(), 1), numbers(shape.weight_len(), 2));
    let gradient = numbers(shape.output_len(), 3);
    let (mut output, mut of_weight) = (vec![0.0; shape.output_len()], vec![0.0; shape.weight_len()]);
    let mut of_input = vec![0.0; shape.input_len()];
    let workers = Workers::new(Some(&super::THREADS[1]), 0);
    conv2d(workers, &shape, &input, &weight, None, false, &mut output);
    let from = ConvBackward { input: &input, weight: &weight, activated: None, gradient: &gradient };
    let to = ConvGradients { weight: Some(&mut of_weight), input: Some(&mut of_input), bias: None };
    conv2d_backward(workers, &shape, from, to);

    let found = [output, of_weight, of_input];
    let mut right = found.each_ref().map(|found| vec![0.0_f64; found.len()]);
    let mut sums = found.each_ref().map(|found| vec![0.0_f32; found.len()]);
    each_product(&shape, |i, w, o| {
        let products = [(o, [input[i], weight[w]]), (w, [input[i], gradient[o]]), (i, [weight[w], gradient[o]])];
        for (place, (to, [a, b])) in products.into_iter().enumerate() {
            right[place][to] += f64::from(a) * f64::from(b);
            sums[place][to] = a.mul_add(b, sums[place][to]);
        }
    });
    let error = |found: &[f32], right: &[f64]| {
        let squares = found.iter().zip(right).map(|(found, right)| (f64::from(*found) - right).powi(2));
        (squares.sum::<f64>() / right.len() as f64).sqrt()
    };
    for (found, (sums, right)) in found.iter().zip(sums.iter().zip(&right)) {
        let (found, sums) = (error(found, right), error(sums, right));
        assert!(found < 3.0 * sums, "an error of {found:e}, and of {sums:e} for plain sums");
    }
}

/// A gradient that isn't asked for is not computed, and the others are the same without it.
#[test]
fn gradients_can_be_asked_for_one_by_one() {
    let direct = ConvShape { width: 7, ..same(3, 5, 4, 6) };
    let transformed = ConvShape { batch: 16, in_channels: 16, out_channels: 32, ..direct };
    assert!(transformed.is_transformed());
    check_one_by_one(direct);
    check_one_by_one(transformed);
}

fn check_one_by_one(shape: ConvShape) {
    let (input, weight) = (numbers(shape.input_len(), 1), numbers(shape.weight_len(), 2));
    let gradient = numbers(shape.output_len(), 4);
    let workers = Workers::new(Some(&super::THREADS[1]), 0);
    let run = |asked: [bool; 3]| {
        let mut found = [vec![0.0; shape.input_len()], vec![0.0; shape.weight_len()], vec![0.0; shape.out_channels]];
        let [of_input, of_weight, of_bias] = &mut found;
        let to = ConvGradients {
            input: asked[0].then_some(of_input),
            weight: asked[1].then_some(of_weight),
            bias: asked[2].then_some(of_bias),
        };
        let from = ConvBackward { input: &input, weight: &weight, activated: None, gradient: &gradient };
        conv2d_backward(workers, &shape, from, to);
        found
    };
    let all = run([true; 3]);
    for one in 0..3 {
        let found = run(std::array::from_fn(|place| place == one));
        for place in 0..3 {
            let zeros = vec![0.0; all[place].len()];
            assert_eq!(&found[place], if place == one { &all[place] } else { &zeros });
        }
    }
}
