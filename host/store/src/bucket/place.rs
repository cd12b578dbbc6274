//! From a URL to a bucket that can be asked.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig};
use url::Url;

use super::io::{CONNECT_TIMEOUT, Io, REQUEST_TIMEOUT, RETRIES_MAX, RETRY_TIME_MAX};
use super::swap::Swapping;
use crate::error::StoreError;

/// The file that is locked while an object of a folder is swapped.
const LOCK_FILE: &str = "belljar-bucket.lock";

/// Opens what a URL names. `variables` are those of the environment: an `AWS_` one is an option of S3.
pub(super) fn open(url: &str, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Io, StoreError> {
    let wrong = |problem: String| StoreError::BucketUrl { url: url.chars().take(200).collect(), problem };
    let parsed = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        // Before anything repeats it: what stands there is a secret.
        let problem = "credentials do not belong into it, but into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        return Err(StoreError::BucketUrl { url: format!("{}://…", parsed.scheme()), problem: problem.to_owned() });
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
    place.set_fragment(None);
    Io::new(store, swapping, place.to_string())
}

fn folder(url: &Url) -> Result<PathBuf, String> {
    let folder = url.to_file_path().map_err(|()| "it takes three slashes and an absolute path: file:///folder")?;
    match folder.is_dir() {
        true => Ok(folder),
        // A slip in the name of a mounted folder would otherwise end on the disk of this machine.
        false => Err(format!("there is no folder {}; create it first", folder.display())),
    }
}

fn s3(url: &Url, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Arc<dyn ObjectStore>, String> {
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or("it names no bucket: s3://bucket")?;
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
                let is_plain = value.starts_with("http://");
                builder.with_endpoint(value).with_allow_http(is_plain)
            }
            "region" => builder.with_region(value),
            other => return Err(format!("it may have `endpoint` and `region`, and not `{other}`")),
        };
    }
    use_ring();
    let store = builder.build().map_err(|error| error.to_string())?;
    Ok(match url.path().trim_matches('/') {
        "" => Arc::new(store),
        prefix => Arc::new(PrefixStore::new(store, prefix)),
    })
}

/// Makes the cryptography that the rest of the program uses that of the bucket's client too, which has none of
/// its own. Whoever embeds this may have chosen another before.
fn use_ring() {
    rustls::crypto::ring::default_provider().install_default().ok();
}
