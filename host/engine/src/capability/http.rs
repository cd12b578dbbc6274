//! `belljar:plugin/http`: requests to granted origins. The origin is checked here, on every request; the
//! transport, which must check it again on redirects, is the embedding runtime's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bindings::belljar::plugin::http::{Error as GuestError, Host, Request, Response};
use super::bindings::belljar::plugin::objects::ObjectRef;
use super::{BoxFuture, HeldObject};
use crate::fault::{FaultKind, raise};
use crate::state::HostState;

/// A request that passed the check of its origin.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// Name and value of each header.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// The origins that may be reached; a redirect elsewhere is an error.
    pub origins: Arc<[String]>,
    /// When to give up.
    pub timeout: Duration,
}

/// A whole response.
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Name, in lower case, and value of each header.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Arc<dyn HeldObject>,
}

/// Why there is no response; the same cases as in the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum HttpError {
    /// The request is not valid.
    #[error("invalid request: {0}")]
    Invalid(String),
    /// The origin was not granted.
    #[error("the origin {0} was not granted")]
    NotGranted(String),
    /// The body is too large; the limit in bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// No answer in time; the limit in milliseconds.
    #[error("no answer within {0} ms")]
    Timeout(u64),
    /// The connection failed.
    #[error("{0}")]
    Connection(String),
}

/// Sends requests. The embedding runtime implements it.
pub trait HttpHost: Send + Sync {
    /// The origin of a URL, `scheme://host[:port]`, in one spelling; an error text when it has none.
    fn origin_of(&self, url: &str) -> Result<String, String>;
    /// Sends the request and stores the body of the response.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, HttpOutcome>;
}

/// A response or an error for the guest, or a fault that stops it.
pub type HttpOutcome = Result<Result<HttpResponse, HttpError>, FaultKind>;

impl From<HttpError> for GuestError {
    fn from(error: HttpError) -> GuestError {
        match error {
            HttpError::Invalid(message) => GuestError::Invalid(message),
            HttpError::NotGranted(origin) => GuestError::NotGranted(origin),
            HttpError::TooLarge(limit) => GuestError::TooLarge(limit),
            HttpError::Timeout(limit_ms) => GuestError::Timeout(limit_ms),
            HttpError::Connection(message) => GuestError::Connection(message),
        }
    }
}

impl Host for HostState {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, GuestError>> {
        // The body of the response will be one more object.
        self.objects.check_room(self.limits.objects_held_max).map_err(raise)?;
        let sent = self.send_checked(request).await.map_err(raise)?;
        if let Err(HttpError::NotGranted(origin)) = &sent {
            self.wasi.denials.note_http(origin);
        }
        Ok(sent.map_err(GuestError::from))
    }
}

impl HostState {
    async fn send_checked(&mut self, request: Request) -> Result<Result<Response, HttpError>, FaultKind> {
        let http = self.services.http.clone();
        match http.origin_of(&request.url) {
            Ok(origin) if self.grants.http.contains(&origin) => {}
            Ok(origin) => return Ok(Err(HttpError::NotGranted(origin))),
            Err(message) => return Ok(Err(HttpError::Invalid(message))),
        }
        let request = HttpRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            origins: self.grants.http.as_slice().into(),
            timeout: self.deadline.saturating_duration_since(Instant::now()),
        };
        Ok(http.send(request).await?.map(|response| {
            let body = ObjectRef { belljar_object: response.body.id() };
            self.objects.give(response.body);
            Response { status: response.status, headers: response.headers, body }
        }))
    }
}
