use std::io;
use std::sync::Mutex;
use std::thread;

use proptest::prelude::*;

use super::support::{Actor, chunks_of, files, noise, packs};
use crate::checkpoint::*;
use crate::{CrashDamage, Fault, FaultyStorage, StoreError};

/// How many generations the actors of these tests keep.
const KEPT: u64 = 2;

/// What happens to two large actors.
#[derive(Clone, Debug)]
enum Step {
    /// An actor writes pages and takes a checkpoint.
    Checkpoint { actor: usize, pages: Vec<(u32, u64)> },
    /// Garbage is collected.
    Collect,
    /// The process ends, and another goes on.
    Reopen,
}

struct World {
    storage: FaultyStorage,
    packs: Packs,
    actors: [Actor; 2],
    packs_removed: u64,
    bytes_copied: u64,
}

impl World {
    fn new() -> Self {
        let storage = FaultyStorage::new();
        let actors = [(); 2].map(|()| large_actor());
        Self { packs: packs(&storage), storage, actors, packs_removed: 0, bytes_copied: 0 }
    }

    /// Does a step. What fails is simply not there: the log, which is apart from the packs, gets no record.
    fn step(&mut self, step: &Step) -> Result<(), StoreError> {
        match step {
            Step::Checkpoint { actor, pages } => {
                let actor = &mut self.actors[*actor];
                for (page, seed) in pages {
                    actor.write_page(*page, &noise(*seed, PAGE_BYTES));
                }
                actor.checkpoint(&self.packs).map(drop)
            }
            Step::Collect => {
                let live = self.actors.each_mut().map(|actor| actor.live(KEPT)).into_iter().flatten();
                let report = self.packs.collect_garbage(live)?;
                self.packs_removed += report.packs_removed;
                self.bytes_copied += report.bytes_copied;
                Ok(())
            }
            Step::Reopen => {
                self.packs = packs(&self.storage);
                Ok(())
            }
        }
    }

    /// Every checkpoint in the log is what the actor was.
    fn assert_whole(&self, packs: &Packs) {
        for actor in &self.actors {
            for generation in actor.log.keys() {
                actor.assert_is(&actor.load(*generation, packs).unwrap());
            }
        }
    }
}

/// An actor whose pages are too many for a record.
fn large_actor() -> Actor {
    let mut actor = Actor::new(Vec::new());
    for page in 0..18 {
        actor.write_page(page, &noise(page.into(), PAGE_BYTES));
    }
    actor
}

fn step() -> impl Strategy<Value = Step> {
    let pages = prop::collection::vec((0..24_u32, 0..60_u64), 1..8);
    prop_oneof![
        6 => (0..2_usize, pages).prop_map(|(actor, pages)| Step::Checkpoint { actor, pages }),
        3 => Just(Step::Collect),
        1 => Just(Step::Reopen),
    ]
}

/// A history in which packs die, become sparse, and share chunks.
fn a_history() -> Vec<Step> {
    let checkpoint = |actor: usize, pages: &[u32], seed: u64| Step::Checkpoint {
        actor,
        pages: pages.iter().map(|page| (*page, seed + u64::from(*page))).collect(),
    };
    // A chunk has 16 pages, so this leaves one chunk of an old pack in use, and that leaves none.
    let (most, all): (Vec<u32>, Vec<u32>) = ((0..16).collect(), (0..18).collect());
    vec![
        checkpoint(0, &[1, 2], 100),
        checkpoint(1, &[1, 2, 20], 100),
        checkpoint(0, &most, 200),
        checkpoint(0, &most, 300),
        checkpoint(1, &all, 300),
        checkpoint(1, &all, 350),
        Step::Collect,
        checkpoint(0, &all, 400),
        checkpoint(0, &all, 450),
        Step::Reopen,
        Step::Collect,
        checkpoint(1, &[3], 500),
        Step::Collect,
        checkpoint(0, &[4], 500),
        checkpoint(0, &[4], 600),
        Step::Collect,
    ]
}

