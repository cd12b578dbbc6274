//! Tensors for guests: arrays of 32-bit floats that the host holds and computes with, named by ids.
//!
//! [`Tensors`] is everything that one actor has of them, with one method for each function of the interface. Under
//! it lie, each knowing only those below: the `tape`, which records operations and computes gradients; each
//! `operation`, with its shape rule; the `kernels`, the one place that says which code computes what; the fast
//! kernels, in [`cpu`]; those of the device, in `wgsl`; and the `reference` kernels, plain loops that the fast ones are
//! tested against.
//!
//! Guarantees: no input makes an operation panic; an operation that fails changes nothing; results depend on
//! neither the number of threads nor on what else runs; memory, the tape and the work of one operation are bounded.
//!
//! Elements are stored in row-major order, images as `[batch, height, width, channels]`, and the first dimension of
//! a weight is that of the output: `[out, in]`, `[out, kernel height, kernel width, in]`.

mod aligned;
mod buffer;
mod codec;
pub mod cpu;
mod error;
mod executor;
mod kernels;
mod layout;
mod memory;
mod operation;
mod optimiser;
mod reference;
mod rows;
mod shape;
mod tape;
mod tensors;
mod value;
mod wgsl;

pub use codec::{CODEC_VERSION, DecodeError, ENCODED_BESIDE_ELEMENTS_BYTES_MAX};
pub use cpu::{Adam, Sgd};
pub use error::TensorError;
pub use executor::OPERATION_MULTIPLY_ADDS_MAX;
pub use kernels::Function;
pub use memory::TENSOR_BYTES_DEFAULT;
pub use operation::Activation;
pub use operation::convolution::Window;
pub use optimiser::OPTIMISERS_MAX;
pub use shape::{ELEMENTS_MAX, RANK_MAX, Shape};
pub use tape::{Ended, TAPE_ENTRIES_MAX};
pub use tensors::{BatchNorm, Engine, TENSORS_MAX, Tensors};

/// Names a tensor of one actor. Ids are not used again.
pub type TensorId = u64;

/// Names an optimiser of one actor. Ids are not used again, and no tensor has the same.
pub type OptimiserId = u64;
