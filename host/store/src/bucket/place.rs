//! From a URL to a bucket that can be asked.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig};
use url::Url;

use super::io::{CONNECT_TIMEOUT, Io, REQUEST_TIMEOUT, RETRIES_MAX, RETRY_TIME_MAX};
use super::swap::Swapping;
use crate::error::StoreError;

/// The file that is locked while an object of a folder is swapped.
const LOCK_FILE: &str = "belljar-bucket.lock";

/// How much of a text that is no URL is repeated.
const SHOWN_CHARACTERS_MAX: usize = 200;

const NO_CREDENTIALS: &str = "credentials do not belong into it, but into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// Opens what a URL names. `variables` are those of the environment: an `AWS_` one is an option of S3.
pub(super) fn open(url: &str, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Io, StoreError> {
    let wrong = |problem: String| StoreError::BucketUrl { url: shown(url), problem };
    let parsed = Url::parse(url).map_err(|error| match url.contains('@') {
        // A secret may have characters that no URL has.
        true => wrong(NO_CREDENTIALS.to_owned()),
        false => wrong(error.to_string()),
    })?;
    if has_credentials(&parsed) {
        return Err(wrong(NO_CREDENTIALS.to_owned()));
    }
    if parsed.fragment().is_some() {
        return Err(wrong("it has no place for a `#`, which is written %23".to_owned()));
    }
    let (store, swapping): (Arc<dyn ObjectStore>, _) = match parsed.scheme() {
        "s3" => (s3(&parsed, variables).map_err(wrong)?, Swapping::Conditional),
        "file" => {
            let folder = folder(&parsed).map_err(wrong)?;
            let files = LocalFileSystem::new_with_prefix(&folder).map_err(|error| wrong(error.to_string()))?;
            (Arc::new(files.with_fsync(true)), Swapping::Locked(folder.join(LOCK_FILE)))
        }
        other => return Err(wrong(format!("`{other}` is neither `s3` nor `file`"))),
    };
    let mut place = parsed;
    place.set_query(None);
    Io::new(store, swapping, place.to_string())
}

/// What an error may repeat of a text that was to be a URL: whatever stands before an `@`, or in the query, may be a
/// secret.
fn shown(url: &str) -> String {
    if url.contains('@') {
        return url.split_once("://").map_or("…".to_owned(), |(scheme, _)| format!("{}://…", cut(scheme)));
    }
    cut(url.split(['?', '#']).next().unwrap_or_default())
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS_MAX).collect()
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn folder(url: &Url) -> Result<PathBuf, String> {
    if url.query().is_some() {
        return Err("a folder has no options; a `?` in its name is written %3F".to_owned());
    }
    let folder = url.to_file_path().map_err(|()| "it takes three slashes and an absolute path: file:///folder")?;
    match folder.is_dir() {
        true => Ok(folder),
        // A slip in the name of a mounted folder would otherwise end on the disk of this machine.
        false => Err(format!("there is no folder {}; create it first", folder.display())),
    }
}

fn s3(url: &Url, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Arc<dyn ObjectStore>, String> {
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or("it names no bucket: s3://bucket")?;
    if url.port().is_some() {
        return Err("a port belongs to the endpoint: s3://bucket?endpoint=http://host:9000".to_owned());
    }
    let prefix = Path::from_url_path(url.path().trim_matches('/')).map_err(|error| error.to_string())?;
    let mut builder = AmazonS3Builder::new();
    for (name, value) in variables {
        // One that is not text, or that S3 has no option for, is meant for somebody else.
        let name = name.to_str().filter(|name| name.starts_with("AWS_")).map(str::to_ascii_lowercase);
        if let (Some(Ok(key)), Some(value)) = (name.map(|name| name.parse::<AmazonS3ConfigKey>()), value.to_str()) {
            builder = builder.with_config(key, value);
        }
    }
    let seconds = |limit: Duration| format!("{}s", limit.as_secs());
    let mut builder = builder
        .with_bucket_name(bucket)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout), seconds(CONNECT_TIMEOUT))
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), seconds(REQUEST_TIMEOUT))
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_TIME_MAX,
        });
    for (key, value) in url.query_pairs() {
        builder = match &*key {
            "endpoint" => {
                let endpoint =
                    Url::parse(&value).ok().filter(|endpoint| ["http", "https"].contains(&endpoint.scheme()));
                let endpoint = endpoint.ok_or("its endpoint is no URL of HTTP: http://host:9000")?;
                if has_credentials(&endpoint) {
                    return Err(NO_CREDENTIALS.to_owned());
                }
                // The more special of two options, so that no variable counts for more than the URL.
                builder.with_config(AmazonS3ConfigKey::S3Endpoint, value).with_allow_http(endpoint.scheme() == "http")
            }
            "region" => builder.with_region(value),
            other => return Err(format!("it may have `endpoint` and `region`, and not `{other}`")),
        };
    }
    use_ring();
    let store = builder.build().map_err(|error| error.to_string())?;
    Ok(match prefix.as_ref().is_empty() {
        true => Arc::new(store),
        false => Arc::new(PrefixStore::new(store, prefix)),
    })
}

/// Makes the cryptography that the rest of the program uses that of the bucket's client too, which has none of
/// its own. Whoever embeds this may have chosen another before.
fn use_ring() {
    rustls::crypto::ring::default_provider().install_default().ok();
}
