//! WAVE, the text form of the component model: `step(5)`, `find("AAPL", {form: "10-Q"})`.

use wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::{Val, wasm_wave};

use super::{CodecError, QUOTE_BYTES_MAX, TEXT_BYTES_MAX};
use crate::capability::log::cut;
use crate::exports::Export;

/// A call as a person typed it. Its arguments are checked against a method's types later.
pub struct WaveCall<'source> {
    call: UntypedFuncCall<'source>,
    method: &'source str,
}

/// Reads `method(arguments)`. The method may carry its interface, as in `game/step(5)` or
/// `demo:life/game@0.1.0#step(5)`.
///
/// # Errors
///
/// When the text is not a call, or is longer than [`TEXT_BYTES_MAX`].
pub fn parse_call(source: &str) -> Result<WaveCall<'_>, CodecError> {
    if source.len() > TEXT_BYTES_MAX {
        return Err(CodecError::new(format!(
            "the call is longer than {TEXT_BYTES_MAX} bytes; put bulk data into an object"
        )));
    }
    let source = source.trim();
    let method = source[..source.find('(').unwrap_or(source.len())].trim_end();
    // WAVE itself knows plain function names only, so the interface is taken off before it parses.
    let start = method.rfind(['/', '#', '.']).map_or(0, |at| at + 1);
    let call = UntypedFuncCall::parse(&source[start..]).map_err(|error| {
        let source = cut(source, QUOTE_BYTES_MAX);
        CodecError::new(format!("`{source}` is not a call: {error}; write one such as `add(1, 2)`"))
    })?;
    Ok(WaveCall { call, method })
}

impl WaveCall<'_> {
    /// The method's name as it was written.
    pub fn method(&self) -> &str {
        self.method
    }

    /// The arguments as values of the method's types. Arguments at the end whose type is an `option` may be left
    /// out.
    pub(crate) fn arguments(&self, export: &Export) -> Result<Vec<Val>, CodecError> {
        self.call.to_wasm_params::<Val>(&export.params).map_err(|error| {
            let params = &export.method.params;
            let expected: Vec<String> = params.iter().map(|param| format!("{}: {}", param.name, param.ty)).collect();
            CodecError::new(format!("{error}; expected ({})", expected.join(", ")))
        })
    }
}

/// Writes a value as WAVE.
///
/// # Errors
///
/// When the value holds something that WAVE has no form for.
pub fn to_wave(value: &Val) -> Result<String, CodecError> {
    wasm_wave::to_string(value).map_err(|error| CodecError::new(error.to_string()))
}

#[cfg(test)]
mod tests;
