//! What a guest's WGSL goes through before a driver sees it: parsed and validated, held to limits
//! that a driver's compiler can bear, and metered so that every loop comes to an end and says so when
//! it did not come to its own. This runs in the worker process, because a parser is code that a hostile
//! source exercises too.

mod check;
mod fuel;
mod limits;
mod naga_error;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use wgpu::naga;
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

pub(super) use fuel::{FUEL_ON_CPU, FUEL_ON_GPU, METER_BYTES, METER_GROUP, meter_contents};
pub use limits::*;

/// A place in WGSL source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 1.
    pub column: u32,
}

impl Position {
    /// The start of a span; nothing when naga made up what the span is of.
    fn of(span: naga::Span, source: &str) -> Option<Self> {
        // A span of naga's own making could point past the source, which `location` would not survive.
        let start = span.to_range().map(|range| range.start)?;
        source.is_char_boundary(start).then(|| {
            let location = span.location(source);
            Self { line: location.line_number, column: location.line_position }
        })
    }
}

/// Why a shader is refused. None of these goes away by trying again.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum ShaderError {
    /// The source is not WGSL, or is not a compute kernel that only uses buffers.
    #[error("{message}")]
    Invalid {
        /// Where, if it is at one place.
        position: Option<Position>,
        /// What is wrong.
        message: String,
    },
    /// The source is past a limit.
    #[error("{found} {what}; {name} allows {max}")]
    Limit {
        /// Where the limit was passed, if it is at one place.
        position: Option<Position>,
        /// What is limited, such as `statements`.
        what: String,
        /// The name of the limit.
        name: String,
        /// How much there is.
        found: u64,
        /// How much there may be.
        max: u64,
    },
}

impl ShaderError {
    fn invalid(position: Option<Position>, message: impl Into<String>) -> Self {
        Self::Invalid { position, message: message.into() }
    }

    fn limit(position: Option<Position>, limit: &Limit, found: u64) -> Self {
        Self::Limit { position, what: limit.what.into(), name: limit.name.into(), found, max: limit.max }
    }
}

/// A kernel that may be given to a driver.
pub(super) struct Shader {
    pub(super) module: naga::Module,
    /// Whether it loops, and so needs a meter bound at [`METER_GROUP`].
    pub(super) metered: bool,
}

/// Refuses a kernel that is too large to be parsed. The host asks this before it sends the kernel anywhere.
///
/// # Errors
/// [`ShaderError::Limit`].
pub(super) fn check_size(source: &str, entry_point: &str) -> Result<(), ShaderError> {
    check::size(source, entry_point)
}

/// Checks a kernel and meters it. A kernel that runs out of `fuel`, which is loop iterations per invocation,
/// writes `kernel` to the meter.
///
/// # Errors
/// [`ShaderError::Invalid`] for what is not a WGSL kernel, [`ShaderError::Limit`] for one that is too much.
pub(super) fn prepare(source: &str, entry_point: &str, kernel: NonZeroU32, fuel: u32) -> Result<Shader, ShaderError> {
    check_size(source, entry_point)?;
    let mut module = naga::front::wgsl::parse_str(source).map_err(|e| naga_error::of_parsing(&e, source))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .map_err(|e| naga_error::of_validation(&e, source))?;
    let entry = check::module(source, &module, &info, entry_point)?;
    // The other entry points would only be compiled for nothing.
    let chosen = module.entry_points.swap_remove(entry);
    module.entry_points = vec![chosen];
    let metered = fuel::meter(&mut module, kernel, fuel);
    Ok(Shader { module, metered })
}
