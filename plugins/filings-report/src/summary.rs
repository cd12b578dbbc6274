//! The totals of a run and the document that shows them.
//!
//! The items of a run finish in any order; the summary sorts them, so that two runs over the same
//! filings end in the same document.

use std::collections::BTreeSet;

use serde::Serialize;

/// The most rows that are summed up: far more companies than file anywhere.
pub const ROWS_MAX: usize = 100_000;

/// Why the rows cannot be summed up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// There are too many rows.
    #[error("{0} rows are more than the {ROWS_MAX} that a summary may have (ROWS_MAX)")]
    TooManyRows(usize),
    /// The numbers of facts are no real ones.
    #[error("the facts of all rows together are more than a 64-bit number can count")]
    TooManyFacts,
    /// The document could not be written as JSON.
    #[error("the summary cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What became of one company's filing. Rows are ordered by ticker, then by the other fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Row {
    /// The company's ticker.
    pub ticker: String,
    /// The filing's number.
    pub accession: String,
    /// How the facts were extracted.
    pub mode: String,
    /// How many facts were saved.
    pub facts: u64,
    /// The revenue of the newest quarter, as exact decimal text; null if the filing states none.
    pub revenue: Option<String>,
    /// The file that the facts were saved in.
    pub file: String,
}

/// A run, summed up. Its fields, in this order, are the document's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many different companies there are.
    pub tickers: u32,
    /// How many facts were saved.
    pub facts: u64,
    /// The rows, sorted.
    pub rows: Vec<Row>,
}

impl Summary {
    /// Sums up the rows of a run.
    ///
    /// # Errors
    /// [`SummaryError`] for more than [`ROWS_MAX`] rows, or numbers that add up to more than 64 bits
    /// hold.
    pub fn of(mut rows: Vec<Row>) -> Result<Self, SummaryError> {
        if rows.len() > ROWS_MAX {
            return Err(SummaryError::TooManyRows(rows.len()));
        }
        rows.sort_unstable();
        let tickers: BTreeSet<_> = rows.iter().map(|row| &row.ticker).collect();
        let tickers = u32::try_from(tickers.len()).map_err(|_| SummaryError::TooManyRows(rows.len()))?;
        let facts =
            rows.iter().try_fold(0_u64, |sum, row| sum.checked_add(row.facts)).ok_or(SummaryError::TooManyFacts)?;
        Ok(Self { tickers, facts, rows })
    }

    /// The summary as JSON that a person can read, ending in a line break.
    ///
    /// # Errors
    /// [`SummaryError::Json`].
    pub fn document(&self) -> Result<String, SummaryError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(ticker: &str, facts: u64) -> Row {
        Row {
            ticker: ticker.to_owned(),
            accession: "0000320193-23-000077".to_owned(),
            mode: "inline-xbrl".to_owned(),
            facts,
            revenue: None,
            file: format!("/out/{ticker}.parquet"),
        }
    }

    #[test]
    fn rows_are_sorted_and_added_up() {
        let summary = Summary::of(vec![row("XOM", 871), row("AAPL", 736)]).unwrap();
        assert_eq!((summary.tickers, summary.facts), (2, 1_607));
        assert_eq!(summary.rows[0].ticker, "AAPL");
    }

    #[test]
    fn two_filings_of_one_company_count_as_one_ticker() {
        let summary = Summary::of(vec![row("AAPL", 1), row("AAPL", 2)]).unwrap();
        assert_eq!((summary.tickers, summary.facts), (1, 3));
        assert_eq!(summary.rows.len(), 2);
    }

    #[test]
    fn the_document_reads_well() {
        let mut apple = row("AAPL", 736);
        apple.revenue = Some("81797000000".to_owned());
        let document = Summary::of(vec![apple]).unwrap().document().unwrap();
        let expected = r#"{
  "tickers": 1,
  "facts": 736,
  "rows": [
    {
      "ticker": "AAPL",
      "accession": "0000320193-23-000077",
      "mode": "inline-xbrl",
      "facts": 736,
      "revenue": "81797000000",
      "file": "/out/AAPL.parquet"
    }
  ]
}
"#;
        assert_eq!(document, expected);
    }

    #[test]
    fn a_run_without_items_has_an_empty_summary() {
        let summary = Summary::of(Vec::new()).unwrap();
        assert_eq!((summary.tickers, summary.facts), (0, 0));
    }

    #[test]
    fn sums_that_no_run_can_have_are_refused() {
        let error = Summary::of(vec![row("A", u64::MAX), row("B", 1)]).unwrap_err();
        assert!(matches!(error, SummaryError::TooManyFacts));
        let error = Summary::of(vec![row("A", 1); ROWS_MAX + 1]).unwrap_err();
        assert!(error.to_string().contains("ROWS_MAX"));
    }

    proptest! {
        #[test]
        fn the_order_in_which_items_finish_does_not_show(
            rows in prop::collection::vec(("[A-C]{1,2}", 0..5_u64), 0..8).prop_shuffle(),
        ) {
            let rows: Vec<_> = rows.iter().map(|(ticker, facts)| row(ticker, *facts)).collect();
            let reversed = rows.iter().rev().cloned().collect();
            let document = |rows| Summary::of(rows).unwrap().document().unwrap();
            prop_assert_eq!(document(rows), document(reversed));
        }
    }
}
