//! Images of large actors that sleep, each in a file of its own: waking one maps the file instead of reading and
//! unpacking every chunk of its checkpoint.
//!
//! The files are copies of what checkpoints hold, and may be removed at any time. One that is old or damaged is told from
//! a good one before it is used, and the actor then comes back from its checkpoint. There is at most one for each actor,
//! and together they have a limit; those that were used longest ago go first.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use belljar_engine::{ActorImage, Digest, Error as EngineError, ImageFileProblem, ImageFileState, cache};
use belljar_store::StoreError;
use belljar_store::checkpoint::{Manifest, Pages};
use rustix::io::Errno;

use super::ActorName;

/// Images that are kept: 256.
const IMAGES_MAX: usize = 256;
/// Bytes of all images that are kept, as they lie on the disk: 4 GiB. Files that were removed while an actor that is awake
/// has them mapped take their room until it sleeps.
const IMAGES_BYTES_MAX: u64 = 4 << 30;
/// Bytes that an image leaves free on the disk: 1 GiB. Where they are not, no image is kept at all.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// Files of which this process remembers that it has verified them: 1,024. Those of later ones are verified again.
const VERIFIED_MAX: usize = 1_024;
/// How the name of an image's file ends. Other files in the folder are left alone.
const EXTENSION: &str = "image";

/// What an image is of: the BLAKE3 of a checkpoint's record, which names, by their digests, all that it consists of.
pub(crate) type CheckpointId = [u8; 32];

/// A folder of images.
#[derive(Debug, Clone)]
pub(crate) struct LocalImages {
    folder: PathBuf,
    /// Files that this process has written or verified.
    verified: Arc<Mutex<HashMap<ActorName, ImageFileState>>>,
}

impl LocalImages {
    pub(crate) fn new(folder: PathBuf) -> LocalImages {
        LocalImages { folder, verified: Arc::default() }
    }

    fn verified(&self) -> MutexGuard<'_, HashMap<ActorName, ImageFileState>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that an actor's file is as it should be. Where that cannot be told, it is verified the next time.
    fn remember(&self, actor: &ActorName) {
        let mut verified = self.verified();
        if verified.len() >= VERIFIED_MAX {
            verified.clear();
        }
        match ImageFileState::of(&self.path(actor)) {
            Ok(state) => drop(verified.insert(actor.clone(), state)),
            Err(_) => drop(verified.remove(actor)),
        }
    }

    /// The verified image of an actor as of the checkpoint whose record has this payload, if there is one. There is none
    /// of a checkpoint whose pages are in the record, for which waking takes no longer than with an image. It blocks.
    pub(crate) fn find_for(&self, actor: &ActorName, manifest: &Manifest, payload: &[u8]) -> Option<ActorImage> {
        let component = Digest::from_bytes(*manifest.meta.component.as_bytes());
        let is_chunked = matches!(manifest.pages, Pages::Chunked(_));
        is_chunked.then(|| self.find(actor, component, &id_of(payload)))?
    }

    fn find(&self, actor: &ActorName, component: Digest, checkpoint: &CheckpointId) -> Option<ActorImage> {
        let path = self.path(actor);
        let verified = self.verified().get(actor).copied();
        match ActorImage::open(&path, component, checkpoint, verified) {
            Ok(image) => {
                // The newest use keeps a file from being removed; failing to note it does no harm.
                fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now())).ok();
                self.remember(actor);
                Some(image)
            }
            Err(EngineError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
            Err(EngineError::ImageFile { problem: ImageFileProblem::Other, .. }) => None,
            Err(EngineError::Read { source, path }) if is_pressure(&source) => {
                tracing::warn!(%actor, path = %path.display(), error = %source, "an image cannot be opened now");
                None
            }
            Err(error) => {
                tracing::warn!(%actor, %error, "an image is of no use; the actor comes back from its checkpoint");
                if let Err(error) = remove(&path) {
                    tracing::warn!(%actor, %error, "a useless image could not be removed");
                }
                None
            }
        }
    }

    /// Keeps the image of an actor as of a checkpoint, in place of an earlier one. It blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] where it cannot be written, or an older one not be removed.
    pub(crate) fn keep(
        &self,
        actor: &ActorName,
        image: &ActorImage,
        checkpoint: &CheckpointId,
    ) -> Result<(), crate::Error> {
        if image.size_bytes() > IMAGES_BYTES_MAX {
            return Ok(());
        }
        let failed = |operation: &'static str| move |source| StoreError::io(operation, &self.folder, source);
        fs::create_dir_all(&self.folder).map_err(failed("create"))?;
        let room = rustix::fs::statvfs(&self.folder).map_err(|error| failed("look at")(error.into()))?;
        let free_bytes = room.f_bavail.saturating_mul(room.f_frsize);
        self.keep_with(free_bytes, actor, image, checkpoint)
    }

    fn keep_with(
        &self,
        free_bytes: u64,
        actor: &ActorName,
        image: &ActorImage,
        checkpoint: &CheckpointId,
    ) -> Result<(), crate::Error> {
        let failed = |source| StoreError::io("tidy up", &self.folder, source);
        if free_bytes < image.size_bytes().saturating_add(FREE_BYTES_MIN) {
            // What is left belongs to what cannot be made again.
            return Ok(self.evict(0, 0).map_err(failed)?);
        }
        image.save(&self.path(actor), checkpoint)?;
        self.remember(actor);
        Ok(self.evict(IMAGES_MAX, IMAGES_BYTES_MAX).map_err(failed)?)
    }

    /// Removes the image of an actor that is no more. One that is left all the same goes by its age.
    pub(crate) fn forget(&self, actor: &ActorName) {
        if let Err(error) = remove(&self.path(actor)) {
            tracing::warn!(%actor, %error, "the image of a removed actor could not be removed");
        }
    }

    /// Removes the images that were used longest ago, until the rest fit.
    fn evict(&self, images_max: usize, bytes_max: u64) -> io::Result<()> {
        // Zeros take no room on the disk, which counts in units of 512 bytes.
        let size_bytes = |metadata: &fs::Metadata| metadata.blocks() * 512;
        cache::remove_oldest(&self.folder, EXTENSION, images_max, bytes_max, size_bytes)
    }

    fn path(&self, actor: &ActorName) -> PathBuf {
        self.folder.join(format!("{}.{EXTENSION}", Digest::of(actor.as_str().as_bytes())))
    }
}

