//! Values written down: as JSON for files, scripts and HTTP, and as WAVE for a person's command line. Both
//! directions are led by the WIT type, so a wrong value is refused with the place where it is wrong.

mod check;
mod json;
mod objects;
mod wave;

use std::fmt;

pub(crate) use check::check_params;
pub use json::{from_json, params_from_json, to_json};
pub use objects::{object_id, object_ids, visit_objects};
pub use wave::{WaveCall, parse_call, to_wave};

/// Nesting of a value: 64 levels. A value deeper than this is refused in both directions.
pub const DEPTH_MAX: usize = 64;
/// Values in one message, counting every element of every list: 1,000,000. Bulk data goes by object.
pub const VALUES_MAX: usize = 1_000_000;
/// Bytes of a call written as text: 1 MiB, as long as a message.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Bytes of a wrong value that an error quotes.
const QUOTE_BYTES_MAX: usize = 60;

/// A value could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct CodecError {
    /// Where in the value: `filing.facts[3].unit`; empty for the value itself.
    pub path: String,
    /// What is wrong there, and what would be right.
    pub message: String,
}

impl CodecError {
    pub(crate) fn new(message: impl Into<String>) -> CodecError {
        CodecError { path: String::new(), message: message.into() }
    }

    pub(crate) fn in_field(mut self, name: &str) -> CodecError {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }

    pub(crate) fn in_element(mut self, index: usize) -> CodecError {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{dot}{}", self.path);
        self
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// Counts what one conversion has used of [`DEPTH_MAX`] and [`VALUES_MAX`].
#[derive(Default)]
struct Budget {
    depth: usize,
    values: usize,
}

impl Budget {
    /// Goes into one more value.
    fn enter(&mut self) -> Result<(), CodecError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(CodecError::new(format!("is nested more than {DEPTH_MAX} levels deep")));
        }
        self.take(1)
    }

    /// Comes out of it.
    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn take(&mut self, values: usize) -> Result<(), CodecError> {
        self.values = self.values.saturating_add(values);
        if self.values > VALUES_MAX {
            return Err(CodecError::new(format!("has more than {VALUES_MAX} values; put bulk data into an object")));
        }
        Ok(())
    }
}
