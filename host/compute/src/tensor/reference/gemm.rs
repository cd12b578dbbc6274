//! Products of matrices.

use crate::tensor::cpu::Batched;

/// `output[batch] = left[batch] · right[batch]`, each row-major and one matrix after another.
pub(crate) fn gemm(shape: &Batched, left: &[f32], right: &[f32], output: &mut [f32]) {
    let Batched { batch, m: rows, n: columns, k: inner, transpose_a, transpose_b } = *shape;
    for b in 0..batch {
        let left = &left[b * rows * inner..][..rows * inner];
        let right = &right[b * inner * columns..][..inner * columns];
        let output = &mut output[b * rows * columns..][..rows * columns];
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = 0.0;
                for k in 0..inner {
                    let a = if transpose_a { left[k * rows + row] } else { left[row * inner + k] };
                    let b = if transpose_b { right[column * inner + k] } else { right[k * columns + column] };
                    sum += f64::from(a) * f64::from(b);
                }
                output[row * columns + column] = sum as f32;
            }
        }
    }
}
