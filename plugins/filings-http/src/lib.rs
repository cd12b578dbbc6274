//! The first step of the filings workflow, from a server instead of a directory.
//!
//! `find` fetches the newest filing of a ticker from a granted HTTP origin. The document goes from the
//! server into an object of the host and on to the next step: it never passes through this plugin's
//! memory, which needs no more than the index.
//!
//! # What the server must offer
//!
//! | path below the origin | holds |
//! | --- | --- |
//! | `<TICKER>/<FORM>/index.json` | `{"accessions": ["0000320193-23-000077", …]}`, in any order |
//! | `<TICKER>/<FORM>/<accession>/primary-document.html` | the main document, or |
//! | `<TICKER>/<FORM>/<accession>/full-submission.txt` | the whole submission |
//!
//! The index may also say `"file": "full-submission.txt"`, if all of its filings have that shape; then
//! no other is asked for. Other fields of the index are ignored. So any static file server will do that
//! serves the directory that `filings-find` reads, with an `index.json` added to each form's folder.
//!
//! The logic is in [`archive`]; this file binds it to the function that `wit/world.wit` declares.

pub mod archive;
pub mod origin;

use std::error::Error;

use belljar_guest::{http, log};
use filings_common::{Form, Ticker};

use crate::archive::Archive;
use crate::origin::Origin;

belljar_guest::plugin!("wit/world.wit");

struct FilingsHttp;

impl Guest for FilingsHttp {
    fn find(ticker: String, form: String, origin: String) -> Result<Filing, String> {
        find_filing(&ticker, &form, &origin).map_err(|error| error.to_string())
    }
}

export!(FilingsHttp);

fn find_filing(ticker: &str, form: &str, origin: &str) -> Result<Filing, Box<dyn Error>> {
    let ticker = Ticker::parse(ticker)?;
    let form = Form::parse(form)?;
    let archive = Archive::new(Origin::parse(origin)?, http::send);
    let found = archive.newest_filing(&ticker, &form)?;
    for remark in &found.remarks {
        log::warn!("{ticker} {form}: {remark}");
    }
    Ok(Filing {
        ticker: ticker.to_string(),
        form: form.to_string(),
        accession: found.accession.to_string(),
        shape: found.shape.into(),
        source: found.url,
        size_bytes: found.size_bytes,
        document: found.document,
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
