//! Actors that have no code: memories that a test changes, and a log that keeps their records.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::*;
use crate::{Digest, FaultyStorage, Result, StoreError};

/// The folder of the packs.
pub(crate) const FOLDER: &str = "actors/packs";

/// Bytes that do not compress.
pub(crate) fn noise(seed: u64, size_bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; size_bytes];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut noise);
    noise
}

pub(crate) fn packs(storage: &FaultyStorage) -> Packs {
    Packs::new(Arc::new(storage.clone()), FOLDER)
}

pub(crate) fn files(storage: &FaultyStorage) -> Vec<String> {
    crate::Storage::list(storage, Path::new(FOLDER)).unwrap()
}

pub(crate) fn meta(generation: u64) -> Meta {
    Meta {
        component: Digest::of(b"component"),
        generation,
        incarnation: 2,
        lease: 3,
        taken_ns: 1_700_000_000_000_000_000,
        cost: Cost { pause_ns: 40_000, write_ns: 0, bytes: 0 },
        reason: "every 5 messages".to_owned(),
        journal_sequence: 10 * generation,
    }
}

/// An actor with one memory over a base image, and what its checkpoints are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actor {
    base: Vec<u8>,
    pub(crate) memory: Vec<u8>,
    pub(crate) host_state: Vec<u8>,
    changed: BTreeSet<u32>,
    pub(crate) generation: u64,
    map: Option<PageMap>,
    /// The records by generation.
    pub(crate) log: BTreeMap<u64, Vec<u8>>,
    /// What memory and host state were at each generation.
    pub(crate) past: BTreeMap<u64, (Vec<u8>, Vec<u8>)>,
}

impl Actor {
    pub(crate) fn new(base: Vec<u8>) -> Self {
        assert_eq!(base.len() % PAGE_BYTES, 0);
        Self { memory: base.clone(), base, ..Self::default() }
    }

    /// Fills a page of the memory, which grows to have it.
    pub(crate) fn write_page(&mut self, page: u32, content: &[u8]) {
        let start = page as usize * PAGE_BYTES;
        if self.memory.len() < start + PAGE_BYTES {
            self.memory.resize(start + PAGE_BYTES, 0);
        }
        self.memory[start..start + PAGE_BYTES].fill(0);
        self.memory[start..start + content.len()].copy_from_slice(content);
        self.changed.insert(page);
    }

    /// Takes a checkpoint and appends its record to the log.
    pub(crate) fn checkpoint(&mut self, packs: &Packs) -> Result<Encoded> {
        let encoded = self.encode(packs)?;
        self.append(&encoded);
        Ok(encoded)
    }

    pub(crate) fn encode(&self, packs: &Packs) -> Result<Encoded> {
        let listed = match self.map {
            Some(_) => self.changed.clone(),
            None => (0..(self.memory.len() / PAGE_BYTES) as u32).filter(|page| self.differs_from_base(*page)).collect(),
        };
        let runs = runs(&listed);
        let pages = runs.iter().map(|(first_page, end)| PagesSnapshot {
            first_page: *first_page,
            content: &self.memory[*first_page as usize * PAGE_BYTES..*end as usize * PAGE_BYTES],
        });
        let memory = MemorySnapshot { size_bytes: self.memory.len() as u64, pages: pages.collect() };
        let globals = vec![Global { index: 4, value: u128::from(self.generation).to_le_bytes() }];
        let memories = vec![MemorySnapshot::default(), memory];
        let snapshot = Snapshot {
            meta: meta(self.generation + 1),
            memories,
            globals,
            host_state: &self.host_state,
            attachments: Vec::new(),
        };
        encode(snapshot, self.map.as_ref(), packs)
    }

    pub(crate) fn append(&mut self, encoded: &Encoded) {
        self.generation += 1;
        self.changed.clear();
        self.map = Some(encoded.page_map.clone());
        self.log.insert(self.generation, encoded.payload.clone());
        self.past.insert(self.generation, (self.memory.clone(), self.host_state.clone()));
    }

    /// Forgets what the next checkpoint could be a delta to.
    pub(crate) fn forget_parent(&mut self) {
        self.map = None;
    }

    pub(crate) fn parent_of(&self) -> impl Fn(u64) -> Result<Vec<u8>> {
        |generation| Ok(self.log.get(&generation).expect("a parent is in the log").clone())
    }

    pub(crate) fn load(&self, generation: u64, packs: &Packs) -> Result<Loaded> {
        load(&self.log[&generation], self.parent_of(), packs)
    }

    /// Whether what was loaded is what the actor was at that generation.
    pub(crate) fn assert_is(&self, loaded: &Loaded) {
        let (memory, host_state) = &self.past[&loaded.meta.generation];
        assert!(self.image(loaded) == *memory, "generation {} has another memory", loaded.meta.generation);
        assert!(loaded.host_state == *host_state, "generation {} has another host state", loaded.meta.generation);
        assert_eq!(loaded.globals[0].value, u128::from(loaded.meta.generation - 1).to_le_bytes());
    }

    /// Drops the records before the last `kept` generations, and returns the chunks that those name that are left,
    /// with the ones that they complete.
    pub(crate) fn live(&mut self, kept: u64) -> Vec<Result<Vec<Digest>, StoreError>> {
        let mut wanted = BTreeSet::new();
        for generation in (self.generation + 1).saturating_sub(kept).max(1)..=self.generation {
            let mut next = self.log.contains_key(&generation).then_some(generation);
            while let Some(generation) = next {
                wanted.insert(generation);
                next = Manifest::from_bytes(&self.log[&generation]).unwrap().parent.map(|parent| parent.generation);
            }
        }
        self.log.retain(|generation, _| wanted.contains(generation));
        self.log.values().map(|payload| chunks_of(payload)).collect()
    }

    fn image(&self, loaded: &Loaded) -> Vec<u8> {
        let [nothing, memory] = &loaded.memories[..] else { panic!("two memories were taken") };
        assert_eq!(*nothing, LoadedMemory::default());
        let mut image = self.base.clone();
        image.resize(memory.size_bytes as usize, 0);
        for (page, content) in memory.each_page() {
            image[page as usize * PAGE_BYTES..][..PAGE_BYTES].copy_from_slice(content);
        }
        image
    }

    fn differs_from_base(&self, page: u32) -> bool {
        let start = page as usize * PAGE_BYTES;
        let own = &self.memory[start..start + PAGE_BYTES];
        match self.base.get(start..start + PAGE_BYTES) {
            Some(base) => own != base,
            None => own.iter().any(|byte| *byte != 0),
        }
    }
}

/// Consecutive pages as (first, end).
fn runs(pages: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for page in pages.iter().copied() {
        match runs.last_mut() {
            Some((_, end)) if *end == page => *end += 1,
            _ => runs.push((page, page + 1)),
        }
    }
    runs
}

/// The chunks that a checkpoint record names, as a collection is told of them.
pub(super) fn chunks_of(payload: &[u8]) -> Result<Vec<Digest>, StoreError> {
    Ok(Manifest::from_bytes(payload)?.chunks().collect())
}
