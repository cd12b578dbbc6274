//! The objects of an actor that keeps its state. They outlive the process, so they are named by their content: the same
//! bytes have the same id in every process, in every replay and for every actor.
//!
//! The bytes of an object are chunks in the packs, beside those of checkpoints. An object that was put is in memory at
//! first. [`Shelf::save`] makes all of them durable that are still wanted, and is called before anything is written down
//! that may name one. Chunks are kept while a record names them, or somebody here holds the object.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use belljar_engine::capability::{HeldByGuest, HeldObject, ObjectError, ObjectHost};
use belljar_store::checkpoint::{CHUNK_BYTES_MAX, Packs, Pin};
use belljar_store::{Digest, StoreError};
use serde::{Deserialize, Serialize};

/// Bytes of one object of an actor that keeps its state: 128 MiB, as much as an HTTP response may have.
pub const KEPT_OBJECT_BYTES_MAX: u64 = 128 << 20;
/// Bytes of all objects that an actor which keeps its state may hold: 2 GiB. A checkpoint names every 64 KiB of them.
pub const KEPT_OBJECTS_BYTES_MAX: u64 = 2 << 30;
/// Set in the id of every such object, and in no id of the runtime's own objects, which count up from 1.
const KEPT_ID: u64 = 1 << 63;

/// An object as records name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectName {
    pub size_bytes: u64,
    /// The BLAKE3 of every 64 KiB.
    pub chunks: Vec<[u8; 32]>,
}

/// An object that a guest holds, as a checkpoint names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeldName {
    pub name: ObjectName,
    /// How often the guest has got it.
    pub times: u32,
    /// Whether the guest put it itself.
    pub is_own: bool,
}

/// Objects of one actor.
pub(crate) struct Shelf {
    packs: Packs,
    unsaved: Mutex<Vec<Weak<ActorObject>>>,
}

/// One of them.
pub(crate) struct ActorObject {
    id: u64,
    name: ObjectName,
    packs: Packs,
    content: Mutex<Content>,
}

enum Content {
    /// In memory, and nowhere else.
    Unsaved(Arc<[u8]>),
    /// In the packs, where the pin keeps it.
    Saved { _pin: Pin },
}

impl ObjectName {
    pub(crate) fn of(bytes: &[u8]) -> ObjectName {
        let chunks = bytes.chunks(CHUNK_BYTES_MAX).map(|chunk| *Digest::of(chunk).as_bytes());
        ObjectName { size_bytes: bytes.len() as u64, chunks: chunks.collect() }
    }

    /// What guests know it by.
    pub(crate) fn id(&self) -> u64 {
        let content = [&self.size_bytes.to_le_bytes()[..], self.chunks.as_flattened()].concat();
        let [a, b, c, d, e, f, g, h, ..] = *Digest::of(&content).as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) | KEPT_ID
    }

    /// The bytes that it takes in a record, at most.
    pub(crate) fn record_bytes(&self) -> usize {
        16 + self.chunks.as_flattened().len()
    }

    /// What is wrong with it, if it has more or fewer chunks than its size asks for.
    pub(crate) fn problem(&self) -> Option<String> {
        let fits = self.size_bytes.div_ceil(CHUNK_BYTES_MAX as u64) == self.chunks.len() as u64;
        (!fits).then(|| format!("{} bytes are not {} chunks", self.size_bytes, self.chunks.len()))
    }

    /// Its chunks.
    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> + '_ {
        self.chunks.iter().map(|chunk| Digest::from_bytes(*chunk))
    }
}

impl Shelf {
    pub(crate) fn new(packs: Packs) -> Shelf {
        Shelf { packs, unsaved: Mutex::default() }
    }

