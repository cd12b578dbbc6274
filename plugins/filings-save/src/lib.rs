//! The third step of the filings workflow: facts become a Parquet file.
//!
//! `save` reads the facts of a filing, one JSON object per line, from an object of the host, and writes
//! `/out/<TICKER>.parquet`: real Parquet, by the `parquet` crate, from within the sandbox. Three things
//! can be relied upon:
//!
//! - The file is there whole or not at all, whatever happens while it is written ([`file::save`]).
//! - The same facts give the same bytes ([`mod@file`]).
//! - Memory stays bounded: facts are read line by line and written in row groups ([`columns`]).
//!
//! | granted as | access | for |
//! | --- | --- | --- |
//! | `/out` | read and write | the files |
//! | `/audit` | write, optional | the log of what ran |

pub mod columns;
pub mod fact;
pub mod file;
pub mod lines;

use std::error::Error;
use std::io::BufReader;
use std::path::Path;

use belljar_guest::objects::ObjectRef;
use filings_common::{Accession, Ticker, audit};

belljar_guest::plugin!("wit/world.wit");

const OUT: &str = "/out";

/// How many bytes of the facts are fetched from the host at a time. Each fetch is a call of the host; a
/// mebibyte makes their number small and costs little memory.
const FETCH_BYTES: usize = 1 << 20;

/// The largest facts object, in bytes: twice what the extraction writes at most.
const FACTS_SIZE_BYTES_MAX: u64 = 128 << 20;

struct FilingsSave;

impl Guest for FilingsSave {
    fn save(ticker: String, accession: String, facts: ObjectRef) -> Result<Saved, String> {
        save_facts(Path::new(OUT), &ticker, &accession, facts).map_err(|error| error.to_string())
    }
}

export!(FilingsSave);

fn save_facts(out: &Path, ticker: &str, accession: &str, facts: ObjectRef) -> Result<Saved, Box<dyn Error>> {
    let ticker = Ticker::parse(ticker)?;
    let accession = Accession::parse(accession)?;
    audit::record(Path::new(audit::AUDIT_DIRECTORY), "save", &ticker)?;
    let size_bytes = facts.size()?;
    if size_bytes > FACTS_SIZE_BYTES_MAX {
        return Err(format!(
            "the facts of {ticker} have {size_bytes} bytes, more than the {FACTS_SIZE_BYTES_MAX} that \
             are saved (FACTS_SIZE_BYTES_MAX)"
        )
        .into());
    }
    let lines = BufReader::with_capacity(FETCH_BYTES, facts.reader()?);
    let saved = file::save(out, &ticker, accession, lines)?;
    Ok(Saved { path: saved.path.display().to_string(), rows: saved.rows, size_bytes: saved.size_bytes })
}

#[cfg(test)]
mod tests {
    use belljar_guest::objects;

    use super::*;

    const ACCESSION: &str = "0000320193-23-000077";

    #[test]
    fn an_object_becomes_a_file() {
        let out = tempfile::tempdir().unwrap();
        let facts = objects::put(b"{\"kind\":\"row\",\"concept\":\"Sales\",\"text\":\"5\"}\n").unwrap();
        let saved = save_facts(out.path(), "XOM", ACCESSION, facts).unwrap();
        assert_eq!((saved.rows, saved.size_bytes > 0), (1, true));
        assert!(out.path().join("XOM.parquet").is_file());
    }

    #[test]
    fn a_name_that_is_none_writes_nothing() {
        let out = tempfile::tempdir().unwrap();
        let facts = objects::put(b"").unwrap();
        assert!(save_facts(out.path(), "../XOM", ACCESSION, facts).is_err());
        assert!(save_facts(out.path(), "XOM", "latest", facts).is_err());
        assert_eq!(out.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_facts_object_past_the_limit_is_refused_by_its_size() {
        let out = tempfile::tempdir().unwrap();
        let facts = objects::put(&vec![b'\n'; FACTS_SIZE_BYTES_MAX as usize + 1]).unwrap();
        let error = save_facts(out.path(), "XOM", ACCESSION, facts).err().unwrap();
        assert!(error.to_string().contains("FACTS_SIZE_BYTES_MAX"));
    }
}
