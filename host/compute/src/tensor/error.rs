//! Why a tensor operation was not done. Nothing is changed by an operation that fails, and every message names
//! the operation, what it was given and what it takes.

use std::fmt::Display;

use super::shape::Shape;
use super::{OptimiserId, TensorId};

/// Why a tensor operation was not done. An operation that fails changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// No tensor has this id.
    #[error("there is no tensor {id}: it was freed, or belongs to another actor")]
    UnknownTensor {
        /// The id that was named.
        id: TensorId,
    },

    /// No optimiser has this id.
    #[error("there is no optimiser {id}: it was freed, or belongs to another actor")]
    UnknownOptimiser {
        /// The id that was named.
        id: OptimiserId,
    },

    /// Two tensors do not fit together.
    #[error("{operation}: the shapes {left:?} and {right:?} do not fit: {rule}")]
    ShapeMismatch {
        /// The operation.
        operation: &'static str,
        /// The first shape.
        left: Vec<u32>,
        /// The second shape.
        right: Vec<u32>,
        /// What the operation takes.
        rule: &'static str,
    },

    /// A shape that no tensor can have.
    #[error("no tensor can have the shape {dimensions:?}: the limit is {limit}")]
    InvalidShape {
        /// The dimensions that were asked for.
        dimensions: Vec<usize>,
        /// The limit, by name and value.
        limit: &'static str,
    },

    /// An argument that the operation does not take.
    #[error("{operation}: {argument} is {value}, and must be {rule}")]
    InvalidArgument {
        /// The operation.
        operation: &'static str,
        /// The argument's name.
        argument: &'static str,
        /// The value that was given.
        value: String,
        /// What the operation takes.
        rule: String,
    },

    /// The actor's tensors would need more memory than they may. Freeing some makes room.
    #[error(
        "no room for {needed_bytes} more bytes of tensors: {used_bytes} of {limit_bytes} are in use; free tensors, \
         or raise the limit of compute memory"
    )]
    OutOfMemory {
        /// How many bytes the operation needs.
        needed_bytes: u64,
        /// How many are in use.
        used_bytes: u64,
        /// How many there may be.
        limit_bytes: u64,
    },

    /// The actor has as many of something as it may have.
    #[error("no more than {limit} {what} ({name}): {remedy}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The limit's name.
        name: &'static str,
        /// The limit.
        limit: usize,
        /// What makes room.
        remedy: &'static str,
    },

    /// One operation would compute for too long, and could not be stopped meanwhile.
    #[error(
        "{operation} would take {multiply_adds} multiply-adds, and one operation may take {limit} \
         (OPERATION_MULTIPLY_ADDS_MAX): split it into several"
    )]
    TooMuchWork {
        /// The operation.
        operation: &'static str,
        /// How many multiply-adds it would take.
        multiply_adds: u128,
        /// How many it may take.
        limit: u128,
    },

    /// Nothing on the tape leads to this tensor.
    #[error(
        "tensor {id} has no tape: compute it from a tensor that requires a gradient, while recording is on and in the \
         message that calls backward; a tape serves one backward"
    )]
    NoTape {
        /// The tensor that gradients were asked of.
        id: TensorId,
    },

    /// The device failed. What only it had of the actor's tensors is lost.
    #[error(
        "the compute device failed, and the elements of tensors that only it had are lost: {what}; what an actor had when \
         its last checkpoint was taken comes back with that"
    )]
    Device {
        /// What happened.
        what: String,
    },

    /// The host has stopped the actor's operations, as when a call's deadline has passed.
    #[error("the operation was stopped by the host")]
    Stopped,
}

impl TensorError {
    /// Whether the same call can succeed later without being changed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, TensorError::OutOfMemory { .. } | TensorError::TooMany { .. } | TensorError::Stopped)
    }

    pub(crate) fn shapes(operation: &'static str, left: &Shape, right: &Shape, rule: &'static str) -> TensorError {
        TensorError::ShapeMismatch { operation, left: left.to_u32(), right: right.to_u32(), rule }
    }

    pub(crate) fn argument(
        operation: &'static str,
        argument: &'static str,
        value: impl Display,
        rule: impl Into<String>,
    ) -> TensorError {
        TensorError::InvalidArgument { operation, argument, value: value.to_string(), rule: rule.into() }
    }
}
