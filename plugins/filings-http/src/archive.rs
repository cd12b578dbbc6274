//! Finding and fetching a company's newest filing from a server.
//!
//! Two or three requests: the form's index, which is small and is read here, and the document of the
//! newest filing in it, which stays an object of the host. Nothing of an answer is believed: statuses,
//! sizes, the index's JSON and every name in it are checked before they are used, and an answer that is
//! not used is freed.

use belljar_guest::http::{self, Request, Response};
use belljar_guest::objects::{self, ObjectRef};
use filings_common::newest::{Candidates, TooManyCandidates};
use filings_common::{Accession, Excerpt, FILING_SIZE_BYTES_MAX, Form, Shape, Ticker};
use serde::Deserialize;

use crate::origin::Origin;

/// The largest index, in bytes: room for some 40,000 filings.
pub const INDEX_SIZE_BYTES_MAX: u64 = 1 << 20;

/// Why there is no filing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// There was no answer.
    #[error("cannot fetch {url}: {source}")]
    Request {
        /// What was asked for.
        url: String,
        /// Why there was none.
        source: http::Error,
    },
    /// The server answered that something went wrong.
    #[error("{url} answered with status {status}{}", advice(*status))]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server has no such index.
    #[error("there is no {0}: the server has no filings of that company and form, or another layout")]
    NoIndex(String),
    /// The index is not the JSON that it should be.
    #[error("{url} is not an index such as {{\"accessions\": [\"0000320193-23-000077\"]}}: {source}")]
    Index {
        /// The index.
        url: String,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The index names a file of another kind.
    #[error("{url} names the file {file}, which is neither primary-document.html nor full-submission.txt")]
    UnknownFile {
        /// The index.
        url: String,
        /// The name.
        file: Excerpt,
    },
    /// The index has no filing in it.
    #[error("{0} lists no filing: none of its accessions is a number such as 0000320193-23-000077")]
    NoFiling(String),
    /// The index has too much in it.
    #[error("cannot choose the newest filing in {url}: {source}")]
    TooMany {
        /// The index.
        url: String,
        /// The limit.
        source: TooManyCandidates,
    },
    /// The server lacks the newest filing's document.
    #[error("{0} is listed as the newest filing, but the server has no document of it")]
    NoDocument(String),
    /// An answer has no content.
    #[error("{0} is empty")]
    Empty(String),
    /// An answer is too large; nothing of it was read.
    #[error("{url} has {size_bytes} bytes, more than {limit_bytes} ({limit})")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The answer's size.
        size_bytes: u64,
        /// The limit.
        limit_bytes: u64,
        /// The limit's name.
        limit: &'static str,
    },
    /// An answer's object could not be used.
    #[error("cannot use the answer of {url}: {source}")]
    Object {
        /// What was asked for.
        url: String,
        /// What the host reported.
        source: objects::Error,
    },
}

/// What a person can do about a status.
fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => ": the server refuses access",
        429 | 500..=599 => ": the server has a problem, try again later",
        _ => "",
    }
}

/// The newest filing, fetched.
#[derive(Debug)]
pub struct Found {
    /// The filing's number.
    pub accession: Accession,
    /// How its document is packed.
    pub shape: Shape,
    /// Where the document was fetched from.
    pub url: String,
    /// The document's size, in bytes: from 1 to [`FILING_SIZE_BYTES_MAX`].
    pub size_bytes: u64,
    /// The document.
    pub document: ObjectRef,
    /// What a person who watches should know about the choice; one log line each.
    pub remarks: Vec<String>,
}

/// A server's filings, asked for through `S`, which sends a request.
pub struct Archive<S> {
    origin: Origin,
    send: S,
}

/// The index of a form's filings. Other fields are ignored.
#[derive(Deserialize)]
struct Index {
    accessions: Vec<String>,
    file: Option<String>,
}

/// An answer with content.
struct Answer {
    body: ObjectRef,
    size_bytes: u64,
}

impl<S: Fn(&Request) -> Result<Response, http::Error>> Archive<S> {
    /// The filings below `origin`.
    pub fn new(origin: Origin, send: S) -> Self {
        Self { origin, send }
    }

