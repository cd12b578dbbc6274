//! Reads an SEC filing and extracts what it states as facts.
//!
//! Since 2019 companies tag the numbers and texts of their filings with inline XBRL; every tag becomes a
//! fact with its exact value, unit, dates and dimensions. Of an older filing the first rows of its tables
//! are taken. The result is JSON Lines, in the order of the document.
//!
//! ```text
//! bytes ─► submission ─► inline: walk ─► resolve ─► fact ─► JSON Lines
//!          (main document)  │              │
//!                           │              └─ transform (formats), decimal (scale)
//!                           └─ table (no inline XBRL)
//! ```
//! [`extraction`] and what it uses is plain Rust that knows nothing of WebAssembly; this file binds it
//! to the function that `wit/world.wit` declares. With a grant of `/audit` every run is recorded there.

mod decimal;
mod error;
pub mod extraction;
mod fact;
mod inline;
pub mod limits;
mod problem;
mod revenue;
mod submission;
mod table;
mod transform;

use std::path::Path;

use belljar_guest::objects::{self, ObjectRef};
use belljar_guest::{log, metrics};
use filings_common::{Accession, FILING_SIZE_BYTES_MAX, Ticker, audit};

pub use error::Error;

belljar_guest::plugin!("wit/world.wit");

struct FilingsExtract;

impl Guest for FilingsExtract {
    fn extract(ticker: String, accession: String, shape: Shape, document: ObjectRef) -> Result<Extraction, String> {
        extract_facts(&ticker, &accession, shape, document).map_err(|error| format!("{ticker} {accession}: {error}"))
    }
}

export!(FilingsExtract);

fn extract_facts(
    ticker: &str,
    accession: &str,
    shape: Shape,
    document: ObjectRef,
) -> Result<Extraction, Box<dyn std::error::Error>> {
    let ticker = Ticker::parse(ticker)?;
    let accession = Accession::parse(accession)?;
    audit::record(Path::new(audit::AUDIT_DIRECTORY), "extract", &ticker)?;
    let size_bytes = document.size()?;
    if size_bytes > FILING_SIZE_BYTES_MAX {
        return Err(Error::TooLarge { size_bytes }.into());
    }
    let extraction = extraction::extract(&document.get()?, shape.into())?;
    if !extraction.problems.is_empty() {
        log::warn!("{ticker} {accession}: {} problems", extraction.problems.len());
    }
    metrics::counter("facts.numeric", extraction.numeric.into());
    metrics::counter("facts.text", extraction.text.into());
    metrics::counter("facts.rows", extraction.rows.into());
    Ok(Extraction {
        mode: extraction.mode.into(),
        facts: objects::put(&extraction.facts)?,
        numeric: extraction.numeric,
        text: extraction.text,
        rows: extraction.rows,
        revenue: extraction.revenue,
        problems: extraction.problems,
    })
}

impl From<Shape> for filings_common::Shape {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Html => Self::Html,
            Shape::Submission => Self::Submission,
        }
    }
}

impl From<extraction::Mode> for Mode {
    fn from(mode: extraction::Mode) -> Self {
        match mode {
            extraction::Mode::InlineXbrl => Self::InlineXbrl,
            extraction::Mode::TableRows => Self::TableRows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESSION: &str = "0000000001-24-000001";

    #[test]
    fn facts_go_out_as_an_object() {
        let document = objects::put(b"<html><tr><td>Cash<td>7</html>").unwrap();
        let extraction = FilingsExtract::extract("ACME".into(), ACCESSION.into(), Shape::Html, document).unwrap();
        assert_eq!(extraction.rows, 1);
        let facts = String::from_utf8(extraction.facts.get().unwrap()).unwrap();
        assert!(facts.contains(r#""concept":"Cash","value":7,"#), "{facts}");
    }

    #[test]
    fn an_error_names_the_filing_the_place_and_the_remedy() {
        let document = objects::put(b"<html><p>caf\xe9").unwrap();
        let error = FilingsExtract::extract("ACME".into(), ACCESSION.into(), Shape::Html, document);
        assert_eq!(
            error.unwrap_err(),
            "ACME 0000000001-24-000001: the filing is not UTF-8 text: byte 12 cannot be decoded; \
             fetch it again, or convert it to UTF-8"
        );
    }

    #[test]
    fn a_ticker_is_checked_before_anything_is_read() {
        let document = objects::put(b"").unwrap();
        let error = FilingsExtract::extract("../x".into(), ACCESSION.into(), Shape::Html, document).unwrap_err();
        assert!(error.contains("is not a ticker"), "{error}");
    }
}
