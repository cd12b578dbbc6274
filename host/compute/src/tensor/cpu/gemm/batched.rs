//! Many products of the same shape, as attention has them.

use super::pack::pack_columns;
use super::{Finish, Matrix, PART_ROWS_MAX, PART_TERMS, PARTS_WANTED, Product, gemm};
use crate::tensor::cpu::scratch::Scratch;
use crate::tensor::cpu::tile::COLUMNS_MAX;
use crate::tensor::cpu::workers::Workers;

/// The most numbers of a right operand that every thread has a copy of: 8 MiB. All threads share one of a larger.
const COPIED_NUMBERS_MAX: usize = 1 << 21;

/// The shape of a batch of products: `m × k` by `k × n`.
#[derive(Clone, Copy, Debug)]
pub struct Batched {
    /// How many products.
    pub batch: usize,
    /// Rows of the left operand and of the result.
    pub m: usize,
    /// Columns of the right operand and of the result.
    pub n: usize,
    /// Columns of the left operand and rows of the right one.
    pub k: usize,
    /// Whether the left operands are stored transposed, `k × m`.
    pub transpose_a: bool,
    /// Whether the right operands are stored transposed, `n × k`.
    pub transpose_b: bool,
}

impl Batched {
    /// The numbers that a product needs memory for beside its operands and its result, at most: copies of operands, with
    /// columns up to the width of the widest tile. It is the same on every machine.
    pub fn scratch_len(&self) -> usize {
        let right = self.n.next_multiple_of(COLUMNS_MAX).saturating_mul(self.k);
        right.saturating_add(self.m.min(PARTS_WANTED * PART_ROWS_MAX).saturating_mul(self.k))
    }

    /// The operands of one product.
    pub(in crate::tensor) fn operands<'a>(&self, a: &'a [f32], b: &'a [f32], index: usize) -> (Matrix<'a>, Matrix<'a>) {
        let Self { m, n, k, .. } = *self;
        let (a, b) = (&a[index * m * k..][..m * k], &b[index * k * n..][..k * n]);
        let a = if self.transpose_a { Matrix::new(a, k, m).transposed() } else { Matrix::new(a, m, k) };
        let b = if self.transpose_b { Matrix::new(b, n, k).transposed() } else { Matrix::new(b, k, n) };
        (a, b)
    }
}

/// A batch of products, each operand and the results one after another in a slice. With `accumulate` the products are
/// added to what the results hold.
///
/// # Panics
/// When a slice doesn't have the numbers that the shape says.
pub fn gemm_batched(workers: Workers<'_>, shape: Batched, a: &[f32], b: &[f32], c: &mut [f32], accumulate: bool) {
    let Batched { batch, m, n, k, .. } = shape;
    assert_eq!(a.len(), batch * m * k, "the numbers on the left");
    assert_eq!(b.len(), batch * k * n, "the numbers on the right");
    assert_eq!(c.len(), batch * m * n, "the numbers of the results");
    if c.is_empty() {
        return;
    }
    let finish = Finish { accumulate, ..Finish::default() };
    let product = Product::new(workers, k, n, finish);
    let terms = product.terms(m);
    let is_large = product.packed_length() > COPIED_NUMBERS_MAX;
    if is_large || (batch < PARTS_WANTED && terms >= PARTS_WANTED * PART_TERMS) {
        for (index, c) in c.chunks_mut(m * n).enumerate() {
            let (a, b) = shape.operands(a, b, index);
            gemm(workers, a, b, c, finish);
        }
        return;
    }
    let together = PART_TERMS.div_ceil(terms);
    workers.each(c.chunks_mut(together * m * n), |part, c| {
        let mut packed = Scratch::new(product.packed_length());
        for (index, c) in c.chunks_mut(m * n).enumerate() {
            let (a, b) = shape.operands(a, b, part * together + index);
            for (panel, packed) in packed.chunks_mut((k * product.kernel.columns).max(1)).enumerate() {
                pack_columns(product.kernel, b, 0..k, panel * product.kernel.columns, packed);
            }
            product.rows(a, 0, &packed, c);
        }
    });
}
