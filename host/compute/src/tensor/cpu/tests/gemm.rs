use proptest::prelude::*;

use super::super::{Batched, Finish, Matrix, gemm, gemm_batched};
use super::{Products, assert_near, everywhere, numbers};

/// The product in double precision, with each sum started from a number.
fn reference(shape: &Batched, a: &[f32], b: &[f32], start: impl Fn(usize) -> f32) -> Vec<f64> {
    let Batched { batch, m, n, k, transpose_a, transpose_b } = *shape;
    let mut c = Vec::new();
    for index in 0..batch {
        let (a, b) = (&a[index * m * k..], &b[index * k * n..]);
        for row in 0..m {
            for column in 0..n {
                let mut sum = f64::from(start(c.len()));
                for i in 0..k {
                    let a = if transpose_a { a[i * m + row] } else { a[row * k + i] };
                    let b = if transpose_b { b[column * k + i] } else { b[i * n + column] };
                    sum += f64::from(a) * f64::from(b);
                }
                c.push(sum);
            }
        }
    }
    c
}

fn operand(values: &[f32], rows: usize, columns: usize, is_transposed: bool) -> Matrix<'_> {
    if is_transposed { Matrix::new(values, columns, rows).transposed() } else { Matrix::new(values, rows, columns) }
}

/// A product, finished in each of the ways.
fn check(shape: Batched) {
    let Batched { m, n, k, transpose_a, transpose_b, .. } = shape;
    let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
    let (before, bias) = (numbers(m * n, 3), numbers(n, 4));
    let (left, right) = (operand(&a, m, k, transpose_a), operand(&b, k, n, transpose_b));
    let run = |finish: Finish<'_>, right_result: Vec<f64>| {
        let kernel = |workers: super::Workers<'_>| {
            let mut c = before.clone();
            gemm(workers, left, right, &mut c, finish);
            c
        };
        everywhere(Products::Fused, kernel, |c| assert_near(c, &right_result, 1.0 + k as f64, 1.0));
    };
    run(Finish::default(), reference(&shape, &a, &b, |_| 0.0));
    run(Finish { accumulate: true, ..Finish::default() }, reference(&shape, &a, &b, |place| before[place]));
    let mut right_result = reference(&shape, &a, &b, |place| bias[place % n]);
    run(Finish { bias: Some(&bias), ..Finish::default() }, right_result.clone());
    right_result.iter_mut().for_each(|sum| *sum = sum.max(0.0));
    run(Finish { bias: Some(&bias), relu: true, ..Finish::default() }, right_result);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_product_is_right(
        [m, n] in [0_usize..70, 0_usize..70],
        k in prop_oneof![0_usize..20, 250_usize..520],
        [transpose_a, transpose_b] in [any::<bool>(), any::<bool>()],
    ) {
        check(Batched { batch: 1, m, n, k, transpose_a, transpose_b });
    }

    #[test]
    fn any_batch_is_right(
        batch in 0_usize..6,
        [m, n, k] in [0_usize..40, 0_usize..40, 0_usize..40],
        [transpose_a, transpose_b, accumulate] in [any::<bool>(), any::<bool>(), any::<bool>()],
    ) {
        check_batch(Batched { batch, m, n, k, transpose_a, transpose_b }, accumulate);
    }
}

fn check_batch(shape: Batched, accumulate: bool) {
    let Batched { batch, m, n, k, .. } = shape;
    let (a, b, before) = (numbers(batch * m * k, 1), numbers(batch * k * n, 2), numbers(batch * m * n, 3));
    let right = reference(&shape, &a, &b, |place| if accumulate { before[place] } else { 0.0 });
    let kernel = |workers: super::Workers<'_>| {
        let mut c = before.clone();
        gemm_batched(workers, shape, &a, &b, &mut c, accumulate);
        c
    };
    everywhere(Products::Fused, kernel, |c| assert_near(c, &right, 1.0 + k as f64, 1.0));
}

/// Large enough that rows are shared out among parts, and another one whose columns are.
#[test]
fn parts_add_up_to_the_product() {
    for transpose_b in [false, true] {
        check(Batched { batch: 1, m: 301, n: 97, k: 300, transpose_a: transpose_b, transpose_b });
        check(Batched { batch: 1, m: 17, n: 555, k: 301, transpose_a: !transpose_b, transpose_b });
        check_batch(Batched { batch: 3, m: 130, n: 190, k: 180, transpose_a: false, transpose_b }, transpose_b);
    }
}

#[test]
fn what_is_not_a_number_stays_so() {
    let (a, b) = ([f32::NAN, 1.0], [1.0, 2.0, 3.0, 4.0]);
    let kernel = |workers: super::Workers<'_>| {
        let mut c = vec![0.0; 2];
        let finish = Finish { relu: true, ..Finish::default() };
        gemm(workers, Matrix::new(&a, 1, 2), Matrix::new(&b, 2, 2), &mut c, finish);
        c
    };
    everywhere(Products::Fused, kernel, |c| assert!(c.iter().all(|number| number.is_nan())));
}
