//! The loss of a classifier: the cross-entropy of its logits with the labels.

use super::{Backward, Forward, Gradients};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels;
use crate::tensor::memory::Indices;
use crate::tensor::value::Tensor;

/// The mean of `−log softmax(logits)[label]` over the rows of logits `[rows, classes]`; not-a-number of no rows.
pub(crate) fn cross_entropy(executor: &Executor, logits: &Tensor, labels: &[u32]) -> Forward<CrossEntropy> {
    let &[rows, classes] = logits.dimensions() else {
        let rule = "a shape [rows, classes]";
        return Err(TensorError::argument("cross-entropy", "the logits' shape", logits.shape(), rule));
    };
    if labels.len() != rows {
        let rule = format!("{rows}, one for each row of the logits' shape {}", logits.shape());
        return Err(TensorError::argument("cross-entropy", "the number of labels", labels.len(), rule));
    }
    check_indices("cross-entropy", "a label", labels, classes)?;
    let output = kernels::cross_entropy(executor, classes, logits, labels)?;
    Ok((output, CrossEntropy { classes, logits: logits.clone(), labels: executor.memory.indices(labels)? }))
}

/// What [`cross_entropy`] keeps.
pub(crate) struct CrossEntropy {
    classes: usize,
    logits: Tensor,
    labels: Indices,
}

impl Backward for CrossEntropy {
    fn backward(&self, executor: &Executor, gradient: &Tensor, _: &[bool]) -> Result<Gradients, TensorError> {
        let labels = &self.labels.values;
        Ok(vec![Some(kernels::cross_entropy_backward(executor, self.classes, &self.logits, labels, gradient)?)])
    }
}

/// Checks that indices which a guest gave are below a count.
pub(super) fn check_indices(
    operation: &'static str,
    argument: &'static str,
    indices: &[u32],
    count: usize,
) -> Result<(), TensorError> {
    match indices.iter().find(|&&index| index as usize >= count) {
        None => Ok(()),
        Some(index) => Err(TensorError::argument(operation, argument, index, format!("less than {count}"))),
    }
}
