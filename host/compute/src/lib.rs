//! Compute for Belljar's sandbox.

pub mod automaton;
mod threads;

pub use threads::Threads;
