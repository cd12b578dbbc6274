//! The gradient of an output that ended with ReLU, which counts only where the output is above zero.

use crate::tensor::cpu::activation::where_positive;
use crate::tensor::cpu::level::Level;
use crate::tensor::cpu::scratch::Scratch;

/// Room for the gradient that counts.
pub(in super::super) struct Masked(Scratch);

impl Masked {
    /// For gradients of at most so many numbers, of outputs that ended with ReLU if `is_masked`.
    pub(in super::super) fn new(length: usize, is_masked: bool) -> Self {
        Self(Scratch::new(if is_masked { length } else { 0 }))
    }

    /// The gradient, zero where ReLU's output is not positive; as it is if there is no such output.
    pub(in super::super) fn of<'a>(
        &'a mut self,
        level: Level,
        gradient: &'a [f32],
        activated: Option<&[f32]>,
    ) -> &'a [f32] {
        let Some(output) = activated else { return gradient };
        let masked = &mut self.0[..gradient.len()];
        where_positive(level, output, gradient, masked);
        masked
    }
}
