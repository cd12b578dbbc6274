//! Taking up an input file: checking it and moving it from one directory to another.
//!
//! A claim may be interrupted at any moment and asked for again, and must then come to the same end: the
//! file whole in the second directory and gone from the first. A rename does that in one step. Where
//! the two directories are on different file systems there is no such step, so the file is copied whole
//! ([`replace`]) and then removed; a claim that finds the same content in both places merely removes
//! the original.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use filings_common::replace::{remove_if_there, replace, sync_directory_of};
use filings_common::ticker::TickerError;
use filings_common::{Excerpt, Ticker};
use serde::Deserialize;

/// The largest input file, in bytes. It holds one short JSON object.
pub const INPUT_SIZE_BYTES_MAX: u64 = 64 << 10;

/// The longest name of an input file, in bytes: what common file systems allow, less room for the
/// name of the hidden file that a copy goes through.
pub const INPUT_NAME_BYTES_MAX: usize = 200;

/// Why an input file was not taken up. It stays where it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// The name could be more than a file's name.
    #[error(
        "{0} is not a plain file name: give the name alone, such as aapl.json, without a folder, not \
         hidden, at most {INPUT_NAME_BYTES_MAX} bytes"
    )]
    Name(Excerpt),
    /// There is no such file in either directory.
    #[error("there is no file {0}")]
    Missing(PathBuf),
    /// The file is something else.
    #[error("{0} is not a regular file: put the file itself there, not a link to it")]
    NotAFile(PathBuf),
    /// The file is too large; nothing of it was read.
    #[error(
        "{file} has {size_bytes} bytes, more than the {INPUT_SIZE_BYTES_MAX} that an input may have \
         (INPUT_SIZE_BYTES_MAX)"
    )]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its size.
        size_bytes: u64,
    },
    /// The file does not hold the JSON object.
    #[error("{file} is not a JSON object such as {{\"ticker\": \"AAPL\"}}: {source}")]
    Json {
        /// The file.
        file: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The object's ticker is none.
    #[error("the ticker in {file} is wrong: {source}")]
    Ticker {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: TickerError,
    },
    /// Another file of that name is being processed.
    #[error(
        "{original} differs from {processing}, which was taken up before it: remove one of the two, or \
         rename the new one"
    )]
    Conflict {
        /// The file that should be taken up.
        original: PathBuf,
        /// The file that is in its place.
        processing: PathBuf,
    },
    /// Anything else that the file system reported.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// The report.
        source: io::Error,
    },
}

/// An input that has been checked and may be moved.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    /// The ticker that the input asks for.
    pub ticker: Ticker,
    /// Where the input was put.
    pub original: PathBuf,
    /// Where it is processed.
    pub processing: PathBuf,
}

/// What an input file holds. Other fields are ignored, so that whoever drops the file may add notes of
/// their own.
#[derive(Deserialize)]
struct Input {
    ticker: String,
}

impl Claim {
    /// Checks the input file `name` in `inputs`, or in `processing` if it has been moved there before.
    /// Moves nothing.
    ///
    /// The ticker is raised to upper case here, and only here: this is where a person's spelling
    /// enters the workflow.
    ///
    /// # Errors
    /// [`ClaimError`], which names the file and what is wrong with it.
    pub fn check(inputs: &Path, processing: &Path, name: &str) -> Result<Self, ClaimError> {
        if !is_plain_name(name) {
            return Err(ClaimError::Name(Excerpt::of(name)));
        }
        let (original, processing) = (inputs.join(name), processing.join(name));
        let waiting = read_if_there(&original)?;
        let taken_up = read_if_there(&processing)?;
        let (file, bytes) = match (&waiting, &taken_up) {
            (Some(new), Some(old)) if new != old => {
                return Err(ClaimError::Conflict { original, processing });
            }
            (Some(bytes), _) => (&original, bytes),
            (None, Some(bytes)) => (&processing, bytes),
            (None, None) => return Err(ClaimError::Missing(original)),
        };
        let ticker = ticker_in(file, bytes)?;
        Ok(Self { ticker, original, processing })
    }

    /// Moves the input. Fine if it has been moved before, wholly or halfway.
    ///
    /// # Errors
    /// What the file system reported. The input is then whole in at least one of the two places, and the
    /// claim may be tried again.
    pub fn take(&self) -> Result<(), ClaimError> {
        if !self.original.exists() {
            return Ok(());
        }
        if self.processing.exists() {
            return self.remove_original();
        }
        if fs::rename(&self.original, &self.processing).is_ok() {
            sync_directory_of(&self.processing);
            return Ok(());
        }
        // Hosts report two file systems in different words, some as a mere I/O error. So every rename that
        // fails is followed by a copy; where the reason was another one, the copy meets and names it too.
        self.take_by_copy()
    }

    /// Moves the input from one file system to another.
    fn take_by_copy(&self) -> Result<(), ClaimError> {
        let bytes = read_if_there(&self.original)?.ok_or_else(|| ClaimError::Missing(self.original.clone()))?;
        replace(&self.processing, |file| file.write_all(&bytes)).map_err(io_error("write", &self.processing))?;
        self.remove_original()
    }

    fn remove_original(&self) -> Result<(), ClaimError> {
        remove_if_there(&self.original).map_err(io_error("remove", &self.original))
    }
}

/// Whether `name` is a file's name and nothing more. Hidden names are kept for files that are being
/// written.
fn is_plain_name(name: &str) -> bool {
    (1..=INPUT_NAME_BYTES_MAX).contains(&name.len())
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
        && !name.contains(char::is_control)
}

/// The content of a small regular file, or nothing when there is no such file.
fn read_if_there(file: &Path) -> Result<Option<Vec<u8>>, ClaimError> {
    let metadata = match fs::symlink_metadata(file) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("look at", file)(error)),
    };
    // A link would be moved as a link, and might point elsewhere from its new place.
    if !metadata.is_file() {
        return Err(ClaimError::NotAFile(file.to_owned()));
    }
    check_size(file, metadata.len())?;
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(INPUT_SIZE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(io_error("read", file))?;
    check_size(file, bytes.len() as u64)?;
    Ok(Some(bytes))
}

fn check_size(file: &Path, size_bytes: u64) -> Result<(), ClaimError> {
    if size_bytes > INPUT_SIZE_BYTES_MAX {
        let file = file.to_owned();
        return Err(ClaimError::TooLarge { file, size_bytes });
    }
    Ok(())
}

fn ticker_in(file: &Path, bytes: &[u8]) -> Result<Ticker, ClaimError> {
    let input: Input =
        serde_json::from_slice(bytes).map_err(|source| ClaimError::Json { file: file.to_owned(), source })?;
    Ticker::parse(&input.ticker.to_ascii_uppercase())
        .map_err(|source| ClaimError::Ticker { file: file.to_owned(), source })
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ClaimError {
    let path = path.to_owned();
    move |source| ClaimError::Io { doing, path, source }
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
