//! The product of rows with a weight whose first dimension is that of the output, and those for its gradients.

use crate::tensor::kernels::Batched;

/// `input · weightᵀ` for an input of `rows` rows of length `inputs` and a weight `[outputs, inputs]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    pub(super) rows: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl Product {
    /// The product itself, of the input and the weight.
    pub(super) fn forward(self) -> Batched {
        let Product { rows, inputs, outputs } = self;
        Batched { batch: 1, m: rows, n: outputs, k: inputs, transpose_a: false, transpose_b: true }
    }

    /// The gradient of the input: the product of that of the output and the weight.
    pub(super) fn of_input(self) -> Batched {
        let Product { rows, inputs, outputs } = self;
        Batched { batch: 1, m: rows, n: inputs, k: outputs, transpose_a: false, transpose_b: false }
    }

    /// The gradient of the weight: the product of that of the output, transposed, and the input.
    pub(super) fn of_weight(self) -> Batched {
        let Product { rows, inputs, outputs } = self;
        Batched { batch: 1, m: outputs, n: inputs, k: rows, transpose_a: true, transpose_b: false }
    }
}
