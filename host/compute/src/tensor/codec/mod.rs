//! The state of an actor's tensors as bytes, exactly: elements keep their bits, and tensors that share elements
//! share them afterwards. The tape is no part of it.
//!
//! Everything is little-endian and unaligned:
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | the magic `BJTENSOR` |
//! | u32 | the version, 1 or 2 |
//! | u8, in version 2 only | the engine: 1 the processors, 2 the device |
//! | u64 | the last id that was given |
//! | u64, then each: u64, then f32 … | buffers: how many elements, and those |
//! | u64, then each: u64, u8, tensor, \[tensor\] | tensors by rising id: the id, flags (1: requires a gradient, 2: has one), the value, and the gradient if it has one |
//! | u64, then each: u64, rule, u64, parameters | optimisers by rising id: the id, the rule, how many parameters, and those |
//!
//! A *tensor* is its rank as u8, its dimensions as u32 each, and the number of its buffer as u64; buffers are numbered
//! in the order in which tensors first name them. The version is 2 where an engine was chosen, and else 1, so that there is
//! one way to write a state. A *rule* is u8 0
//! with the learning rate, momentum and weight decay as f64 and nesterov as u8, or u8 1 with the learning rate,
//! beta1, beta2, epsilon and weight decay as f64 and decoupled as u8. A *parameter* is its id and its number of steps
//! as u64, and a u8 which is 1 if its moments follow, as tensors, of which the rule decides how many.

mod reader;
mod writer;

use super::error::TensorError;
use super::optimiser::OPTIMISERS_MAX;
use super::shape::RANK_MAX;
use super::tensors::TENSORS_MAX;

/// The newest version of the format. The one before it, of states without an engine of their choice, is written and read too.
pub const CODEC_VERSION: u32 = 2;

/// The version of a state without an engine of its choice.
const VERSION_WITHOUT_ENGINE: u32 = 1;
const ENGINE_CPU: u8 = 1;
const ENGINE_DEVICE: u8 = 2;

const MAGIC: [u8; 8] = *b"BJTENSOR";
/// More bytes than a state has beside the elements of its tensors.
pub const ENCODED_BESIDE_ELEMENTS_BYTES_MAX: u64 = HEAD_BYTES_MAX
    + (TENSORS_MAX * (2 * NAMED_BYTES_MAX + ENTRY_BYTES_MAX)) as u64
    + (OPTIMISERS_MAX * ENTRY_BYTES_MAX) as u64;

const HEAD_BYTES_MAX: u64 = 128;
/// A tensor where it is named, and the length of its buffer.
const NAMED_BYTES_MAX: usize = 1 + RANK_MAX * size_of::<u32>() + 2 * size_of::<u64>();
/// An entry of either table, beside the tensors that it names, with a parameter of an optimiser.
const ENTRY_BYTES_MAX: usize = 128;

const REQUIRES_GRADIENT: u8 = 1;
const HAS_GRADIENT: u8 = 2;

/// Why bytes are not the state of an actor's tensors. None of these goes away by trying again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes do not start with the magic.
    #[error("these are not the bytes of tensors: they do not start with BJTENSOR")]
    Magic,

    /// The bytes are of another version.
    #[error(
        "the tensors have format {found}, and this Belljar knows formats up to {CODEC_VERSION}: use the one that wrote them"
    )]
    Version {
        /// The version that was found.
        found: u32,
    },

    /// The bytes end too early.
    #[error("the bytes of tensors end at {offset}, within {field}: they were cut off")]
    Truncated {
        /// What was being read.
        field: &'static str,
        /// Where the bytes end.
        offset: usize,
    },

    /// A field has a value that is never written.
    #[error("the bytes of tensors are damaged before {offset}: {field} is {value}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// Where the field ends.
        offset: usize,
    },

    /// The tensors are no ones that can be, or do not fit into the limits.
    #[error("the tensors cannot be restored: {0}")]
    Tensor(#[from] TensorError),
}
