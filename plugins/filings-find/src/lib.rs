//! The first step of the filings workflow: what is to be done, and on which document.
//!
//! `claim` takes up an input file that names a ticker. `find` reads the newest filing of that ticker
//! from a directory laid out as `<TICKER>/<FORM>/<accession>/<document>`, and passes the document on as
//! an object, so that its megabytes are read once and copied to the host once.
//!
//! | granted as | access | for |
//! | --- | --- | --- |
//! | `/filings` | read | the filings |
//! | `/inputs` | read and write | the input files (only `claim`) |
//! | `/processing` | read and write | the input files that were taken up (only `claim`) |
//! | `/audit` | write, optional | the log of what ran |
//!
//! What the plugin does is in [`mod@claim`] and [`mod@search`], in plain Rust that knows nothing of
//! WebAssembly; this file binds it to the functions that `wit/world.wit` declares. Errors reach the
//! workflow as one sentence that names the file and the remedy.

pub mod claim;
pub mod search;

use std::error::Error;
use std::path::Path;

use belljar_guest::{log, objects};
use filings_common::{Form, Ticker, audit};

use crate::claim::Claim;

belljar_guest::plugin!("wit/world.wit");

const FILINGS: &str = "/filings";
const INPUTS: &str = "/inputs";
const PROCESSING: &str = "/processing";

struct FilingsFind;

impl Guest for FilingsFind {
    fn claim(file: String) -> Result<Claimed, String> {
        claim_input(&file).map_err(|error| error.to_string())
    }

    fn find(ticker: String, form: String) -> Result<Filing, String> {
        find_filing(&ticker, &form).map_err(|error| error.to_string())
    }
}

export!(FilingsFind);

fn claim_input(file: &str) -> Result<Claimed, Box<dyn Error>> {
    let claim = Claim::check(Path::new(INPUTS), Path::new(PROCESSING), file)?;
    // Only the file's content tells whose run this is, so the record comes after the check, and before
    // anything is moved.
    audit::record(Path::new(audit::AUDIT_DIRECTORY), "claim", &claim.ticker)?;
    claim.take()?;
    Ok(Claimed {
        ticker: claim.ticker.to_string(),
        original_file_path: claim.original.display().to_string(),
        processing_file_path: claim.processing.display().to_string(),
    })
}

fn find_filing(ticker: &str, form: &str) -> Result<Filing, Box<dyn Error>> {
    let ticker = Ticker::parse(ticker)?;
    let form = Form::parse(form)?;
    audit::record(Path::new(audit::AUDIT_DIRECTORY), "find", &ticker)?;
    let found = search::newest_filing(Path::new(FILINGS), &ticker, &form)?;
    for remark in &found.remarks {
        log::warn!("{ticker} {form}: {remark}");
    }
    let bytes = found.read()?;
    Ok(Filing {
        ticker: ticker.to_string(),
        form: form.to_string(),
        accession: found.accession.to_string(),
        shape: found.shape.into(),
        source: found.path.display().to_string(),
        size_bytes: bytes.len() as u64,
        document: objects::put(&bytes)?,
    })
}

impl From<filings_common::Shape> for Shape {
    fn from(shape: filings_common::Shape) -> Self {
        match shape {
            filings_common::Shape::Html => Self::Html,
            filings_common::Shape::Submission => Self::Submission,
        }
    }
}
