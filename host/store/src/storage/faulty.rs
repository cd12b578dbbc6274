//! A storage in memory that fails when it is told to, for tests of durability.
//!
//! It keeps what the operating system has apart from what is on the disk: appended bytes reach the disk
//! by a sync of their file, names by a sync of their folder. [`FaultyStorage::crash`] gives the disk as
//! the next process finds it. Operations that change something are counted, so that a test can run a
//! scenario once to learn how many there are, and then once more for each of them, with a [`Fault`] there.
//!
//! It is harsher than most disks: after a sync that failed, the unsynced bytes of that file never become
//! durable, as on Linux, where a failed `fsync` marks the pages clean.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Storage, StorageFile};
use crate::error::StoreError;

/// What is to go wrong, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The operation that fails, counted from 0 over all that change something: create, append, sync,
    /// rename, remove.
    pub operation: u64,
    /// What the operating system says, such as [`io::ErrorKind::StorageFull`].
    pub error: io::ErrorKind,
    /// Whether an append that fails leaves the first half of its bytes behind.
    pub torn: bool,
    /// Whether every later operation fails too, as when the power is gone.
    pub lasting: bool,
}

/// What a crash does to what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashDamage {
    /// It is lost.
    LoseUnsynced,
    /// Each unsynced append and each unsynced name survives or not, by this seed, and one append that
    /// survives may be cut short. An append before which one was lost leaves zeros in its place.
    KeepSome(u64),
}

/// A [`Storage`] in memory with faults on demand. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct FaultyStorage {
    world: Arc<Mutex<World>>,
}

#[derive(Debug, Default)]
struct World {
    /// Files by number; a removed file stays readable for who has it open.
    files: HashMap<u64, FileState>,
    /// The names as the operating system has them.
    names: BTreeMap<PathBuf, u64>,
    /// The names on the disk.
    durable_names: BTreeMap<PathBuf, u64>,
    files_created: u64,
    operations: u64,
    fault: Option<Fault>,
    /// Set by a lasting fault and by a crash: nothing works from then on.
    is_dead: bool,
    capacity_bytes: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct FileState {
    bytes: Vec<u8>,
    /// How many of `bytes` are on the disk.
    durable_bytes: usize,
    /// Where each append that is not on the disk ends.
    unsynced_ends: Vec<usize>,
    /// A sync has failed: what was not durable then never becomes so.
    is_stuck: bool,
}

impl FaultyStorage {
    /// An empty storage without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an operation fail, in place of the fault that was set before.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.world().fault = fault;
    }

    /// Limits the bytes of all named files together. An append past it writes what still fits and fails
    /// with [`StoreError::DiskFull`]; `None` lifts the limit.
    pub fn set_capacity(&self, capacity_bytes: Option<u64>) {
        self.world().capacity_bytes = capacity_bytes;
    }

    /// How many operations that change something were asked for so far.
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// The bytes of all named files together.
    pub fn used_bytes(&self) -> u64 {
        self.world().used_bytes()
    }

    /// Stops the machine, and returns the disk as the next process finds it. From now on every operation
    /// on this storage and on its files fails.
    pub fn crash(&self, damage: CrashDamage) -> Self {
        let mut world = self.world();
        world.is_dead = true;
        let mut dice = Dice::new(damage);
        let mut found = World::default();
        let names: Vec<&PathBuf> = world.names.keys().chain(world.durable_names.keys()).collect();
        for name in names {
            let (now, durable) = (world.names.get(name), world.durable_names.get(name));
            let kept = if now != durable && dice.keeps() { now } else { durable };
            if let Some(&number) = kept
                && !found.names.contains_key(name)
            {
                let file = &world.files[&number];
                found.files.entry(number).or_insert_with(|| dice.file_after_crash(file));
                found.names.insert(name.clone(), number);
            }
        }
        found.durable_names = found.names.clone();
        found.files_created = world.files_created;
        Self { world: Arc::new(Mutex::new(found)) }
    }

    /// Another storage with the same files, all of them durable.
    pub fn copy(&self) -> Self {
        let world = self.world();
        let durable = |(&number, file): (&u64, &FileState)| {
            let bytes = file.bytes.clone();
            (number, FileState { durable_bytes: bytes.len(), bytes, ..FileState::default() })
        };
        let copy = World {
            files: world.files.iter().map(durable).collect(),
            names: world.names.clone(),
            durable_names: world.names.clone(),
            files_created: world.files_created,
            ..World::default()
        };
        Self { world: Arc::new(Mutex::new(copy)) }
    }

    /// Changes the bytes of a file behind everybody's back, as a failing disk does.
    ///
    /// # Errors
    /// [`StoreError::Io`] when there is no such file.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result<(), StoreError> {
        let mut world = self.world();
        let number = world.named(path)?;
        let file = world.files.entry(number).or_default();
        change(&mut file.bytes);
        file.durable_bytes = file.bytes.len();
        file.unsynced_ends.clear();
        Ok(())
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, path: &Path, number: u64) -> Box<dyn StorageFile> {
        Box::new(FaultyFile { storage: self.clone(), path: path.to_owned(), number })
    }
}

impl World {
    /// Counts an operation, and says whether it is to fail.
    fn operate(&mut self, action: &'static str, path: &Path) -> Result<(), StoreError> {
        let operation = self.operations;
        self.operations += 1;
        if self.is_dead {
            return Err(dead(action, path));
        }
        match self.fault {
            Some(fault) if fault.operation == operation => {
                self.is_dead = fault.lasting;
                Err(StoreError::io(action, path, fault.error.into()))
            }
            _ => Ok(()),
        }
    }