    /// Finds and fetches the newest filing of `form` by `ticker`: the last in the order of
    /// [`Accession`]s. It alone is considered: were its document missing, silently taking an older
    /// filing would present last quarter's numbers as this quarter's.
    ///
    /// # Errors
    /// [`ArchiveError`], which names the URL and what is wrong with it.
    pub fn newest_filing(&self, ticker: &Ticker, form: &Form) -> Result<Found, ArchiveError> {
        let folder = self.origin.folder(ticker, form);
        let index_url = format!("{folder}/index.json");
        let index = self.index(&index_url)?;
        let shapes = shapes_of(&index, &index_url)?;
        let candidates = match Candidates::weigh(&index.accessions) {
            Ok(candidates) => candidates,
            Err(source) => {
                let url = index_url;
                return Err(ArchiveError::TooMany { url, source });
            }
        };
        let Some(accession) = candidates.newest() else {
            return Err(ArchiveError::NoFiling(index_url));
        };
        for shape in shapes {
            let url = format!("{folder}/{accession}/{}", shape.file_name());
            if let Some(answer) = self.get(&url, FILING_SIZE_BYTES_MAX, "FILING_SIZE_BYTES_MAX")? {
                return Ok(Found {
                    accession,
                    shape,
                    url,
                    size_bytes: answer.size_bytes,
                    document: answer.body,
                    remarks: candidates.remarks().collect(),
                });
            }
        }
        Err(ArchiveError::NoDocument(format!("{folder}/{accession}")))
    }

    fn index(&self, url: &str) -> Result<Index, ArchiveError> {
        let answer = self
            .get(url, INDEX_SIZE_BYTES_MAX, "INDEX_SIZE_BYTES_MAX")?
            .ok_or_else(|| ArchiveError::NoIndex(url.to_owned()))?;
        let bytes = answer.body.get().map_err(object_error(url))?;
        answer.body.free().map_err(object_error(url))?;
        serde_json::from_slice(&bytes).map_err(|source| ArchiveError::Index { url: url.to_owned(), source })
    }

    /// Fetches what is at `url`; nothing if there is nothing. `limit` is the limit's name.
    fn get(&self, url: &str, limit_bytes: u64, limit: &'static str) -> Result<Option<Answer>, ArchiveError> {
        let response =
            (self.send)(&Request::get(url)).map_err(|source| ArchiveError::Request { url: url.to_owned(), source })?;
        let answer = check(&response, url, limit_bytes, limit);
        if !matches!(answer, Ok(Some(_))) {
            // Whatever this says, the host frees the object at the end of the call; what is wrong with the
            // answer matters more.
            let _ = response.body.free();
        }
        answer
    }
}

/// Whether an answer may be used.
fn check(
    response: &Response,
    url: &str,
    limit_bytes: u64,
    limit: &'static str,
) -> Result<Option<Answer>, ArchiveError> {
    let (body, status) = (response.body, response.status);
    let url = url.to_owned();
    match status {
        200 => {}
        404 | 410 => return Ok(None),
        _ => return Err(ArchiveError::Status { url, status }),
    }
    match body.size().map_err(object_error(&url))? {
        0 => Err(ArchiveError::Empty(url)),
        size_bytes if size_bytes > limit_bytes => Err(ArchiveError::TooLarge { url, size_bytes, limit_bytes, limit }),
        size_bytes => Ok(Some(Answer { body, size_bytes })),
    }
}

/// The shapes to ask for, the preferred first.
fn shapes_of(index: &Index, url: &str) -> Result<Vec<Shape>, ArchiveError> {
    let Some(file) = &index.file else {
        return Ok(Shape::BY_PREFERENCE.to_vec());
    };
    let shape = Shape::of_file(file)
        .ok_or_else(|| ArchiveError::UnknownFile { url: url.to_owned(), file: Excerpt::of(file) })?;
    Ok(vec![shape])
}

fn object_error(url: &str) -> impl FnOnce(objects::Error) -> ArchiveError {
    let url = url.to_owned();
    move |source| ArchiveError::Object { url, source }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
