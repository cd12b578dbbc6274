//! Boards of Life-like cellular automata, stepped on the processors at billions of cells a second, or on a GPU.
//!
//! A [`Board`] is a rectangle of cells, a [`Rule`] and what lies beyond the [`Edges`]. A table of [`Boards`] holds those
//! of one owner by number, within a limit of memory. Everything here is a function of its arguments: the same board
//! comes out on every machine, whatever its instructions and however many threads it has. A clone of a board or of a
//! table is a snapshot of it and costs next to nothing.
//!
//! # How it is fast
//!
//! Cells are kept one a bit, in `columns` of vectors whose neighbours to the left and right are whole vectors. The
//! `kernel` walks down a column with the sums of three rows in registers. A `band` of rows stays in a cache for
//! several generations, and `step` gives the bands to the threads. `many` small boards go side by side in the bits
//! of the same vectors. The instructions (AVX-512, AVX2, NEON or none of them) are chosen when the program runs, and
//! any width, height, rule and edge goes the same way.
//!
//! An [`Engine`] names what steps boards. On the compute device it is a kernel in `wgsl`, which comes to the same cells.
//!
//! Readers get cells in the `packed` form, into which a transposition of bits brings them when they ask.

mod ages;
mod aligned;
mod band;
mod board;
mod boards;
mod cache;
mod cells;
mod codec;
mod columns;
mod engine;
mod error;
mod kernel;
mod many;
mod packed;
mod rule;
mod settings;
mod step;
#[cfg(test)]
mod tests;
mod transpose;
#[cfg(all(feature = "device", target_os = "linux"))]
mod wgsl;

pub use board::{Board, CELLS_LISTED_MAX, Summary};
pub use boards::{BOARDS_MAX, Boards};
pub use engine::Engine;
pub use error::AutomatonError;
pub use rule::{NEIGHBOURS_MAX, Rule};
pub use settings::{BOARD_SIDE_MAX, Cell, Edges, Rectangle, Settings, Size};
pub use step::Work;
#[cfg(all(feature = "device", target_os = "linux"))]
pub use wgsl::DeviceStepper;
