//! What holds for checkpoints as a whole. What holds for one part is tested beside it.

mod damage;
mod garbage;
mod golden;
mod healing;
mod round_trip;
pub(crate) mod support;
mod transfer;