    fn named(&self, path: &Path) -> Result<u64, StoreError> {
        let missing = || StoreError::io("open", path, io::ErrorKind::NotFound.into());
        self.names.get(path).copied().ok_or_else(missing)
    }

    fn used_bytes(&self) -> u64 {
        self.names.values().map(|number| self.files[number].bytes.len() as u64).sum()
    }

    fn append(&mut self, path: &Path, number: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let was_dead = self.is_dead;
        let failed = self.operate("write", path).err();
        let half = match self.fault {
            Some(fault) if fault.torn && !was_dead => bytes.len() / 2,
            _ => 0,
        };
        let asked = if failed.is_some() { half } else { bytes.len() };
        let room = self.capacity_bytes.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used_bytes()));
        let written = asked.min(usize::try_from(room).unwrap_or(usize::MAX));
        let file = self.files.entry(number).or_default();
        if written > 0 {
            file.bytes.extend_from_slice(&bytes[..written]);
            file.unsynced_ends.push(file.bytes.len());
        }
        match failed {
            Some(error) => Err(error),
            None if written < bytes.len() => Err(StoreError::io("write", path, io::ErrorKind::StorageFull.into())),
            None => Ok(()),
        }
    }

    fn sync_data(&mut self, path: &Path, number: u64) -> Result<(), StoreError> {
        let synced = self.operate("sync", path);
        let file = self.files.entry(number).or_default();
        if synced.is_err() {
            file.is_stuck |= !file.unsynced_ends.is_empty();
        } else if !file.is_stuck {
            file.durable_bytes = file.bytes.len();
            file.unsynced_ends.clear();
        }
        synced
    }
}

impl Storage for FaultyStorage {
    fn create(&self, path: &Path) -> Result<Box<dyn StorageFile>, StoreError> {
        let mut world = self.world();
        world.operate("create", path)?;
        if world.names.contains_key(path) {
            return Err(StoreError::io("create", path, io::ErrorKind::AlreadyExists.into()));
        }
        let number = world.files_created;
        world.files_created += 1;
        world.files.insert(number, FileState::default());
        world.names.insert(path.to_owned(), number);
        Ok(self.handle(path, number))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn StorageFile>, StoreError> {
        let world = self.world();
        if world.is_dead {
            return Err(dead("open", path));
        }
        Ok(self.handle(path, world.named(path)?))
    }

    fn list(&self, folder: &Path) -> Result<Vec<String>, StoreError> {
        let world = self.world();
        if world.is_dead {
            return Err(dead("list", folder));
        }
        let inside = world.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let mut world = self.world();
        world.operate("rename", from)?;
        let number = world.named(from)?;
        world.names.remove(from);
        world.names.insert(to.to_owned(), number);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        let mut world = self.world();
        world.operate("remove", path)?;
        world.named(path)?;
        world.names.remove(path);
        Ok(())
    }

    fn create_folder(&self, _folder: &Path) -> Result<(), StoreError> {
        // A folder is no more than the start of its files' paths, so it is there already.
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), StoreError> {
        let mut world = self.world();
        world.operate("sync", folder)?;
        let inside = |path: &Path| path.parent() == Some(folder);
        let World { names, durable_names, .. } = &mut *world;
        durable_names.retain(|path, _| !inside(path));
        durable_names.extend(names.iter().filter(|(path, _)| inside(path)).map(|(path, &file)| (path.clone(), file)));
        Ok(())
    }

    fn full_path(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }
}

#[derive(Debug)]
struct FaultyFile {
    storage: FaultyStorage,
    path: PathBuf,
    number: u64,
}

impl StorageFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.storage.world().append(&self.path, self.number, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let world = self.storage.world();
        if world.is_dead {
            return Err(dead("read", &self.path));
        }
        let bytes = &world.files[&self.number].bytes;
        let start = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        let count = buffer.len().min(bytes.len() - start);
        buffer[..count].copy_from_slice(&bytes[start..start + count]);
        Ok(count)
    }

    fn sync_data(&self) -> Result<(), StoreError> {
        self.storage.world().sync_data(&self.path, self.number)
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        let world = self.storage.world();
        if world.is_dead { Err(dead("read", &self.path)) } else { Ok(world.files[&self.number].bytes.len() as u64) }
    }
}

fn dead(action: &'static str, path: &Path) -> StoreError {
    StoreError::io(action, path, io::Error::other("the machine has stopped"))
}

/// What survives a crash, from a seed: a splitmix64 generator, because a test must be repeatable.
struct Dice {
    state: Option<u64>,
    has_torn: bool,
}

impl Dice {
    fn new(damage: CrashDamage) -> Self {
        let state = match damage {
            CrashDamage::LoseUnsynced => None,
            CrashDamage::KeepSome(seed) => Some(seed),
        };
        Self { state, has_torn: false }
    }

    fn keeps(&mut self) -> bool {
        self.next().is_some_and(|number| number & 1 == 1)
    }

    fn next(&mut self) -> Option<u64> {
        let state = self.state.as_mut()?;
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(mixed ^ (mixed >> 31))
    }

    fn file_after_crash(&mut self, file: &FileState) -> FileState {
        let mut bytes = file.bytes[..file.durable_bytes].to_vec();
        let mut start = file.durable_bytes;
        for &end in &file.unsynced_ends {
            if self.keeps() {
                let is_torn = !self.has_torn && self.keeps();
                self.has_torn |= is_torn;
                let kept_end = if is_torn { start + (end - start) / 2 } else { end };
                bytes.resize(start, 0);
                bytes.extend_from_slice(&file.bytes[start..kept_end]);
            }
            start = end;
        }
        FileState { durable_bytes: bytes.len(), bytes, ..FileState::default() }
    }
}
