//! Compute for Belljar's sandbox.

pub mod automaton;
#[cfg(all(feature = "device", target_os = "linux"))]
pub mod device;
pub mod tensor;
mod threads;

pub use threads::Threads;
