//! The operations as plain loops over slices: what a formula says, in the order in which it says it, with sums in
//! 64 bits. They are here to be obviously right. The fast kernels are tested against them, and what those do not know
//! is computed with them.
//!
//! Functions are those of `libm`, whose results do not depend on the platform.

#[cfg(test)]
pub(crate) mod convolution;
pub(crate) mod elementwise;
#[cfg(test)]
pub(crate) mod gemm;
pub(crate) mod lstm;
#[cfg(test)]
pub(crate) mod normalisation;
#[cfg(test)]
pub(crate) mod pooling;
pub(crate) mod random;
pub(crate) mod reduction;
pub(crate) mod softmax;
#[cfg(test)]
pub(crate) mod update;
