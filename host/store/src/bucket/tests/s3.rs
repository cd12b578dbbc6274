//! The same against a server that speaks S3 and checks who asks.

use std::ffi::OsString;
use std::net::SocketAddr;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

use super::support::{Machine, NAME, elsewhere, owner};
use crate::StoreError;
use crate::bucket::{Bucket, place};

const BUCKET: &str = "checkpoints";

/// A server that ends with the test.
struct Server {
    address: SocketAddr,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("key", "secret"));
        let service = service.build();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await.ok();
                });
            }
        });
        Self { address, folder, _runtime: runtime }
    }

    fn bucket(&self, path: &str, secret: &str) -> Bucket {
        let url = format!("s3://{path}?endpoint=http://{}&region=eu-1", self.address);
        let variables = [
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", secret),
            // Those of another service, which the URL counts for more than.
            ("AWS_ENDPOINT_URL", "https://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_S3", "https://127.0.0.1:1"),
            ("HOME", "/"),
        ];
        let variables = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Bucket { io: place::open(&url, variables.into_iter()).unwrap() }
    }
}

#[test]
fn an_actor_goes_through_a_bucket_of_s3_and_its_old_owner_is_refused() {
    let server = Server::start();
    let path = format!("{BUCKET}/our%20team/a/");
    let bucket = server.bucket(&path, "secret");
    let mut machine = Machine::new();
    let first = machine.push(&bucket, owner("first")).unwrap();
    machine.step(9);
    let second = machine.push(&bucket, owner("first")).unwrap();
    assert!(second.chunks_uploaded < first.chunks_uploaded);
    assert!(server.folder.path().join(BUCKET).join("our team/a/heads").is_dir(), "the prefix is used");

    let (_, packs) = elsewhere();
    let bucket = server.bucket(&path, "secret");
    let pulled = bucket.pull(NAME, None, &packs, |_| ()).unwrap();
    machine.assert_is(&pulled, &packs);
    assert_eq!(bucket.claim(&pulled.claim, owner("second")).unwrap(), 2);
    assert!(matches!(bucket.claim(&pulled.claim, owner("third")), Err(StoreError::BucketBusy { .. })));

    machine.step(10);
    assert!(matches!(machine.push(&bucket, owner("first")), Err(StoreError::LeaseLost { found: 2, .. })));
    machine.push(&bucket, owner("second")).unwrap();
    assert_eq!(bucket.list().unwrap().len(), 1);
    bucket.remove(NAME).unwrap();
    let collected = bucket.collect_older_than(std::time::Duration::ZERO).unwrap();
    assert_eq!((collected.checkpoints, collected.components), (3, 1));
    assert!(bucket.list().unwrap().is_empty());
}

#[test]
fn a_wrong_secret_is_told_without_telling_it() {
    let server = Server::start();
    let bucket = server.bucket(BUCKET, "wrong");
    let error = Machine::new().push(&bucket, owner("first")).unwrap_err();
    assert!(matches!(error, StoreError::Bucket { .. }), "{error}");
    assert!(error.to_string().contains("AWS_SECRET_ACCESS_KEY") && !error.to_string().contains("wrong"), "{error}");
    assert_eq!(bucket.place(), format!("s3://{BUCKET}"));
}
