//! From the bytes of a file to its facts.

use filings_common::Shape;
use serde::Serialize;

use crate::error::Error;
use crate::fact::{Fact, Kind, Period};
use crate::limits::FACTS_BYTES_MAX;
use crate::problem::Problems;
use crate::submission::{Document, main_document};
use crate::{inline, revenue, table};

/// How the facts were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are tagged.
    InlineXbrl,
    /// They are the first rows of the filing's tables.
    TableRows,
}

/// What a filing says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// How the facts were found.
    pub mode: Mode,
    /// The facts as JSON Lines, in the order of the document.
    pub facts: Vec<u8>,
    /// How many numeric facts there are.
    pub numeric: u32,
    /// How many text facts there are.
    pub text: u32,
    /// How many rows there are.
    pub rows: u32,
    /// The whole company's revenue in its newest quarter, exactly.
    pub revenue: Option<String>,
    /// What could not be understood, each with the byte of the file at which it stands.
    pub problems: Vec<String>,
}

/// Reads a filing.
///
/// # Errors
/// See [`Error`]: the file is empty, not UTF-8, truncated or malformed, or past a limit.
pub fn extract(file: &[u8], shape: Shape) -> Result<Extraction, Error> {
    let file = str::from_utf8(file).map_err(|error| Error::NotUtf8 { offset: error.valid_up_to() })?;
    let document = match shape {
        Shape::Html => Document::new(file, 0),
        Shape::Submission if file.trim().is_empty() => return Err(Error::Empty),
        Shape::Submission => main_document(file)?,
    };
    if document.text.is_empty() {
        return Err(Error::Empty);
    }
    if inline::is_declared(document.text)
        && let Some(extraction) = tagged_facts(document)?
    {
        return Ok(extraction);
    }
    table_rows(document, shape == Shape::Submission)
}

/// The tagged facts; `None` when the namespace is declared and not used.
fn tagged_facts(document: Document<'_>) -> Result<Option<Extraction>, Error> {
    let mut problems = Problems::default();
    let tagged = inline::walk(document.text, document.offset, &mut problems)?;
    if !tagged.is_inline_xbrl {
        return Ok(None);
    }
    let mut lines = Lines::default();
    let mut revenue = revenue::Search::default();
    for tagged_fact in &tagged.facts {
        let fact = inline::resolve(&tagged, tagged_fact, &mut problems);
        revenue.consider(&fact);
        lines.push(&fact, tagged_fact.offset)?;
    }
    Ok(Some(lines.into_extraction(Mode::InlineXbrl, revenue.into_revenue(), problems)))
}

fn table_rows(document: Document<'_>, in_envelope: bool) -> Result<Extraction, Error> {
    let mut problems = Problems::default();
    let rows = table::read(document, in_envelope)?;
    if rows.is_empty() {
        problems.add(document.offset, "the document has neither tagged facts nor rows nor lines with amounts");
    }
    let mut lines = Lines::default();
    for row in rows {
        let fact = Fact {
            kind: Kind::Row,
            concept: row.concept.into(),
            value: row.value,
            text: row.text.into(),
            unit: None,
            period: Period::None,
            dimensions: None,
            context: None,
            scale: None,
            decimals: None,
        };
        lines.push(&fact, document.offset)?;
    }
    Ok(lines.into_extraction(Mode::TableRows, None, problems))
}

/// JSON Lines, and how many there are of each kind.
#[derive(Default)]
struct Lines {
    json: Vec<u8>,
    numeric: u32,
    text: u32,
    rows: u32,
}

impl Lines {
    /// Adds the fact that begins at byte `offset`.
    fn push(&mut self, fact: &Fact<'_>, offset: usize) -> Result<(), Error> {
        let count = match fact.kind {
            Kind::Numeric => &mut self.numeric,
            Kind::Text => &mut self.text,
            Kind::Row => &mut self.rows,
        };
        *count += 1;
        let mut serializer = serde_json::Serializer::new(&mut self.json);
        let written = fact.serialize(&mut serializer);
        written.expect("a fact has string keys and goes to memory, so writing it cannot fail");
        self.json.push(b'\n');
        if self.json.len() > FACTS_BYTES_MAX {
            return Err(Error::TooMuchText { offset });
        }
        Ok(())
    }

    fn into_extraction(self, mode: Mode, revenue: Option<String>, problems: Problems) -> Extraction {
        Extraction {
            mode,
            facts: self.json,
            numeric: self.numeric,
            text: self.text,
            rows: self.rows,
            revenue,
            problems: problems.into_sentences(),
        }
    }
}
