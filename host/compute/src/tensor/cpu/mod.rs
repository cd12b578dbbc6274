//! Kernels: the operations of tensors as loops over slices, as fast as the processor allows.
//!
//! A kernel knows nothing of tensors, tapes or actors: it takes slices, a small struct that says their shape, and
//! the [`Workers`] to run on. Three promises hold for all of them:
//!
//! - **A result does not depend on the number of threads.** Work is cut into parts by shape alone, and every sum is
//!   added up in an order that the shape alone decides.
//! - **Nor on the instruction set,** among processors that multiply and add in one rounding (x86-64 with FMA, every
//!   AArch64): an element of a product is the sum of its terms in their order, however wide the vectors are, and
//!   the transforms of some convolutions round each of their steps. An older x86-64 rounds twice, so its products
//!   differ in the last bits.
//! - **Slices must have the lengths that the shape says.** A kernel panics otherwise, before it writes anything: who
//!   calls has checked the shapes already and told the guest.
//!
//! Matrices are row-major, images `[batch, height, width, channels]`, convolution weights
//! `[out_channels, kernel_h, kernel_w, in_channels]`; everything is contiguous `f32`.
//!
//! All matrix products, convolutions and their gradients come down to one loop, in `tile`, which names its vectors
//! (`vector`), as do the transforms of convolutions. Everything else has no intrinsics: plain loops that are compiled once for every instruction set
//! (`level`), which is as fast and stays readable.

mod activation;
mod conv;
mod exp;
mod gemm;
mod level;
mod norm;
mod optimiser;
mod pool;
mod reduce;
mod scratch;
mod softmax;
#[cfg(test)]
mod tests;
mod tile;
mod vector;
mod workers;

pub use activation::{add_bias, relu, relu_backward};
pub use conv::{ConvBackward, ConvGradients, ConvShape, conv2d, conv2d_backward};
pub use gemm::{Batched, Finish, Matrix, gemm, gemm_batched};
pub use level::Level;
pub use norm::{
    Group, Normalisation, Statistics, normalise, normalise_backward_input, normalise_backward_parameters, statistics,
};
pub use optimiser::{Adam, Sgd, adam, sgd};
pub use pool::{PoolShape, average_pool, average_pool_backward, max_pool, max_pool_backward};
pub use reduce::{Around, max_axis, sum_axis, sum_of_squares};
pub use softmax::{
    cross_entropy, cross_entropy_backward, log_softmax, log_softmax_backward, softmax, softmax_backward,
};
pub use workers::Workers;
