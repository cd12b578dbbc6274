//! Buckets that a test can make fail, and an actor to bring into them.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};

use crate::bucket::io::Io;
use crate::bucket::mark::{self, Mark};
use crate::bucket::swap::Swapping;
use crate::bucket::{Bucket, Owner, Pulled, Pushed};
use crate::checkpoint::tests::support::{Actor, noise, packs};
use crate::checkpoint::{BundleParts, CHUNK_BYTES_MAX, PAGE_BYTES, Packs};
use crate::{FaultyStorage, Result};

pub(super) const COMPONENT: &[u8] = b"component";
pub(super) const NAME: &str = "visits";

pub(super) fn owner(name: &str) -> Owner {
    Owner::of(name.as_bytes())
}

/// Objects in memory, which really are swapped, and which survive the buckets that are opened on them.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    objects: Arc<InMemory>,
    /// How many requests are answered before the connection breaks for good; less than zero for all.
    requests_left: Arc<AtomicI64>,
    breaks: Arc<AtomicBool>,
    /// Whether conditions are ignored.
    is_careless: bool,
    /// Whether the answers to conditional writes are lost on their way.
    loses_answers: Arc<AtomicBool>,
    before_removal: Meanwhile,
}

/// What somebody else does between two requests.
#[derive(Clone, Default)]
struct Meanwhile(Arc<Mutex<Option<Once>>>);

type Once = Box<dyn FnOnce() + Send>;

impl Meanwhile {
    /// Does it, the first time. It has a thread to itself, as it may wait for a bucket.
    fn pass(&self) {
        if let Some(work) = self.0.lock().unwrap().take() {
            std::thread::spawn(work).join().unwrap();
        }
    }
}

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl Shelf {
    /// One that ignores conditions.
    pub(super) fn careless() -> Self {
        Self { is_careless: true, ..Self::default() }
    }

    pub(super) fn bucket(&self) -> Bucket {
        let io = Io::new(Arc::new(self.clone()), Swapping::Conditional, "memory://shelf".to_owned());
        Bucket { io: io.unwrap() }
    }

    /// From now on only so many requests are answered; all of them with none.
    pub(super) fn answer_only(&self, requests: Option<i64>) {
        self.requests_left.store(requests.unwrap_or_default(), Ordering::SeqCst);
        self.breaks.store(requests.is_some(), Ordering::SeqCst);
    }

    /// From now on conditional writes are carried out without an answer; or with one again.
    pub(super) fn lose_answers(&self, loses: bool) {
        self.loses_answers.store(loses, Ordering::SeqCst);
    }

    /// Does something else before objects are removed for the first time.
    pub(super) fn before_removal(&self, work: impl FnOnce() + Send + 'static) {
        *self.before_removal.0.lock().unwrap() = Some(Box::new(work));
    }

    /// The mark, as it is.
    pub(super) fn mark(&self) -> Mark {
        mark::read(&self.bucket().io).unwrap().unwrap().0
    }

    /// Everything that is there.
    pub(super) fn contents(&self) -> Vec<(Path, Bytes)> {
        let bucket = self.bucket();
        let mut objects = bucket.io.list("").unwrap();
        objects.sort_by(|a, b| a.location.cmp(&b.location));
        let read = |object: ObjectMeta| {
            let found = bucket.io.get(&object.location, u64::MAX).unwrap().unwrap();
            (object.location, found.bytes)
        };
        objects.into_iter().map(read).collect()
    }

    pub(super) fn put(&self, key: &Path, bytes: &[u8]) {
        let bucket = self.bucket();
        bucket.io.wait(bucket.io.write(key, bytes.to_vec())).unwrap();
    }

    pub(super) fn remove(&self, key: &Path) {
        self.bucket().io.delete_all(vec![key.clone()]).unwrap();
    }

    fn request(&self) -> object_store::Result<()> {
        if self.breaks.load(Ordering::SeqCst) && self.requests_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(Error::Generic { store: "shelf", source: "the connection is broken".into() });
        }
        Ok(())
    }
}

