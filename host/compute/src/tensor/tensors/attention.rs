//! Attention, as a composition of other operations, so that its gradient is theirs.

use super::Tensors;
use crate::tensor::TensorId;
use crate::tensor::error::TensorError;
use crate::tensor::kernels::{Arithmetic, Function, Softmax};
use crate::tensor::operation::{elementwise, matmul, permute, reshape, softmax};
use crate::tensor::shape::Shape;
use crate::tensor::tape::Variable;
use crate::tensor::value::Tensor;

impl Tensors {
    /// Scaled dot-product attention with several heads: `softmax(query · keyᵀ / √d) · value` for each head, which
    /// has its part of the last dimension; `d` is the length of that part of the query. The query is
    /// `[batch, queries, width]`, the key `[batch, keys, width]`, the value `[batch, keys, value width]`, and the
    /// result `[batch, queries, value width]`. A causal query i sees the keys up to i.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], [`TensorError::InvalidArgument`] unless the number of heads divides both widths,
    /// [`TensorError::TooMuchWork`], and those of every operation.
    pub fn attention(
        &mut self,
        query: TensorId,
        key: TensorId,
        value: TensorId,
        heads: u32,
        causal: bool,
    ) -> Result<TensorId, TensorError> {
        let (query, key, value) = (self.variable(query)?, self.variable(key)?, self.variable(value)?);
        let sizes = Sizes::new(&query.value, &key.value, &value.value, heads as usize)?;
        let recorded = self.tape.len();
        let output = self.attend([&query, &key, &value], &sizes, causal).and_then(|output| self.insert(output));
        if output.is_err() {
            self.tape.truncate(recorded);
        }
        output
    }

    fn attend(
        &mut self,
        [query, key, value]: [&Variable; 3],
        sizes: &Sizes,
        causal: bool,
    ) -> Result<Variable, TensorError> {
        let query = self.split(query, sizes)?;
        let key = self.split(key, sizes)?;
        let value = self.split(value, sizes)?;
        let scale = Function::Multiply((1.0 / (sizes.head_width as f64).sqrt()) as f32);
        let query = self.record(elementwise::map(&self.executor, scale, &query.value), &[&query])?;
        let key = self.record(permute::permute(&self.executor, &key.value, &[0, 1, 3, 2]), &[&key])?;
        let scores = matmul::matmul(&self.executor, &query.value, &key.value);
        let mut scores = self.record(scores, &[&query, &key])?;
        if causal {
            let mask = Variable { value: self.causal_mask(sizes)?, source: None };
            let sum = elementwise::combine(&self.executor, Arithmetic::Add, &scores.value, &mask.value);
            scores = self.record(sum, &[&scores, &mask])?;
        }
        let weights = softmax::softmax(&self.executor, Softmax::Plain, &scores.value, 3);
        let weights = self.record(weights, &[&scores])?;
        let mixed = matmul::matmul(&self.executor, &weights.value, &value.value);
        let mixed = self.record(mixed, &[&weights, &value])?;
        self.merge(&mixed)
    }

    /// `[batch, time, width]` as `[batch, heads, time, width of a head]`.
    fn split(&mut self, input: &Variable, sizes: &Sizes) -> Result<Variable, TensorError> {
        let (width, outer) = input.value.dimensions().split_last().expect("sizes were checked to be of rank three");
        let shape = Shape::new(&[outer, &[sizes.heads, width / sizes.heads]].concat())?;
        let parts = self.record(reshape::reshape(&input.value, shape), &[input])?;
        self.record(permute::permute(&self.executor, &parts.value, &[0, 2, 1, 3]), &[&parts])
    }

    /// `[batch, heads, time, width of a head]` as `[batch, time, width]`.
    fn merge(&mut self, input: &Variable) -> Result<Variable, TensorError> {
        let parts = self.record(permute::permute(&self.executor, &input.value, &[0, 2, 1, 3]), &[input])?;
        let (outer, head) = parts.value.dimensions().split_at(2);
        let shape = Shape::new(&[outer, &[head.iter().product()]].concat())?;
        self.record(reshape::reshape(&parts.value, shape), &[&parts])
    }

    /// Zero where a query sees a key, and else what makes its weight zero.
    fn causal_mask(&self, sizes: &Sizes) -> Result<Tensor, TensorError> {
        self.executor.compute(Shape::new(&[sizes.queries, sizes.keys])?, |mask| {
            for (query, row) in mask.chunks_exact_mut(sizes.keys).enumerate() {
                for (key, out) in row.iter_mut().enumerate() {
                    *out = if key <= query { 0.0 } else { f32::NEG_INFINITY };
                }
            }
        })
    }
}

struct Sizes {
    queries: usize,
    keys: usize,
    heads: usize,
    head_width: usize,
}

impl Sizes {
    fn new(query: &Tensor, key: &Tensor, value: &Tensor, heads: usize) -> Result<Sizes, TensorError> {
        let (&[batch, queries, width], &[key_batch, keys, key_width], &[value_batch, value_keys, value_width]) =
            (query.dimensions(), key.dimensions(), value.dimensions())
        else {
            let rule = "query, key and value need three dimensions, [batch, time, width]";
            return Err(TensorError::shapes("attention", query.shape(), key.shape(), rule));
        };
        if batch != key_batch || width != key_width {
            let rule = "the query and the key need the same batch and width";
            return Err(TensorError::shapes("attention", query.shape(), key.shape(), rule));
        }
        if batch != value_batch || keys != value_keys {
            let rule = "the key and the value need the same batch and time";
            return Err(TensorError::shapes("attention", key.shape(), value.shape(), rule));
        }
        if heads == 0 || width % heads != 0 || value_width % heads != 0 || width == 0 {
            let rule = format!("a divisor of the widths {width} and {value_width}, which must not be 0");
            return Err(TensorError::argument("attention", "the number of heads", heads, rule));
        }
        Ok(Sizes { queries, keys, heads, head_width: width / heads })
    }
}