    /// Takes bytes in. They are not durable yet.
    pub(crate) fn put(&self, bytes: Arc<[u8]>) -> Result<Arc<ActorObject>, ObjectError> {
        if bytes.len() as u64 > KEPT_OBJECT_BYTES_MAX {
            let size = bytes.len();
            let message = format!(
                "an object of {size} bytes is larger than one of an actor that keeps its state may be: {KEPT_OBJECT_BYTES_MAX}"
            );
            return Err(ObjectError::Full(message));
        }
        let object = Arc::new(self.object(ObjectName::of(&bytes), Content::Unsaved(bytes)));
        let mut unsaved = self.unsaved();
        if unsaved.len() == unsaved.capacity() {
            unsaved.retain(is_unsaved);
        }
        unsaved.push(Arc::downgrade(&object));
        Ok(object)
    }

    /// The same bytes as an object that records may name. What is none yet is read, and made durable at once. It blocks.
    pub(crate) fn adopt(&self, object: Arc<dyn HeldObject>) -> Result<Arc<ActorObject>, ObjectError> {
        if let Some(object) = self.own(&object) {
            return Ok(object);
        }
        let object = self.put(object.read()?)?;
        self.save_all(std::slice::from_ref(&object)).map_err(|error| ObjectError::Storage(error.to_string()))?;
        Ok(object)
    }

    /// An object, if it is kept here and not in another data directory.
    pub(crate) fn own(&self, object: &Arc<dyn HeldObject>) -> Option<Arc<ActorObject>> {
        ActorObject::of(object.clone()).filter(|object| object.packs.is_same(&self.packs))
    }

    /// An object that a record names.
    ///
    /// # Errors
    ///
    /// [`StoreError::ChunkMissing`] when it is not there, [`StoreError::CheckpointDamaged`] when there can be none of
    /// that name.
    pub(crate) fn open(&self, name: &ObjectName) -> Result<Arc<ActorObject>, StoreError> {
        if let Some(problem) = name.problem() {
            return Err(StoreError::CheckpointDamaged { place: "an object of the actor".to_owned(), problem });
        }
        let pin = self.packs.pin_stored(name.digests().collect())?;
        Ok(Arc::new(self.object(name.clone(), Content::Saved { _pin: pin })))
    }

    fn object(&self, name: ObjectName, content: Content) -> ActorObject {
        ActorObject { id: name.id(), name, packs: self.packs.clone(), content: Mutex::new(content) }
    }

    /// Whether there is anything to save, or somebody is about to.
    pub(crate) fn has_unsaved(&self) -> bool {
        self.unsaved().iter().any(is_unsaved)
    }

    /// Makes every object durable that somebody still holds. It blocks.
    pub(crate) fn save(&self) -> Result<(), StoreError> {
        // They stay listed until they are saved, so that whoever asks meanwhile does not think that they are. Should two
        // save the same ones, their chunks are stored once.
        let objects: Vec<_> = self.unsaved().iter().filter_map(Weak::upgrade).collect();
        self.save_all(&objects)?;
        self.unsaved().retain(is_unsaved);
        Ok(())
    }

    fn save_all(&self, objects: &[Arc<ActorObject>]) -> Result<(), StoreError> {
        let contents: Vec<_> = objects.iter().filter_map(|object| object.unsaved()).collect();
        let chunks: Vec<&[u8]> = contents.iter().flat_map(|bytes| bytes.chunks(CHUNK_BYTES_MAX)).collect();
        // All of them in one pack. Its pin holds until each object has one of its own.
        let put = self.packs.put(&chunks)?;
        for object in objects {
            let pin = self.packs.pin(object.name.digests().collect())?;
            *object.content() = Content::Saved { _pin: pin };
        }
        drop(put);
        Ok(())
    }

    fn unsaved(&self) -> MutexGuard<'_, Vec<Weak<ActorObject>>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_unsaved(object: &Weak<ActorObject>) -> bool {
    object.upgrade().is_some_and(|object| object.in_memory())
}

impl ObjectHost for Shelf {
    fn put(&self, bytes: Arc<[u8]>) -> Result<Arc<dyn HeldObject>, ObjectError> {
        Ok(Shelf::put(self, bytes)?)
    }
}

impl ActorObject {
    /// The object behind what an instance holds; none if it does not outlive the process.
    pub(crate) fn of(held: Arc<dyn HeldObject>) -> Option<Arc<ActorObject>> {
        held.into_any().downcast().ok()
    }

