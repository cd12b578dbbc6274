//! The log of what ran.
//!
//! A workflow promises that a finished step is never run again. To prove it, an operator grants the
//! plugins a directory as `/audit`; each function then appends the line `FUNCTION TICKER` to
//! `runs.log` there when it starts, and a test counts the lines. Without the grant nothing is written.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use crate::Ticker;

/// Where the directory is mounted when it is granted.
pub const AUDIT_DIRECTORY: &str = "/audit";

/// The name of the log in the directory.
pub const LOG_FILE: &str = "runs.log";

/// The log is there but could not be written: a run that is not on record must not happen.
#[derive(Debug, thiserror::Error)]
#[error("cannot append to {AUDIT_DIRECTORY}/{LOG_FILE}: {0}; grant {AUDIT_DIRECTORY} with write access or not at all")]
pub struct AuditError(#[from] io::Error);

/// Records in `directory` that `function` starts for `ticker`. Does nothing when there is no such
/// directory.
///
/// # Errors
/// [`AuditError`] when the directory is there and the line could not be appended.
pub fn record(directory: &Path, function: &str, ticker: &Ticker) -> Result<(), AuditError> {
    if !directory.is_dir() {
        return Ok(());
    }
    let mut log = OpenOptions::new().create(true).append(true).open(directory.join(LOG_FILE))?;
    // One write per line: plugins run beside each other, and appended pieces would interleave.
    log.write_all(format!("{function} {ticker}\n").as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_run_adds_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let ticker = Ticker::parse("AAPL").unwrap();
        record(folder.path(), "find", &ticker).unwrap();
        record(folder.path(), "save", &ticker).unwrap();
        let log = fs::read_to_string(folder.path().join(LOG_FILE)).unwrap();
        assert_eq!(log, "find AAPL\nsave AAPL\n");
    }

    #[test]
    fn without_the_directory_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("audit");
        record(&missing, "find", &Ticker::parse("AAPL").unwrap()).unwrap();
        assert!(!missing.exists());
    }

    #[test]
    fn a_log_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(LOG_FILE)).unwrap();
        let error = record(folder.path(), "find", &Ticker::parse("AAPL").unwrap()).unwrap_err();
        assert!(error.to_string().contains("/audit/runs.log"));
    }
}
