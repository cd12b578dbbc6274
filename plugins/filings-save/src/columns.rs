//! Facts turned from rows into the columns of a Parquet file.
//!
//! A [`Batch`] gathers facts until it is worth a row group and then writes each column in one go. The
//! order of columns in [`SCHEMA`] and in [`Batch::write`] is the same, and a test reads a file back to
//! hold them together.

use std::io::Write;

use filings_common::{Accession, Ticker};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::SerializedRowGroupWriter;

use crate::fact::{Date, Fact};

/// The columns of the file. What every fact has is required; the rest is null where a fact lacks it.
pub const SCHEMA: &str = "
    message facts {
        required binary ticker (STRING);
        required binary accession (STRING);
        required binary kind (STRING);
        required binary concept (STRING);
        optional double value;
        required binary text (STRING);
        optional binary unit (STRING);
        optional int32 period_start (DATE);
        optional int32 period_end (DATE);
        optional int32 instant (DATE);
        required binary dimensions (STRING);
        optional binary context (STRING);
        optional int32 scale;
        optional binary decimals (STRING);
    }
";

/// A row group is closed when it has this many rows.
pub const GROUP_ROWS_MAX: usize = 65_536;

/// A row group is closed when its texts have this many bytes. With the encoder's own copy this stays far
/// within a plugin's memory, however long the texts are.
pub const GROUP_TEXT_BYTES_MAX: usize = 16 << 20;

/// The values of one column, and which rows have one.
struct Column<T> {
    values: Vec<T>,
    /// For each row 1 for a value and 0 for null.
    levels: Vec<i16>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { values: Vec::new(), levels: Vec::new() }
    }
}

impl<T> Column<T> {
    fn push(&mut self, value: Option<T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    /// Writes the group's next column. A required column has no levels to write: the writer then
    /// passes over them.
    fn write<D, W>(&self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<()>
    where
        D: DataType<T = T>,
        W: Write + Send,
    {
        let mut column = group
            .next_column()?
            .ok_or_else(|| ParquetError::General("the schema has fewer columns than are written".to_owned()))?;
        column.typed::<D>().write_batch(&self.values, Some(&self.levels), None)?;
        column.close()
    }
}

/// The facts of one row group, by column.
#[derive(Default)]
pub struct Batch {
    ticker: Column<ByteArray>,
    accession: Column<ByteArray>,
    kind: Column<ByteArray>,
    concept: Column<ByteArray>,
    value: Column<f64>,
    text: Column<ByteArray>,
    unit: Column<ByteArray>,
    period_start: Column<i32>,
    period_end: Column<i32>,
    instant: Column<i32>,
    dimensions: Column<ByteArray>,
    context: Column<ByteArray>,
    scale: Column<i32>,
    decimals: Column<ByteArray>,
    text_bytes: usize,
}

/// What is the same in every row of a file.
pub struct Filing {
    ticker: ByteArray,
    accession: ByteArray,
}

impl Filing {
    /// The filing that the facts are of.
    #[must_use]
    pub fn new(ticker: &Ticker, accession: Accession) -> Self {
        Self { ticker: ticker.as_str().into(), accession: accession.to_string().into_bytes().into() }
    }
}

impl Batch {
    /// Adds a row.
    ///
    /// # Errors
    /// When the dimensions cannot be written as JSON.
    pub fn push(&mut self, filing: &Filing, fact: Fact) -> serde_json::Result<()> {
        let dimensions = serde_json::to_vec(&fact.dimensions.unwrap_or_default())?;
        self.text_bytes += fact.concept.len() + fact.text.len() + dimensions.len();

        // A clone of a ByteArray shares its bytes.
        self.ticker.push(Some(filing.ticker.clone()));
        self.accession.push(Some(filing.accession.clone()));
        self.kind.push(Some(fact.kind.as_str().into()));
        self.concept.push(Some(fact.concept.into_bytes().into()));
        self.value.push(fact.value);
        self.text.push(Some(fact.text.into_bytes().into()));
        self.unit.push(fact.unit.map(bytes));
        self.period_start.push(fact.period_start.map(Date::days_since_1970));
        self.period_end.push(fact.period_end.map(Date::days_since_1970));
        self.instant.push(fact.instant.map(Date::days_since_1970));
        self.dimensions.push(Some(dimensions.into()));
        self.context.push(fact.context.map(bytes));
        self.scale.push(fact.scale);
        self.decimals.push(fact.decimals.map(bytes));
        Ok(())
    }

    /// Whether the batch has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// How many rows the batch has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.kind.levels.len()
    }

    /// Whether the batch should be written before another row is added.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows() >= GROUP_ROWS_MAX || self.text_bytes >= GROUP_TEXT_BYTES_MAX
    }

    /// Writes all columns, in the order of [`SCHEMA`].
    ///
    /// # Errors
    /// What the Parquet writer reports.
    pub fn write<W: Write + Send>(&self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        self.ticker.write::<ByteArrayType, W>(group)?;
        self.accession.write::<ByteArrayType, W>(group)?;
        self.kind.write::<ByteArrayType, W>(group)?;
        self.concept.write::<ByteArrayType, W>(group)?;
        self.value.write::<DoubleType, W>(group)?;
        self.text.write::<ByteArrayType, W>(group)?;
        self.unit.write::<ByteArrayType, W>(group)?;
        self.period_start.write::<Int32Type, W>(group)?;
        self.period_end.write::<Int32Type, W>(group)?;
        self.instant.write::<Int32Type, W>(group)?;
        self.dimensions.write::<ByteArrayType, W>(group)?;
        self.context.write::<ByteArrayType, W>(group)?;
        self.scale.write::<Int32Type, W>(group)?;
        self.decimals.write::<ByteArrayType, W>(group)
    }
}

fn bytes(text: String) -> ByteArray {
    text.into_bytes().into()
}
