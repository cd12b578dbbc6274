//! Products: of matrices, and all else that one shader computes tile by tile because it can be seen as such.

use super::elementwise::text_of;
use super::kernel::Kernel;
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{Batched, Function};
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

const PRODUCT: &str = include_str!("kernels/product.wgsl");
const ADD_PARTS: &str = include_str!("kernels/add_parts.wgsl");
const MATRICES: &str = include_str!("kernels/operands_matrices.wgsl");

/// The tile of a workgroup.
const TILE_ROWS: usize = 64;
const TILE_COLUMNS: usize = 32;
/// Workgroups that a product should have, so that all of a GPU has something to do.
const GROUPS_WANTED: usize = 256;
/// Terms that are worth a part of their own.
const PART_TERMS_MIN: usize = 256;
/// The most terms of a part in one dispatch. An invocation makes a few more iterations than there are terms.
const PART_TERMS_MAX: usize = 1 << 15;

/// A product by the shader `product.wgsl`.
pub(super) struct Product<'a> {
    /// The number of products. Those of several have one part each.
    pub(super) batch: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) terms: usize,
    pub(super) operands: [&'a Tensor; 2],
    /// The shader's functions that find the operands' elements.
    pub(super) source: &'static str,
    /// The parameters of these functions.
    pub(super) parameters: Words,
}

/// What is done to the numbers of a product at its end.
#[derive(Clone, Copy, Default)]
pub(super) struct Finish<'a> {
    /// Is added, one number for each column.
    pub(super) bias: Option<&'a Tensor>,
    /// Is applied then.
    pub(super) function: Option<Function>,
}

impl Finish<'_> {
    fn fill_in(&self, kernel: Kernel, binding: u32) -> Kernel {
        // Activations have no numbers.
        let function = self.function.map_or("x", |function| text_of(function).0);
        let kernel = kernel.with("$FUNCTION", function);
        if self.bias.is_none() {
            return kernel.with("$SUM", "sum").with("$BINDINGS", "");
        }
        let bias = format!("@group(0) @binding({binding}) var<storage, read> bias: array<f32>;");
        kernel.with("$SUM", "sum + bias[column]").with("$BINDINGS", bias)
    }
}

/// Computes a product, as a tensor of this shape.
pub(super) fn multiply(
    site: Site<'_>,
    product: &Product<'_>,
    finish: Finish<'_>,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    let tiles = product.rows.div_ceil(TILE_ROWS) * product.columns.div_ceil(TILE_COLUMNS);
    let parts_wanted = if product.batch == 1 { GROUPS_WANTED / tiles.max(1) } else { 1 };
    let parts = parts_wanted.min(product.terms / PART_TERMS_MIN).max(1);
    if parts == 1 {
        let output = site.output(shape)?;
        add_terms(site, product, finish, 1, &output)?;
        return Ok(output);
    }
    // The scratch is on the account as any tensor is.
    let sums = site.output(Shape::new(&[parts, product.rows, product.columns])?)?;
    add_terms(site, product, Finish::default(), parts, &sums)?;
    let output = site.output(shape)?;
    let kernel = finish.fill_in(Kernel::new(ADD_PARTS), 3);
    let operands: Vec<_> = [&sums, &output].into_iter().chain(finish.bias).collect();
    let parameters = Words::new().counts([parts, product.columns]);
    site.run_each(kernel, shape.elements(), parameters, &operands)?;
    Ok(output)
}

/// Adds up the terms of each part, in as many dispatches as it takes.
fn add_terms(
    site: Site<'_>,
    product: &Product<'_>,
    finish: Finish<'_>,
    parts: usize,
    output: &Tensor,
) -> Result<(), TensorError> {
    let (row_tiles, column_tiles) = (product.rows.div_ceil(TILE_ROWS), product.columns.div_ceil(TILE_COLUMNS));
    let step = parts * PART_TERMS_MAX;
    // Without terms there is still something to write.
    for first in (0..product.terms.max(1)).step_by(step) {
        let last = product.terms.min(first + step);
        let part_terms = (last - first).div_ceil(parts);
        let now = if last == product.terms { finish } else { Finish::default() };
        let kernel = now.fill_in(Kernel::new(PRODUCT), 4);
        let kernel = kernel.with("$OPERANDS", product.source);
        let parameters = Words::new()
            .counts([product.rows, product.columns, row_tiles, column_tiles, parts])
            .counts([first, last, part_terms])
            .flag(first > 0)
            .counts([0, 0])
            .and(&product.parameters);
        let groups = product.batch * row_tiles * column_tiles * parts;
        let work = TILE_ROWS * TILE_COLUMNS * part_terms.max(1);
        let [left, right] = product.operands;
        let operands: Vec<_> = [left, right, output].into_iter().chain(now.bias).collect();
        site.run(kernel, groups, work, parameters, &operands)?;
    }
    Ok(())
}

/// A batch of products of matrices, each operand from a place on, as a tensor of this shape.
pub(crate) fn gemm(
    site: Site<'_>,
    product: Batched,
    (left, left_start): (&Tensor, usize),
    (right, right_start): (&Tensor, usize),
    bias: Option<&Tensor>,
    function: Option<Function>,
    shape: Shape,
) -> Result<Tensor, TensorError> {
    let Batched { batch, m, n, k, transpose_a, transpose_b } = product;
    let [left_row, left_term] = if transpose_a { [1, m] } else { [k, 1] };
    let [right_term, right_column] = if transpose_b { [1, k] } else { [n, 1] };
    let product = Product {
        batch,
        rows: m,
        columns: n,
        terms: k,
        operands: [left, right],
        source: MATRICES,
        parameters: Words::new().counts([left_start, m * k, left_row, left_term]).counts([
            right_start,
            k * n,
            right_term,
            right_column,
        ]),
    };
    multiply(site, &product, Finish { bias, function }, shape)
}