impl std::fmt::Display for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("shelf")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Shelf {
    async fn put_opts(
        &self,
        key: &Path,
        bytes: PutPayload,
        mut options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.request()?;
        if self.is_careless {
            options.mode = PutMode::Overwrite;
        }
        let is_lost = self.loses_answers.load(Ordering::SeqCst) && options.mode != PutMode::Overwrite;
        let put = self.objects.put_opts(key, bytes, options).await;
        if is_lost && put.is_ok() {
            return Err(Error::Generic { store: "shelf", source: "the answer is lost".into() });
        }
        put
    }

    async fn get_opts(&self, key: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.request()?;
        self.objects.get_opts(key, options).await
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.before_removal.pass();
        match self.request() {
            Ok(()) => self.objects.delete_stream(keys),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        match self.request() {
            Ok(()) => self.objects.list(prefix),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn put_multipart_opts(
        &self,
        key: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(key, options).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

/// An actor on its machine.
pub(super) struct Machine {
    pub(super) packs: Packs,
    pub(super) actor: Actor,
}

impl Machine {
    /// One whose actor has chunks of pages and of host state, and a chain of checkpoints.
    pub(super) fn new() -> Self {
        let mut machine = Self { packs: packs(&FaultyStorage::new()), actor: Actor::new(Vec::new()) };
        machine.actor.host_state = noise(3, CHUNK_BYTES_MAX + 500);
        for page in 0..160 {
            machine.actor.write_page(page, &noise(page.into(), PAGE_BYTES / 2));
        }
        machine.checkpoint();
        machine.step(5);
        machine
    }

    pub(super) fn checkpoint(&mut self) {
        self.actor.checkpoint(&self.packs).unwrap();
    }

    /// Changes a page and takes a checkpoint.
    pub(super) fn step(&mut self, page: u32) {
        self.actor.write_page(page, &noise(1_000 + self.actor.generation, 300));
        self.checkpoint();
    }

    pub(super) fn push(&self, bucket: &Bucket, owner: Owner) -> Result<Pushed> {
        self.push_as(bucket, owner, self.actor.generation)
    }

    pub(super) fn push_as(&self, bucket: &Bucket, owner: Owner, generation: u64) -> Result<Pushed> {
        let parts = self.parts(generation);
        bucket.push(NAME, owner, parts, self.actor.parent_of(), &self.packs, |_| ())
    }

    /// Does something else after the head was read and before anything is uploaded.
    pub(super) fn push_with(&self, bucket: &Bucket, owner: Owner, meanwhile: impl FnOnce()) -> Result<Pushed> {
        self.push_as_with(bucket, owner, self.actor.generation, meanwhile)
    }

    pub(super) fn push_as_with(
        &self,
        bucket: &Bucket,
        owner: Owner,
        generation: u64,
        meanwhile: impl FnOnce(),
    ) -> Result<Pushed> {
        let (parts, mut meanwhile) = (self.parts(generation), Some(meanwhile));
        bucket.push(NAME, owner, parts, self.actor.parent_of(), &self.packs, |_| {
            if let Some(meanwhile) = meanwhile.take() {
                meanwhile();
            }
        })
    }

    fn parts(&self, generation: u64) -> BundleParts<'_> {
        let payload = &self.actor.log[&generation];
        BundleParts { description: r#"{"name":"visits"}"#, component: COMPONENT, payload }
    }

    /// Whether what was pulled is what the actor was.
    pub(super) fn assert_is(&self, pulled: &Pulled, into: &Packs) {
        let manifest = &pulled.imported.manifest;
        assert_eq!(pulled.imported.description, r#"{"name":"visits"}"#);
        assert_eq!(pulled.imported.component, COMPONENT);
        let alone = |_| panic!("it is complete by itself");
        let loaded = crate::checkpoint::load(&manifest.to_bytes().unwrap(), alone, into).unwrap();
        self.actor.assert_is(&loaded);
        assert_eq!(loaded.meta.generation, pulled.checkpoint.generation);
    }
}

/// The packs of another machine, and the storage that they are in.
pub(super) fn elsewhere() -> (FaultyStorage, Packs) {
    let storage = FaultyStorage::new();
    (storage.clone(), packs(&storage))
}
