//! Kernels in WGSL, which compute on the device what those of [`cpu`](super::cpu) compute on the processors.
//!
//! Each file has the kernels of one group: the shaders are in `kernels/`, and here is how many workgroups they have, what
//! their parameters are, and what is composed of several. An operation's dispatches are queued, and nobody waits for them
//! until numbers are read.
//!
//! What holds for all of them: sums are added up in an order that the shape alone decides, but another one than on the
//! processors, and what a driver makes of `exp` or of a division may differ from the processor's in the last bits. So the
//! results of both agree to within rounding, and not to the bit. Of infinities and what is not a number, WGSL promises
//! nothing, and neither do these kernels. No invocation makes more than some 50,000 iterations of loops: a driver that
//! computes on the processor silently ends it before the 65,536th.

mod convolution;
mod elementwise;
mod embedding;
#[cfg_attr(
    not(all(feature = "device", target_os = "linux")),
    expect(dead_code, reason = "without a device nothing reads the text of a kernel")
)]
mod kernel;
mod layout;
mod lstm;
mod normalisation;
mod optimiser;
mod pooling;
mod product;
mod reduction;
mod site;
mod softmax;

#[cfg(all(feature = "device", target_os = "linux"))]
mod collected;
#[cfg(all(feature = "device", target_os = "linux"))]
mod spare;
#[cfg(all(feature = "device", target_os = "linux"))]
mod waiting;

#[cfg(all(feature = "device", target_os = "linux"))]
mod queue;
#[cfg(not(all(feature = "device", target_os = "linux")))]
#[path = "queue_disabled.rs"]
mod queue;

pub(crate) use convolution::{convolution, convolution_of_bias, convolution_of_input, convolution_of_weight, fits};
pub(crate) use elementwise::{combine, combine_same, fill, is_equal, map, map_backward};
pub(crate) use embedding::{rows_of, rows_of_backward};
pub(crate) use layout::copy;
pub(crate) use lstm::{lstm_step, lstm_step_backward};
pub(crate) use normalisation::{normalise, normalise_backward_input, normalise_backward_parameters, statistics};
pub(crate) use optimiser::{adam, sgd};
pub(crate) use pooling::{Pool, average_pool_backward, max_pool_backward, pool, pools};
pub(crate) use product::gemm;
pub(crate) use queue::{DeviceNumbers, Queue};
pub(crate) use reduction::{Reduce, reduce, sum_of_squares};
pub(crate) use site::Site;
pub(crate) use softmax::{cross_entropy, cross_entropy_backward, softmax, softmax_backward};
