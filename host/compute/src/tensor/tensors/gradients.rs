//! Gradients: which tensors have them, and computing them.

use std::collections::BTreeSet;

use super::{TENSORS_MAX, Tensors};
use crate::tensor::TensorId;
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, Function};
use crate::tensor::operation::elementwise;
use crate::tensor::tape;
use crate::tensor::value::Tensor;

/// Added to the norm that gradients are clipped by, as PyTorch does, so that it is never zero.
const CLIP_EPSILON: f64 = 1e-6;

impl Tensors {
    /// Says that a tensor is to have gradients: operations on it are recorded from now on.
    ///
    /// # Errors
    /// [`TensorError::UnknownTensor`], and [`TensorError::InvalidArgument`] for one that was itself computed from such
    /// a tensor: detach it first.
    pub fn require_gradient(&mut self, id: TensorId) -> Result<(), TensorError> {
        let variable = self.variable(id)?;
        let entry = self.entry_mut(id)?;
        if !entry.requires_gradient && variable.source.is_some() {
            let rule = "one that was not computed from a tensor that requires a gradient; detach it first";
            return Err(TensorError::argument("require-gradient", "the tensor", id, rule));
        }
        entry.requires_gradient = true;
        Ok(())
    }

    /// The same elements without the tape: a constant. They are shared, not copied.
    ///
    /// # Errors
    /// [`TensorError::UnknownTensor`], [`TensorError::TooMany`].
    pub fn detach(&mut self, id: TensorId) -> Result<TensorId, TensorError> {
        let value = self.entry(id)?.value.clone();
        self.insert_constant(value)
    }

    /// Computes the gradient of a tensor of one element with respect to every tensor that requires one, and adds it
    /// to the gradient there. The tape is dropped, also by an error; then no gradient has changed.
    ///
    /// # Errors
    /// [`TensorError::NoTape`] when it was not computed from such a tensor, [`TensorError::InvalidArgument`] when it
    /// has not one element, [`TensorError::OutOfMemory`], [`TensorError::Stopped`].
    pub fn backward(&mut self, id: TensorId) -> Result<(), TensorError> {
        let variable = self.variable(id)?;
        if variable.value.shape().elements() != 1 {
            let shape = variable.value.shape();
            return Err(TensorError::argument(
                "backward",
                "the shape",
                shape,
                "one of a single element, as a loss has",
            ));
        }
        let Self { tape, executor, entries, .. } = self;
        let gradients = tape.backward(executor, &variable).ok_or(TensorError::NoTape { id })??;
        // Every sum is computed before the first is stored: any of them may find no room.
        let mut sums = Vec::with_capacity(gradients.len());
        for (id, gradient) in gradients {
            if let Some(entry) = entries.get(&id) {
                sums.push((
                    id,
                    match &entry.gradient {
                        Some(earlier) => tape::add(executor, earlier, &gradient)?,
                        None => gradient,
                    },
                ));
            }
        }
        for (id, sum) in sums {
            if let Some(entry) = entries.get_mut(&id) {
                entry.gradient = Some(sum);
            }
        }
        Ok(())
    }

    /// A tensor's gradient, if it has one, as a tensor of its own, which later changes do not reach.
    ///
    /// # Errors
    /// [`TensorError::UnknownTensor`], [`TensorError::TooMany`].
    pub fn gradient(&mut self, id: TensorId) -> Result<Option<TensorId>, TensorError> {
        let gradient = self.entry(id)?.gradient.clone();
        gradient.map(|gradient| self.insert_constant(gradient)).transpose()
    }

    /// Drops the gradients of these tensors.
    ///
    /// # Errors
    /// [`TensorError::UnknownTensor`].
    pub fn zero_gradients(&mut self, ids: &[TensorId]) -> Result<(), TensorError> {
        self.require(ids)?;
        for id in ids {
            self.entry_mut(*id)?.gradient = None;
        }
        Ok(())
    }

    /// Turns recording on or off until the end of the message, and says whether it was on. Where no gradients are
    /// needed, as when a model is only used, turning it off saves the memory of the tape.
    pub fn set_recording(&mut self, recording: bool) -> bool {
        self.tape.set_recording(recording)
    }

    /// Scales the gradients of these tensors so that the norm of all of them together is at most `norm_max`, and
    /// returns the norm that they had: each is multiplied with norm_max / (norm + 10⁻⁶) when that is less than 1.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] unless the norm is a positive number, [`TensorError::UnknownTensor`],
    /// [`TensorError::OutOfMemory`].
    pub fn clip_gradient_norm(&mut self, ids: &[TensorId], norm_max: f64) -> Result<f64, TensorError> {
        if norm_max.is_nan() || norm_max <= 0.0 {
            return Err(TensorError::argument("clip-gradient-norm", "the norm", norm_max, "above 0"));
        }
        self.require(ids)?;
        // One that is named twice is still one.
        let ids: BTreeSet<_> = ids.iter().copied().collect();
        let gradients: Vec<_> =
            ids.iter().filter_map(|&id| Some((id, self.entries.get(&id)?.gradient.clone()?))).collect();
        let squares = gradients.iter().map(|(_, gradient)| {
            self.executor.check_stop()?;
            kernels::sum_of_squares(&self.executor, gradient)
        });
        let norm = squares.sum::<Result<f64, TensorError>>()?.sqrt();
        let factor = norm_max / (norm + CLIP_EPSILON);
        if factor < 1.0 {
            let scale = |gradient| scaled(&self.executor, gradient, factor);
            let scaled: Vec<_> =
                gradients.iter().map(|(id, gradient)| Ok((*id, scale(gradient)?))).collect::<Result<_, _>>()?;
            for (id, gradient) in scaled {
                self.entry_mut(id)?.gradient = Some(gradient);
            }
        }
        Ok(norm)
    }

    /// Fails unless there are tensors of all these ids, of which there are no more than there may be tensors.
    pub(super) fn require(&self, ids: &[TensorId]) -> Result<(), TensorError> {
        if ids.len() > TENSORS_MAX {
            return Err(TensorError::TooMany {
                what: "tensors that one call names",
                name: "TENSORS_MAX",
                limit: TENSORS_MAX,
                remedy: "name fewer at a time",
            });
        }
        ids.iter().try_for_each(|&id| self.entry(id).map(drop))
    }
}

fn scaled(executor: &Executor, gradient: &Tensor, factor: f64) -> Result<Tensor, TensorError> {
    Ok(elementwise::map(executor, Function::Multiply(factor as f32), gradient)?.0)
}
