//! The kernels that the operations call, one function each: the one place that says which code computes what. Each is
//! computed on the device, where the actor computes there and the device has a kernel and room for it, and else by the
//! processors. The operations have checked every shape before they come here.

mod convolution;
mod copies;
mod elementwise;
mod embedding;
mod host;
mod lstm;
mod normalisation;
mod optimiser;
mod pooling;
mod product;
mod random;
mod reduction;
mod softmax;

pub(crate) use self::convolution::{ConvOperands, convolution, convolution_backward};
pub(crate) use self::copies::{join, lay_out, put, stack, take};
pub(crate) use self::elementwise::{combine, map, map_backward};
pub(crate) use self::embedding::{rows_of, rows_of_backward};
pub(crate) use self::lstm::{LstmValues, Steps, lstm, lstm_backward};
pub(crate) use self::normalisation::{
    Moments, moved, normalise, normalise_backward_input, normalise_backward_parameters, statistics,
};
pub(crate) use self::optimiser::{adam, prepare, sgd};
pub(crate) use self::pooling::{average_pool_backward, max_pool_backward, pool};
pub(crate) use self::product::{gemm, gemm_from, linear};
pub(crate) use self::random::{dropout_mask, normal, uniform};
pub(crate) use self::reduction::{
    argmax, is_largest, max, mean_of_squares, mean_of_squares_backward, sum, sum_of_squares,
};
pub(crate) use self::softmax::{cross_entropy, cross_entropy_backward, softmax, softmax_backward};

pub(crate) use super::cpu::{Adam, Around, Batched, ConvShape, Group, Normalisation, PoolShape, Sgd};
pub(crate) use super::reference::elementwise::{Arithmetic, SlopeOf};
pub(crate) use super::reference::softmax::Softmax;
pub(crate) use super::wgsl::Pool;

pub use super::reference::elementwise::Function;