#[test]
fn no_fault_at_any_operation_costs_a_checkpoint() {
    let mut world = World::new();
    for step in a_history() {
        world.step(&step).unwrap();
    }
    world.assert_whole(&world.packs);
    let operations = world.storage.operations();
    assert!(world.packs_removed > 1 && world.bytes_copied > 0, "the history has something to collect");
    for operation in 0..operations {
        for lasting in [true, false] {
            let mut world = World::new();
            let error = if operation % 2 == 0 { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
            world.storage.set_fault(Some(Fault { operation, error, torn: operation % 3 != 0, lasting }));
            let failures = a_history().iter().filter(|step| world.step(step).is_err()).count();
            assert!(failures > 0 || !lasting);
            if !lasting {
                world.assert_whole(&world.packs);
            }
            for damage in [CrashDamage::LoseUnsynced, CrashDamage::KeepSome(operation)] {
                let found = world.storage.crash(damage);
                let after = packs(&found);
                world.assert_whole(&after);
                let live = world.actors.each_mut().map(|actor| actor.live(KEPT)).into_iter().flatten();
                after.collect_garbage(live).unwrap();
                world.assert_whole(&after);
                assert!(files(&found).iter().all(|name| name.ends_with(".pack")));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_collection_removes_nothing_that_is_named(
        history in prop::collection::vec(step(), 1..24),
        operation in 0..400_u64,
        torn: bool,
        lasting: bool,
        seed: u64,
    ) {
        let mut world = World::new();
        world.storage.set_fault(Some(Fault { operation, error: io::ErrorKind::Other, torn, lasting }));
        for step in &history {
            let failed = world.step(step).is_err();
            prop_assert!(!failed || world.storage.operations() > operation);
        }
        let found = world.storage.crash(CrashDamage::KeepSome(seed));
        world.assert_whole(&packs(&found));
    }
}

#[test]
fn dead_packs_go_and_sparse_ones_shrink() {
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    let mut actor = large_actor();
    actor.checkpoint(&packs).unwrap();
    for page in 0..16 {
        actor.write_page(page, &noise(1000 + u64::from(page), PAGE_BYTES));
    }
    actor.checkpoint(&packs).unwrap();
    // The first pack's second chunk, with the pages 16 and 17, is the only one that is needed still.
    let live = actor.live(1);
    assert_eq!(live.len(), 1);
    let report = packs.collect_garbage(live).unwrap();
    assert_eq!((report.packs_removed, report.bytes_copied), (1, 2 * PAGE_BYTES as u64));
    assert!(report.damaged.is_empty());
    actor.assert_is(&actor.load(2, &packs).unwrap());
    assert_eq!(packs.stats().unwrap().chunks, 2);

    let again = packs.collect_garbage(actor.live(1)).unwrap();
    assert_eq!((again.packs_removed, again.bytes_copied), (0, 0));
    let nothing = packs.collect_garbage([]).unwrap();
    assert_eq!(nothing.packs_removed, 2);
    assert!(files(&storage).is_empty());
}

#[test]
fn many_small_packs_become_one() {
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    let mut actor = large_actor();
    for step in 0..30 {
        actor.write_page(step % 18, &noise(2000 + u64::from(step), PAGE_BYTES));
        actor.checkpoint(&packs).unwrap();
    }
    assert_eq!(files(&storage).len(), 30);
    packs.collect_garbage(actor.live(30)).unwrap();
    assert_eq!(files(&storage).len(), 1);
    for generation in 1..=30 {
        actor.assert_is(&actor.load(generation, &packs).unwrap());
    }
}

#[test]
fn a_manifest_that_cannot_be_read_stops_the_collection() {
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    let mut actor = large_actor();
    actor.checkpoint(&packs).unwrap();
    let unreadable = chunks_of(b"?");
    assert!(matches!(packs.collect_garbage([unreadable]), Err(StoreError::CheckpointDamaged { .. })));
    actor.assert_is(&actor.load(1, &packs).unwrap());
}

#[test]
fn chunks_that_wait_for_their_record_are_kept() {
    let packs = packs(&FaultyStorage::new());
    let mut actor = large_actor();
    let encoded = actor.encode(&packs).unwrap();
    packs.collect_garbage([]).unwrap();
    // The record becomes durable while a collection that has not seen it is under way.
    let mut encoded = Some(encoded);
    let late = std::iter::from_fn(|| {
        if let Some(encoded) = encoded.take() {
            actor.append(&encoded);
        }
        None
    });
    packs.collect_garbage(late).unwrap();
    actor.assert_is(&actor.load(1, &packs).unwrap());
    packs.collect_garbage([]).unwrap();
    assert!(matches!(actor.load(1, &packs), Err(StoreError::ChunkMissing { .. })));
}

#[test]
fn actors_go_on_while_garbage_is_collected() {
    const ACTORS: usize = 3;
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    // What is in the log of each actor, as a collection sees it.
    let logs: [Mutex<Vec<Vec<u8>>>; ACTORS] = Default::default();
    let work = &|index: usize| {
        let mut actor = large_actor();
        for step in 0..40_u64 {
            // The actors write the same content at different times, so each finds what another is about to lose.
            for page in 0..18 {
                if !(step + u64::from(page)).is_multiple_of(3) {
                    actor.write_page(page, &noise((step + index as u64) % 7 * 100 + u64::from(page), PAGE_BYTES));
                }
            }
            let encoded = actor.encode(&packs).unwrap();
            actor.append(&encoded);
            actor.live(KEPT);
            *logs[index].lock().unwrap() = actor.log.values().cloned().collect();
            drop(encoded);
            actor.assert_is(&actor.load(actor.generation, &packs).unwrap());
        }
        actor
    };
    let collect = || {
        let live = logs.iter().flat_map(|log| log.lock().unwrap().clone());
        packs.collect_garbage(live.map(|payload| chunks_of(&payload))).unwrap()
    };
    let actors = thread::scope(|scope| {
        let workers: Vec<_> = (0..ACTORS).map(|index| scope.spawn(move || work(index))).collect();
        while !workers.iter().all(|worker| worker.is_finished()) {
            assert!(collect().damaged.is_empty());
        }
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    collect();
    for actor in actors {
        for generation in actor.log.keys() {
            actor.assert_is(&actor.load(*generation, &super::support::packs(&storage)).unwrap());
        }
    }
}
