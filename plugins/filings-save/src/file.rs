//! The Parquet file of one company.
//!
//! The file depends on nothing but the facts: no time, no name of a machine, no version of a library
//! other than this plugin's own goes into it. So the same facts always give the same bytes, and a run
//! that was interrupted and repeated can be compared with one that was not.

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use filings_common::replace::replace;
use filings_common::{Accession, Ticker};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::columns::{Batch, Filing, SCHEMA};
use crate::lines::{FactLines, LineError};

/// Who wrote the file, as its footer says it. Fixed, so that another build writes the same bytes.
const CREATED_BY: &str = concat!("belljar filings-save version ", env!("CARGO_PKG_VERSION"));

/// Why the file was not written. What was there before is untouched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// There is nowhere to write.
    #[error("there is no directory {0}: grant one under this name with write access")]
    NotGranted(PathBuf),
    /// The file could not be made.
    #[error("cannot write {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: WriteError,
    },
}

/// Why the facts could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The facts themselves cannot be read.
    #[error(transparent)]
    Facts(#[from] LineError),
    /// The dimensions of a fact cannot be written as JSON.
    #[error("the dimensions of a fact cannot be written as JSON: {0}")]
    Dimensions(#[from] serde_json::Error),
    /// The Parquet writer reported something.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// The file system reported something.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A file that has been written.
#[derive(Debug, PartialEq, Eq)]
pub struct Saved {
    /// Where it is.
    pub path: PathBuf,
    /// How many facts it holds.
    pub rows: u64,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// Writes the facts to `<TICKER>.parquet` in `directory`, whole or not at all.
///
/// # Errors
/// [`SaveError`], which names the file, and where a fact is wrong also its line.
pub fn save(directory: &Path, ticker: &Ticker, accession: Accession, facts: impl BufRead) -> Result<Saved, SaveError> {
    if !directory.is_dir() {
        return Err(SaveError::NotGranted(directory.to_owned()));
    }
    let path = directory.join(format!("{ticker}.parquet"));
    let filing = Filing::new(ticker, accession);
    let written = replace(&path, |file| {
        let rows = write(&mut *file, &filing, FactLines::new(facts))?;
        let size_bytes = file.metadata()?.len();
        Ok((rows, size_bytes))
    });
    match written {
        Ok((rows, size_bytes)) => Ok(Saved { path, rows, size_bytes }),
        Err(source) => Err(SaveError::File { path, source }),
    }
}

/// Writes a whole Parquet file and returns how many rows it has.
///
/// # Errors
/// [`WriteError`]. What has been written by then is no Parquet file.
pub fn write(
    sink: impl Write + Send,
    filing: &Filing,
    facts: impl Iterator<Item = Result<crate::fact::Fact, LineError>>,
) -> Result<u64, WriteError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(sink, schema, Arc::new(properties()))?;
    let mut rows = 0;
    let mut batch = Batch::default();
    for fact in facts {
        batch.push(filing, fact?)?;
        rows += 1;
        if batch.is_full() {
            write_group(&mut writer, &std::mem::take(&mut batch))?;
        }
    }
    if !batch.is_empty() {
        write_group(&mut writer, &batch)?;
    }
    writer.close()?;
    Ok(rows)
}

fn write_group<W: Write + Send>(writer: &mut SerializedFileWriter<W>, batch: &Batch) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    batch.write(&mut group)?;
    group.close()?;
    Ok(())
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::SNAPPY)
        // Minimum and maximum of a column's chunk let a reader skip it; those of each page would only
        // add to a file this small.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .build()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
