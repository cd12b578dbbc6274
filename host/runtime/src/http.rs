//! HTTP for guests that were granted an origin. Each hop of a redirect is checked against the granted origins,
//! so that an open redirect there leads nowhere else.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use belljar_engine::capability::{BoxFuture, HttpError, HttpHost, HttpOutcome, HttpRequest, HttpResponse};
use belljar_store::ObjectStore;
use ureq::http::header::{HeaderName, LOCATION};
use ureq::http::{Method, Request, Response};
use ureq::{Agent, Body};
use url::{Origin, Url};

use crate::objects::StoredObject;

/// Bytes of a response's body: 128 MiB.
pub const HTTP_BODY_BYTES_MAX: u64 = 128 << 20;
/// Redirects that are followed: 5.
pub const HTTP_REDIRECTS_MAX: u32 = 5;
/// Headers that belong to the connection, or name another host than the URL's: a guest cannot set them.
const HEADERS_RESERVED: [&str; 8] =
    ["connection", "content-length", "host", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"];
/// Headers that prove who is asking: they go to the origin that they were meant for, and not along a redirect.
const HEADERS_OF_ORIGIN: [&str; 2] = ["authorization", "cookie"];
/// Connections kept open per origin.
const IDLE_CONNECTIONS_PER_ORIGIN: usize = 4;

pub(crate) struct HttpClient {
    agent: Agent,
    objects: Arc<ObjectStore>,
}

impl HttpClient {
    pub(crate) fn new(objects: Arc<ObjectStore>) -> HttpClient {
        let config = Agent::config_builder()
            .max_redirects(0) // They are followed below, where origins are checked.
            .http_status_as_error(false)
            .proxy(None) // A proxy from the environment would be an origin that nobody granted.
            .max_idle_connections_per_host(IDLE_CONNECTIONS_PER_ORIGIN)
            .user_agent(concat!("belljar/", env!("CARGO_PKG_VERSION")))
            .build();
        HttpClient { agent: config.into(), objects }
    }
}

impl HttpHost for HttpClient {
    fn origin_of(&self, url: &str) -> Result<String, String> {
        origin_of(&parse(url)?)
    }

    fn send(&self, request: HttpRequest) -> BoxFuture<'_, HttpOutcome> {
        let (agent, objects) = (self.agent.clone(), self.objects.clone());
        Box::pin(async move {
            let sent = tokio::task::spawn_blocking(move || send(&agent, &objects, request));
            Ok(sent.await.unwrap_or_else(|error| Err(HttpError::Connection(error.to_string()))))
        })
    }
}

/// A granted origin in the spelling that requests are compared in.
pub(crate) fn normal_origin(origin: &str) -> Result<String, String> {
    let url = parse(origin)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(format!("`{origin}` is more than an origin; write scheme://host:port alone"));
    }
    origin_of(&url)
}

fn parse(url: &str) -> Result<Url, String> {
    Url::parse(url).map_err(|error| format!("`{url}` is not an absolute URL: {error}"))
}

fn origin_of(url: &Url) -> Result<String, String> {
    match (url.scheme(), url.origin()) {
        ("http" | "https", origin @ Origin::Tuple(..)) => Ok(origin.ascii_serialization()),
        _ => Err(format!("`{url}` is neither http nor https")),
    }
}

fn send(agent: &Agent, objects: &Arc<ObjectStore>, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let deadline = std::time::Instant::now() + request.timeout;
    let mut url = parse(&request.url).map_err(HttpError::Invalid)?;
    let mut method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| HttpError::Invalid(format!("`{}` is not a method", request.method)))?;
    let is_one_of = |name: &str, names: &[&str]| names.iter().any(|its| name.eq_ignore_ascii_case(its));
    if let Some((name, _)) = request.headers.iter().find(|(name, _)| is_one_of(name, &HEADERS_RESERVED)) {
        return Err(HttpError::Invalid(format!("the header `{name}` is set by the host")));
    }
    let mut body = std::mem::take(&mut request.body);
    for _hop in 0..=HTTP_REDIRECTS_MAX {
        let origin = origin_of(&url).map_err(HttpError::Invalid)?;
        if !request.origins.contains(&origin) {
            return Err(HttpError::NotGranted(origin));
        }
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        let response = send_once(agent, &request, &method, &url, &body, left)?;
        let status = response.status().as_u16();
        let Some(location) = response.headers().get(LOCATION).filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308))
        else {
            return read(objects, response);
        };
        let location = location.to_str().map_err(|_| HttpError::Invalid("the redirect is not text".to_owned()))?;
        url =
            url.join(location).map_err(|error| HttpError::Invalid(format!("the redirect to `{location}`: {error}")))?;
        if origin_of(&url).is_ok_and(|next| next != origin) {
            request.headers.retain(|(name, _)| !is_one_of(name, &HEADERS_OF_ORIGIN));
        }
        if status == 303 || (matches!(status, 301 | 302) && method == Method::POST) {
            (method, body) = (Method::GET, Vec::new()); // As RFC 9110, section 15.4, has it.
        }
    }
    Err(HttpError::Invalid(format!("more than {HTTP_REDIRECTS_MAX} redirects")))
}

fn send_once(
    agent: &Agent,
    request: &HttpRequest,
    method: &Method,
    url: &Url,
    body: &[u8],
    timeout: Duration,
) -> Result<Response<Body>, HttpError> {
    let mut builder = Request::builder().method(method.clone()).uri(url.as_str());
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let invalid = |error: ureq::http::Error| HttpError::Invalid(error.to_string());
    let failed = |error: ureq::Error| match error {
        ureq::Error::Timeout(_) => HttpError::Timeout(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        other => HttpError::Connection(format!("{url}: {other}")),
    };
    if body.is_empty() {
        let request = builder.body(()).map_err(invalid)?;
        let request = agent.configure_request(request).timeout_global(Some(timeout)).build();
        agent.run(request).map_err(failed)
    } else {
        let request = builder.body(body).map_err(invalid)?;
        let request = agent.configure_request(request).timeout_global(Some(timeout)).build();
        agent.run(request).map_err(failed)
    }
}

fn read(objects: &Arc<ObjectStore>, mut response: Response<Body>) -> Result<HttpResponse, HttpError> {
    let status = response.status().as_u16();
    let text = |name: &HeaderName, value: &[u8]| (name.to_string(), String::from_utf8_lossy(value).into_owned());
    let headers = response.headers().iter().map(|(name, value)| text(name, value.as_bytes())).collect();
    let mut bytes = Vec::new();
    // One byte more than the limit tells a body of exactly the limit from a longer one.
    let mut reader = response.body_mut().as_reader().take(HTTP_BODY_BYTES_MAX + 1);
    reader.read_to_end(&mut bytes).map_err(|error| HttpError::Connection(error.to_string()))?;
    if bytes.len() as u64 > HTTP_BODY_BYTES_MAX {
        return Err(HttpError::TooLarge(HTTP_BODY_BYTES_MAX));
    }
    let body = StoredObject::put(objects, bytes).map_err(|error| HttpError::Connection(error.to_string()))?;
    Ok(HttpResponse { status, headers, body: Arc::new(body) })
}
