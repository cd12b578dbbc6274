//! The standard output: results, and nothing else. A reader that goes away early, as `head` does, ends the command
//! quietly instead of with a panic.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;

/// Prints a text and a line break.
pub fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    written(writeln!(io::stdout().lock(), "{text}"))
}

/// Prints one JSON document.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(Exit::CannotGoOn, format!("the result cannot be written as JSON: {error}")))?;
    line(text)
}

/// Writes bytes as they are.
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Writes what a person asked for to a file.
pub fn file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| {
        Failure::bad_input(format!("cannot write {}: {error}", path.display())).help("name another file with -o")
    })
}

fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    outcome.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::new(Exit::CannotGoOn, format!("cannot write to the standard output: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_gone_is_no_failure_of_ours() {
        let gone = written(Err(io::ErrorKind::BrokenPipe.into())).unwrap_err();
        assert_eq!(gone.exit(), Exit::Good);
        let full = written(Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(full.exit(), Exit::CannotGoOn);
    }
}