/// The name of the checkpoint whose record has this payload.
pub(crate) fn id_of(payload: &[u8]) -> CheckpointId {
    *Digest::of(payload).as_bytes()
}

/// Whether this process lacks something now, and the file may be as good as ever.
fn is_pressure(error: &io::Error) -> bool {
    let lacking = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::ACCESS];
    Errno::from_io_error(error).is_some_and(|error| lacking.contains(&error))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use belljar_engine::{Engine, EngineOptions, Grants, Limits, Linked};

    use super::*;

    const COMPONENT: &str = r#"(component
        (core module $m (memory 32)
            ;; Numbers that nothing can compress, so that a checkpoint is in chunks.
            (func (export "fill") (param $seed i32) (local $at i32)
                (loop $more
                    (local.set $seed (i32.xor (local.get $seed) (i32.shl (local.get $seed) (i32.const 13))))
                    (local.set $seed (i32.xor (local.get $seed) (i32.shr_u (local.get $seed) (i32.const 17))))
                    (local.set $seed (i32.xor (local.get $seed) (i32.shl (local.get $seed) (i32.const 5))))
                    (i32.store (local.get $at) (local.get $seed))
                    (local.set $at (i32.add (local.get $at) (i32.const 4)))
                    (br_if $more (i32.lt_u (local.get $at) (i32.const 2097152)))))
            (func (export "peek") (param $at i32) (result i32) (i32.load (local.get $at))))
        (core instance $i (instantiate $m))
        (func (export "fill") (param "seed" u32) (canon lift (core func $i "fill")))
        (func (export "peek") (param "at" u32) (result u32) (canon lift (core func $i "peek"))))"#;

    /// A guest of 2 MiB that is full.
    async fn image() -> (Linked, ActorImage) {
        let runtime = crate::Runtime::builder().build().expect("it starts");
        let services = runtime.actors().system.services().clone();
        let engine = Engine::new(&EngineOptions::default()).expect("it starts");
        let bytes = wat::parse_str(COMPONENT).expect("it is WAT");
        let component = engine.load_bytes("full", &bytes).expect("it compiles");
        let linked = component.link(Grants::default(), Limits::default()).expect("it imports nothing");
        let mut instance = linked.instantiate(&services, "").await.expect("it starts");
        instance.call::<(u32,), ()>("fill", (7,)).await.expect("it fills");
        let capture = instance.capture().await.expect("nothing is in the way");
        (linked, capture.image().cloned().expect("it is large"))
    }

    fn name(name: &str) -> ActorName {
        name.parse().expect("it is a name")
    }

    #[tokio::test]
    async fn an_image_is_found_for_its_actor_and_checkpoint_and_for_no_other() {
        let folder = tempfile::tempdir().expect("there is room");
        let images = LocalImages::new(folder.path().join("images"));
        let (linked, image) = image().await;
        let component = linked.component().digest();
        let (first, second) = ([1; 32], [2; 32]);
        assert!(images.find(&name("one"), component, &first).is_none(), "there is not even a folder");

        images.keep(&name("one"), &image, &first).expect("there is room");

        let found = images.find(&name("one"), component, &first).expect("it was kept");
        assert_eq!(found.page(0, 300).expect("it is there"), image.page(0, 300).expect("it is there"));
        assert!(images.find(&name("two"), component, &first).is_none(), "another actor");
        assert!(images.find(&name("one"), component, &second).is_none(), "another checkpoint");
        assert!(images.find(&name("one"), component, &first).is_some(), "asking for another one removes nothing");

        images.keep(&name("one"), &image, &second).expect("there is room");
        assert!(images.find(&name("one"), component, &first).is_none(), "an actor has one image");
        assert_eq!(fs::read_dir(folder.path().join("images")).expect("it is there").count(), 1);
    }

    #[tokio::test]
    async fn where_the_disk_is_nearly_full_no_image_is_kept() {
        let folder = tempfile::tempdir().expect("there is room");
        let images = LocalImages::new(folder.path().to_owned());
        let (linked, image) = image().await;
        let enough = FREE_BYTES_MIN + image.size_bytes();
        let is_there = |actor| images.find(&name(actor), linked.component().digest(), &[1; 32]).is_some();

        images.keep_with(enough, &name("one"), &image, &[1; 32]).expect("there is room");
        assert!(is_there("one"));
        images.keep_with(enough - 1, &name("two"), &image, &[1; 32]).expect("it is left out");
        assert!(!is_there("two"));
        assert!(!is_there("one"), "the room is needed for what cannot be made again");
    }

    #[tokio::test]
    async fn a_damaged_image_is_removed() {
        let folder = tempfile::tempdir().expect("there is room");
        let images = LocalImages::new(folder.path().to_owned());
        let (linked, image) = image().await;
        let id = [1; 32];
        images.keep(&name("one"), &image, &id).expect("there is room");
        let path = images.path(&name("one"));
        let mut bytes = fs::read(&path).expect("it is there");
        *bytes.last_mut().expect("it has bytes") ^= 1;
        fs::write(&path, bytes).expect("there is room");
        let file = File::open(&path).expect("it is there");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("it is this test's");

        assert!(images.find(&name("one"), linked.component().digest(), &id).is_none());

        assert!(!path.exists());
    }

    #[tokio::test]
    async fn an_actor_wakes_from_its_image_and_where_that_is_damaged_from_its_checkpoint() {
        let folder = tempfile::tempdir().expect("there is room");
        let plugin = folder.path().join("full.wasm");
        fs::write(&plugin, wat::parse_str(COMPONENT).expect("it is WAT")).expect("there is room");
        let data = folder.path().join("data");
        let runtime = crate::Runtime::builder().data_dir(&data).build().expect("it starts");
        let plugin = runtime.load(&plugin).await.expect("it loads");
        let actor = runtime.actors().spawn("one", &plugin, crate::SpawnOptions::default()).await.expect("it begins");
        let peek = async || {
            let at = [0_u32, 1 << 20, (2 << 20) - 4];
            let mut found = Vec::new();
            for at in at {
                found.push(actor.call("peek").arg(at).submit().get::<u32>().await.expect("it answers"));
            }
            found
        };
        actor.call("fill").arg(7).submit().get::<()>().await.expect("it fills");
        let expected = peek().await;
        let image = data.join("actors/images").join(format!("{}.image", Digest::of(b"one")));

        for damage in [false, true, false] {
            actor.hibernate().await.expect("it sleeps");
            let mut bytes = fs::read(&image).expect("an image was kept");
            if damage {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x10;
                fs::write(&image, bytes).expect("there is room");
                // Whatever the resolution of the file system's clock.
                let file = File::open(&image).expect("it is there");
                file.set_modified(SystemTime::UNIX_EPOCH).expect("it is this test's");
            }
            assert_eq!(peek().await, expected);
            assert_eq!(image.exists(), !damage, "a damaged one is of no use");
        }

        actor.hibernate().await.expect("it sleeps");
        fs::rename(data.join("actors/packs"), data.join("elsewhere")).expect("they are there");
        assert_eq!(peek().await, expected, "with its image an actor needs no pack");
        fs::rename(data.join("elsewhere"), data.join("actors/packs")).expect("they are there");
    }

    #[test]
    fn those_used_longest_ago_go_first_and_other_files_stay() {
        let folder = tempfile::tempdir().expect("there is room");
        let images = LocalImages::new(folder.path().to_owned());
        let names = ["c", "a", "d", "b"];
        let old = SystemTime::now() - Duration::from_secs(1000);
        for (age, file) in (0..).zip(names) {
            let path = folder.path().join(format!("{file}.image"));
            fs::write(&path, [1; 8192]).expect("there is room");
            let used = old + Duration::from_secs(age);
            File::open(path).and_then(|file| file.set_modified(used)).expect("it is there");
        }
        fs::write(folder.path().join("note"), [1; 8192]).expect("there is room");
        let left = || {
            let files = fs::read_dir(folder.path()).expect("it is there");
            let mut names: Vec<_> = files.map(|file| file.expect("it is there").file_name()).collect();
            names.sort();
            names
        };

        images.evict(3, u64::MAX).expect("they can be removed");
        assert_eq!(left(), ["a.image", "b.image", "d.image", "note"]);
        images.evict(usize::MAX, 8192).expect("they can be removed");
        assert_eq!(left(), ["b.image", "note"]);
    }
}
