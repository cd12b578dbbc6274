//! naga's errors as [`ShaderError`]s: one message with its causes, and the place in the source.

use std::error::Error;

use wgpu::naga::WithSpan;
use wgpu::naga::front::wgsl::ParseError;

use super::{Position, ShaderError};

/// The causes of an error that are told; naga nests a few.
const CAUSES_MAX: usize = 8;

/// What the parser says. Its labels say what is at the place, which its message often leaves out.
pub(super) fn of_parsing(error: &ParseError, source: &str) -> ShaderError {
    let mut message = error.message().to_owned();
    let label = error.labels().next();
    if let Some((_, text)) = label
        && !text.is_empty()
    {
        message = format!("{message}: {text}");
    }
    ShaderError::invalid(label.and_then(|(span, _)| Position::of(span, source)), message)
}

/// What the validator says.
pub(super) fn of_validation<E: Error>(error: &WithSpan<E>, source: &str) -> ShaderError {
    let mut message = error.as_inner().to_string();
    let mut cause = error.as_inner().source();
    for _ in 0..CAUSES_MAX {
        let Some(error) = cause else { break };
        message = format!("{message}: {error}");
        cause = error.source();
    }
    // The first span is that of the function or type; the last is the statement or expression in it.
    let position = error.spans().last().and_then(|(span, _)| Position::of(*span, source));
    ShaderError::invalid(position, message)
}
