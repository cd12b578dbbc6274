//! The last step of the filings workflow: what the run has brought.
//!
//! `summarise` is given a row for each company, sorts and adds up, and puts a JSON document into an
//! object that the workflow can write to a file. The logic is in [`mod@summary`]; this file binds it to
//! the function that `wit/world.wit` declares. The plugin needs no grant at all.

pub mod summary;

use std::error::Error;

use belljar_guest::objects;

belljar_guest::plugin!("wit/world.wit");

struct FilingsReport;

impl Guest for FilingsReport {
    fn summarise(rows: Vec<Row>) -> Result<Summary, String> {
        sum_up(rows).map_err(|error| error.to_string())
    }
}

export!(FilingsReport);

fn sum_up(rows: Vec<Row>) -> Result<Summary, Box<dyn Error>> {
    let rows = rows.into_iter().map(summary::Row::from).collect();
    let summary = summary::Summary::of(rows)?;
    Ok(Summary {
        tickers: summary.tickers,
        facts: summary.facts,
        document: objects::put(summary.document()?.as_bytes())?,
    })
}

impl From<Row> for summary::Row {
    fn from(row: Row) -> Self {
        let Row { ticker, accession, mode, facts, revenue, file } = row;
        Self { ticker, accession, mode, facts, revenue, file }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_of_a_summary_is_an_object_of_the_host() {
        let rows = vec![Row {
            ticker: "AAPL".to_owned(),
            accession: "0000320193-23-000077".to_owned(),
            mode: "inline-xbrl".to_owned(),
            facts: 736,
            revenue: Some("81797000000".to_owned()),
            file: "/out/AAPL.parquet".to_owned(),
        }];
        let summary = sum_up(rows).unwrap();
        assert_eq!((summary.tickers, summary.facts), (1, 736));
        let document = String::from_utf8(summary.document.get().unwrap()).unwrap();
        assert!(document.contains("\"revenue\": \"81797000000\""), "{document}");
    }
}
