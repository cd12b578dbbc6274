//! Stories of instances that are captured, dropped, and go on elsewhere.

mod completeness;
mod forks;
mod host_state;
mod increments;
mod random_lives;
mod refusals;
mod starts;

use std::collections::BTreeMap;

use super::*;
use crate::testing::{self, services, wat};
use crate::{Digest, Error, Instance, Limits, Linked};

const WASM_PAGE_BYTES: usize = 64 << 10;

/// A guest with a heap that tests write to.
fn heap() -> String {
    wat::pure(
        r#"(memory 1 256)
           (data (i32.const 16) "from the component")
           (global $fills (mut i64) (i64.const 7))
           (func (export "fill") (param $at i32) (param $bytes i32) (param $seed i64)
               (local $end i32)
               (local.set $end (i32.add (local.get $at) (local.get $bytes)))
               (global.set $fills (i64.add (global.get $fills) (i64.const 1)))
               (block $done
                   (loop $more
                       (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
                       (local.set $seed (i64.xor (local.get $seed) (i64.shl (local.get $seed) (i64.const 13))))
                       (local.set $seed (i64.xor (local.get $seed) (i64.shr_u (local.get $seed) (i64.const 7))))
                       (local.set $seed (i64.xor (local.get $seed) (i64.shl (local.get $seed) (i64.const 17))))
                       (i64.store (local.get $at) (local.get $seed))
                       (local.set $at (i32.add (local.get $at) (i32.const 8)))
                       (br $more))))
           (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
           (func (export "peek") (param i32) (result i64) (i64.load (local.get 0)))
           (func (export "spin") (loop $again (br $again)))
           (func (export "fail") unreachable)"#,
        r#"(func (export "fill") (param "at" u32) (param "bytes" u32) (param "seed" u64)
               (canon lift (core func $main "fill")))
           (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $main "grow")))
           (func (export "peek") (param "at" u32) (result u64) (canon lift (core func $main "peek")))
           (func (export "spin") (canon lift (core func $main "spin")))
           (func (export "fail") (canon lift (core func $main "fail")))"#,
    )
}

/// What is in a heap, as the test itself reckons it.
#[derive(Clone)]
struct Model {
    memory: Vec<u8>,
    fills: u64,
}

impl Model {
    fn new() -> Model {
        let mut memory = vec![0; WASM_PAGE_BYTES];
        memory[16..34].copy_from_slice(b"from the component");
        Model { memory, fills: 7 }
    }

    /// What the guest's `fill` does: numbers that nothing can compress, from a seed that is not zero.
    fn fill(&mut self, at: usize, bytes: usize, mut seed: u64) {
        self.fills += 1;
        for word in self.memory[at..at + bytes].as_chunks_mut::<8>().0 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            *word = seed.to_le_bytes();
        }
    }

    fn grow(&mut self, pages: usize) {
        self.memory.resize(self.memory.len() + pages * WASM_PAGE_BYTES, 0);
    }

    /// What [`Instance::state_digest`] is to be.
    fn digest(&self) -> Digest {
        let size_bytes = (self.memory.len() as u64).to_le_bytes();
        Digest::of(&[&size_bytes[..], &self.memory, &self.fills.to_le_bytes()].concat())
    }
}

/// A guest and the model of it, to which the same happens.
struct Twins {
    guest: Instance,
    model: Model,
}

impl Twins {
    async fn born_of(linked: &Linked) -> Twins {
        let base = linked.base_image(&services()).await.expect("it has a base image");
        let guest = linked.instantiate_from(&base, &services(), "").await.expect("it starts");
        Twins { guest, model: Model::new() }
    }

    async fn fill(&mut self, at: usize, bytes: usize, seed: u64) {
        let arguments = (at as u32, bytes as u32, seed);
        self.guest.call::<(u32, u32, u64), ()>("fill", arguments).await.expect("the guest fills");
        self.model.fill(at, bytes, seed);
    }

    async fn grow(&mut self, pages: usize) {
        let (before,) = self.guest.call::<(u32,), (i32,)>("grow", (pages as u32,)).await.expect("the guest grows");
        assert_eq!(before as usize * WASM_PAGE_BYTES, self.model.memory.len());
        self.model.grow(pages);
    }

    async fn capture(&mut self) -> Capture {
        self.guest.capture().await.expect("nothing is in the way")
    }

    #[track_caller]
    fn assert_digest(&self, digest: Digest, story: &str) {
        assert_eq!(digest, self.model.digest(), "{story}");
    }

    async fn assert_alike(&mut self, story: &str) {
        let digest = digest(&mut self.guest).await;
        self.assert_digest(digest, story);
    }
}

async fn digest(instance: &mut Instance) -> Digest {
    instance.state_digest().await.expect("it is alive")
}

/// What a chain of captures of a heap amounts to: what checkpoints keep.
#[derive(Clone, Default)]
struct Kept {
    size_bytes: u64,
    pages: BTreeMap<u64, Vec<u8>>,
    globals: Vec<u64>,
}

impl Kept {
    fn add(&mut self, capture: &Capture) {
        let taken = capture.snapshot().expect("it can be read");
        let [memory] = taken.memories.as_slice() else { panic!("a heap has one memory") };
        if capture.since() == Since::Base {
            self.pages.clear();
        }
        for (first_page, bytes) in memory.contents() {
            let pages = bytes.chunks(PAGE_BYTES).map(<[u8]>::to_vec);
            self.pages.extend((first_page..).zip(pages));
        }
        self.size_bytes = memory.size_bytes;
        self.globals.clone_from(&taken.globals);
    }

    /// One run for each page: nobody asks for the fewest runs.
    fn snapshot(&self) -> Snapshot {
        let runs = self.pages.keys().map(|page| PageRun { first_page: *page, pages: 1 });
        let bytes = self.pages.values().flatten().copied().collect();
        let memory = MemorySnapshot { size_bytes: self.size_bytes, runs: runs.collect(), bytes };
        Snapshot { memories: vec![memory], globals: self.globals.clone() }
    }
}

/// The pages of a heap's capture.
fn pages_of(capture: &Capture) -> Vec<u64> {
    capture.snapshot().expect("it can be read").memories[0]
        .runs
        .iter()
        .flat_map(|run| run.first_page..run.first_page + run.pages)
        .collect()
}

/// What a capture of an instance takes.
async fn taken(instance: &mut Instance) -> Snapshot {
    let capture = instance.capture().await.expect("nothing is in the way");
    capture.into_snapshot().expect("it can be read")
}

async fn bump(instance: &mut Instance) -> u64 {
    instance.call::<(), (u64,)>("bump", ()).await.expect("it counts").0
}