    pub(crate) fn name(&self) -> &ObjectName {
        &self.name
    }

    fn unsaved(&self) -> Option<Arc<[u8]>> {
        match &*self.content() {
            Content::Unsaved(bytes) => Some(bytes.clone()),
            Content::Saved { .. } => None,
        }
    }

    /// These chunks, one after the other.
    fn read_chunks(&self, chunks: &[[u8; 32]]) -> Result<Vec<u8>, ObjectError> {
        let digests: Vec<Digest> = chunks.iter().map(|chunk| Digest::from_bytes(*chunk)).collect();
        let contents: HashMap<Digest, _> =
            self.packs.get(digests.iter().copied()).map_err(|error| ObjectError::Storage(error.to_string()))?;
        Ok(digests.iter().map(|digest| &contents[digest][..]).collect::<Vec<_>>().concat())
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldObject for ActorObject {
    fn id(&self) -> u64 {
        self.id
    }

    fn size_bytes(&self) -> u64 {
        self.name.size_bytes
    }

    fn in_memory(&self) -> bool {
        self.unsaved().is_some()
    }

    fn read(&self) -> Result<Arc<[u8]>, ObjectError> {
        match self.unsaved() {
            Some(bytes) => Ok(bytes),
            None => Ok(self.read_chunks(&self.name.chunks)?.into()),
        }
    }

    fn read_range(&self, offset: u64, length: u64) -> Result<Arc<[u8]>, ObjectError> {
        // The caller has checked that the range is inside, so these fit.
        let (from, to) = (offset as usize, (offset + length) as usize);
        if let Some(bytes) = self.unsaved() {
            return Ok(bytes[from..to].into());
        }
        if from == to {
            return Ok(Arc::default());
        }
        let first = from / CHUNK_BYTES_MAX;
        let bytes = self.read_chunks(&self.name.chunks[first..to.div_ceil(CHUNK_BYTES_MAX)])?;
        let start = from - first * CHUNK_BYTES_MAX;
        Ok(bytes[start..start + to - from].into())
    }

    fn is_same(&self, other: &Arc<dyn HeldObject>) -> bool {
        ActorObject::of(other.clone()).is_some_and(|other| other.name == self.name)
    }

    fn must_be_readable(&self) -> bool {
        true
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl HeldName {
    /// What a checkpoint says of what a guest holds. Of a guest that keeps its state, that is all.
    pub(crate) fn of(held: HeldByGuest) -> Option<HeldName> {
        let object = ActorObject::of(held.object)?;
        Some(HeldName { name: object.name.clone(), times: held.times, is_own: held.is_own })
    }

    /// The object again.
    pub(crate) fn open(&self, shelf: &Shelf) -> Result<HeldByGuest, StoreError> {
        Ok(HeldByGuest { object: shelf.open(&self.name)?, times: self.times.max(1), is_own: self.is_own })
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use belljar_store::{FaultyStorage, Storage, StorageFile};

    use super::*;

    fn packs(storage: &FaultyStorage) -> Packs {
        Packs::new(Arc::new(storage.clone()), "actors/packs")
    }

    fn bytes(length: usize) -> Arc<[u8]> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn an_object_reads_the_same_before_and_after_it_is_saved_and_from_its_name() {
        let shelf = Shelf::new(packs(&FaultyStorage::new()));
        for length in [0, 1, CHUNK_BYTES_MAX, CHUNK_BYTES_MAX + 1, 3 * CHUNK_BYTES_MAX - 5] {
            let bytes = bytes(length);
            let object = shelf.put(bytes.clone()).unwrap();
            let ranges = [(0, length), (length / 2, length - length / 2), (length, 0), (length / 3, length / 3)];
            let check = |object: &ActorObject| {
                assert_eq!(object.read().unwrap(), bytes);
                for (offset, count) in ranges {
                    let read = object.read_range(offset as u64, count as u64).unwrap();
                    assert_eq!(*read, bytes[offset..offset + count], "{offset} {count} of {length}");
                }
            };
            check(&object);
            shelf.save().unwrap();
            assert!(!object.in_memory());
            check(&object);
            let again = shelf.open(object.name()).unwrap();
            assert_eq!(again.id(), object.id());
            check(&again);
        }
    }

    #[test]
    fn an_object_that_nobody_holds_is_not_saved() {
        let storage = FaultyStorage::new();
        let shelf = Shelf::new(packs(&storage));
        drop(shelf.put(bytes(100)).unwrap());
        assert!(!shelf.has_unsaved());
        shelf.save().unwrap();
        assert_eq!(storage.used_bytes(), 0);
    }

    #[test]
    fn an_object_that_could_not_be_saved_is_saved_when_there_is_room() {
        let storage = FaultyStorage::new();
        let shelf = Shelf::new(packs(&storage));
        let object = shelf.put(bytes(100_000)).unwrap();
        storage.set_capacity(Some(10));
        assert!(matches!(shelf.save(), Err(StoreError::DiskFull { .. })));
        assert!(shelf.has_unsaved() && object.in_memory());
        storage.set_capacity(None);
        shelf.save().unwrap();
        assert_eq!(*object.read().unwrap(), *bytes(100_000));
    }

    /// A storage that asks something in the middle of every write.
    struct Asking {
        storage: FaultyStorage,
        question: Box<dyn Fn() + Send + Sync>,
    }

    impl std::fmt::Debug for Asking {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.storage.fmt(f)
        }
    }

    impl Storage for Asking {
        fn create(&self, path: &Path) -> Result<Box<dyn StorageFile>, StoreError> {
            (self.question)();
            self.storage.create(path)
        }

        fn open(&self, path: &Path) -> Result<Box<dyn StorageFile>, StoreError> {
            self.storage.open(path)
        }

        fn list(&self, folder: &Path) -> Result<Vec<String>, StoreError> {
            self.storage.list(folder)
        }

        fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
            (self.question)();
            self.storage.rename(from, to)
        }

        fn remove(&self, path: &Path) -> Result<(), StoreError> {
            self.storage.remove(path)
        }

        fn create_folder(&self, folder: &Path) -> Result<(), StoreError> {
            self.storage.create_folder(folder)
        }

        fn sync_folder(&self, folder: &Path) -> Result<(), StoreError> {
            (self.question)();
            self.storage.sync_folder(folder)
        }

        fn full_path(&self, path: &Path) -> PathBuf {
            self.storage.full_path(path)
        }
    }

    #[test]
    fn an_object_counts_as_unsaved_until_it_is_saved() {
        let shelf = Arc::new(OnceLock::<Shelf>::new());
        let asked = Arc::new(AtomicU32::new(0));
        let question = {
            let (shelf, asked) = (shelf.clone(), asked.clone());
            move || {
                assert!(shelf.get().unwrap().has_unsaved(), "whoever asks now must wait for it, or save it too");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        };
        let storage = Asking { storage: FaultyStorage::new(), question: Box::new(question) };
        let shelf = shelf.get_or_init(|| Shelf::new(Packs::new(Arc::new(storage), "actors/packs")));
        let object = shelf.put(bytes(100)).unwrap();
        shelf.save().unwrap();
        assert!(!shelf.has_unsaved() && !object.in_memory());
        assert!(asked.load(Ordering::Relaxed) > 0);
    }

    #[test]
    fn ids_are_by_content_and_apart_from_those_of_the_runtime() {
        let shelf = Shelf::new(packs(&FaultyStorage::new()));
        let [one, same, other] = [b"one", b"one", b"two"].map(|bytes| shelf.put((*bytes).into()).unwrap());
        assert_eq!(one.id(), same.id());
        assert_ne!(one.id(), other.id());
        assert!(one.id() >= KEPT_ID);
    }

    #[test]
    fn too_large_an_object_is_refused() {
        let shelf = Shelf::new(packs(&FaultyStorage::new()));
        let refused = shelf.put(vec![0; KEPT_OBJECT_BYTES_MAX as usize + 1].into());
        assert!(matches!(refused, Err(ObjectError::Full(message)) if message.contains("134217728")));
    }
}
