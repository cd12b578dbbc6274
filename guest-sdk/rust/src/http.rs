//! Requests to the HTTP origins that the plugin was granted. A plugin that uses this module and was
//! granted no origin is refused when it is loaded.
//!
//! ```no_run
//! use belljar_guest::http;
//!
//! let response = http::send(&http::Request::get("https://example.org/facts.json"))?;
//! let body = response.body.get()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::bindings::belljar::plugin::http as wit;

pub use wit::{Request, Response};

/// Why there is no response. A status of 400 and above is a response, not an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The URL, the method or a header is not valid; the text says what.
    #[error("the request is not valid: {0}")]
    Invalid(String),
    /// The origin is not among the granted ones; the text names it.
    #[error("{0} is not among the granted HTTP origins; add it to the plugin's grants")]
    NotGranted(String),
    /// The body is larger than the limit, which is given in bytes.
    #[error("the response is larger than the limit of {0} bytes")]
    TooLarge(u64),
    /// No answer within the time limit, which is given in milliseconds.
    #[error("there was no answer within {0} ms")]
    Timeout(u64),
    /// The connection failed; the text says how.
    #[error("the connection failed: {0}")]
    Connection(String),
}

impl Request {
    /// A `GET` request for an absolute `http` or `https` URL, without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET".to_owned(), url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// The same request with one more header.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl Response {
    /// The value of the first header of that name, whose case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Sends the request and waits for the whole response. Redirects are followed to granted origins
/// only.
///
/// # Errors
///
/// The request is not valid, its origin is not granted, the response is too large or too late, or
/// the connection failed.
pub fn send(request: &Request) -> Result<Response, Error> {
    crate::host::http::send(request).map_err(Error::from)
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Invalid(why) => Self::Invalid(why),
            wit::Error::NotGranted(origin) => Self::NotGranted(origin),
            wit::Error::TooLarge(limit_bytes) => Self::TooLarge(limit_bytes),
            wit::Error::Timeout(limit_ms) => Self::Timeout(limit_ms),
            wit::Error::Connection(why) => Self::Connection(why),
        }
    }
}
