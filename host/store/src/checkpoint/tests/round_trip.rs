use proptest::prelude::*;

use super::support::{Actor, files, meta, noise, packs};
use crate::checkpoint::*;
use crate::{FaultyStorage, StoreError};

#[test]
fn a_small_actor_is_all_in_its_record() {
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    let mut actor = Actor::new(noise(0, 3 * PAGE_BYTES));
    actor.host_state = b"rng and handles".to_vec();
    for step in 0..20_u32 {
        actor.write_page(step % 5, &step.to_le_bytes());
        let encoded = actor.checkpoint(&packs).unwrap();
        assert!(encoded.payload.len() < 700, "{} bytes", encoded.payload.len());
        assert_eq!(encoded.page_map.chain(), 1);
        let never = |_| panic!("a small checkpoint completes no other");
        actor.assert_is(&load(&encoded.payload, never, &packs).unwrap());
    }
    assert_eq!(storage.operations(), 0);
}

#[test]
fn a_large_actor_writes_what_has_changed_and_chains_stay_short() {
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    let mut actor = Actor::new(Vec::new());
    for page in 0..64 {
        actor.write_page(page, &noise(page.into(), PAGE_BYTES));
    }
    let first = actor.checkpoint(&packs).unwrap();
    assert_eq!((first.new_chunks, first.page_map.chain()), (4, 1));
    let mut chains = Vec::new();
    let mut oldest = Vec::new();
    for step in 0..20_u32 {
        actor.write_page(3 * step, &noise(u64::from(step) + 1000, PAGE_BYTES));
        let encoded = actor.checkpoint(&packs).unwrap();
        assert_eq!(encoded.new_chunks, 1);
        chains.push(encoded.page_map.chain());
        oldest.push(encoded.page_map.oldest_generation());
        let written = Manifest::from_bytes(&encoded.payload).unwrap().meta.cost.bytes;
        assert!((PAGE_BYTES as u64..PAGE_BYTES as u64 + 200).contains(&written), "{written}");
    }
    assert_eq!(chains[..9], [2, 3, 4, 5, 6, 7, 8, 1, 2]);
    assert_eq!(oldest[..9], [1, 1, 1, 1, 1, 1, 1, 9, 9]);
    for generation in 1..=21 {
        let loaded = actor.load(generation, &packs).unwrap();
        actor.assert_is(&loaded);
        assert_eq!(loaded.page_map.generation(), generation);
    }
}

#[test]
fn the_map_that_was_loaded_is_the_one_that_was_encoded() {
    let packs = packs(&FaultyStorage::new());
    let mut actor = Actor::new(Vec::new());
    for page in 0..40 {
        actor.write_page(page, &noise(page.into(), PAGE_BYTES));
    }
    actor.checkpoint(&packs).unwrap();
    for page in [1, 17, 18, 39] {
        actor.write_page(page, b"other");
        let encoded = actor.checkpoint(&packs).unwrap();
        assert_eq!(actor.load(actor.generation, &packs).unwrap().page_map, encoded.page_map);
    }
}

#[test]
fn an_actor_that_outgrows_its_record_moves_to_packs() {
    let packs = packs(&FaultyStorage::new());
    let mut actor = Actor::new(noise(9, PAGE_BYTES));
    let mut forms = Vec::new();
    for page in 0..24 {
        actor.write_page(page, &noise(page.into(), PAGE_BYTES));
        let encoded = actor.checkpoint(&packs).unwrap();
        forms.push(matches!(Manifest::from_bytes(&encoded.payload).unwrap().pages, Pages::Inline(_)));
        actor.assert_is(&actor.load(actor.generation, &packs).unwrap());
    }
    assert!(forms[14] && !forms[16] && forms.is_sorted_by(|a, b| a >= b), "{forms:?}");
}

#[test]
fn equal_content_is_stored_once() {
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    let [mut one, mut other] = [(); 2].map(|()| Actor::new(Vec::new()));
    for page in 0..32 {
        one.write_page(page, &noise(page.into(), PAGE_BYTES));
        other.write_page(page, &noise(page.into(), PAGE_BYTES));
    }
    one.checkpoint(&packs).unwrap();
    let before = storage.operations();
    assert_eq!(other.checkpoint(&packs).unwrap().new_chunks, 0);
    assert_eq!(storage.operations(), before);
    other.assert_is(&other.load(1, &packs).unwrap());
}

#[test]
fn large_host_state_goes_to_packs_and_only_its_changes_are_written() {
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    let mut actor = Actor::new(Vec::new());
    actor.host_state = noise(1, 5 * CHUNK_BYTES_MAX + 77);
    assert_eq!(actor.checkpoint(&packs).unwrap().new_chunks, 6);
    actor.host_state[2 * CHUNK_BYTES_MAX] ^= 1;
    assert_eq!(actor.checkpoint(&packs).unwrap().new_chunks, 1);
    for generation in [1, 2] {
        actor.assert_is(&actor.load(generation, &packs).unwrap());
    }
    assert_eq!(files(&storage).len(), 2);
}

#[test]
fn another_process_reads_beside_the_writer() {
    let storage = FaultyStorage::new();
    let writer = packs(&storage);
    let reader = Packs::read_only(std::sync::Arc::new(storage.clone()), super::support::FOLDER);
    let mut actor = Actor::new(Vec::new());
    for generation in 1..=3 {
        for page in 0..20 {
            actor.write_page(page, &noise(generation * 100 + u64::from(page), PAGE_BYTES));
        }
        actor.checkpoint(&writer).unwrap();
        actor.assert_is(&actor.load(generation, &reader).unwrap());
        let live = actor.live(1);
        writer.collect_garbage(live).unwrap();
    }
    assert!(matches!(reader.put(&[b"x"]), Err(StoreError::ReadOnly { .. })));
    assert!(matches!(reader.collect_garbage([]), Err(StoreError::ReadOnly { .. })));
}

#[test]
fn a_snapshot_that_contradicts_itself_is_refused() {
    let packs = packs(&FaultyStorage::new());
    let page = [1; PAGE_BYTES];
    let pages = |first_page, content| PagesSnapshot { first_page, content };
    let taken = |size_bytes, pages: Vec<PagesSnapshot<'static>>| Snapshot {
        meta: meta(2),
        memories: vec![MemorySnapshot { size_bytes, pages }],
        globals: Vec::new(),
        host_state: b"",
        attachments: Vec::new(),
    };
    let page: &'static [u8] = Box::leak(Box::new(page));
    let refused = |snapshot: Snapshot<'_>, parent: Option<&PageMap>| {
        matches!(encode(snapshot, parent, &packs), Err(StoreError::InvalidSnapshot { .. }))
    };
    assert!(refused(taken(PAGE_BYTES as u64, vec![pages(0, &page[1..])]), None));
    assert!(refused(taken(PAGE_BYTES as u64, vec![pages(1, page)]), None));
    assert!(refused(taken(1 << 20, vec![pages(1, page), pages(0, page)]), None));
    assert!(refused(taken(u64::MAX, Vec::new()), None));
    let long = Snapshot { meta: Meta { reason: "x".repeat(REASON_BYTES_MAX + 1), ..meta(1) }, ..taken(0, Vec::new()) };
    assert!(refused(long, None));

    let parent = encode(taken(1 << 20, vec![pages(0, page)]), None, &packs).unwrap().page_map;
    assert!(refused(taken(1 << 20, Vec::new()), Some(&parent)), "a generation cannot follow itself");
    let other = Meta { component: crate::Digest::of(b"other"), ..meta(3) };
    assert!(refused(Snapshot { meta: other, ..taken(1 << 20, Vec::new()) }, Some(&parent)));
}

#[test]
fn changes_are_counted_by_content() {
    let packs = packs(&FaultyStorage::new());
    let base = noise(5, 2 * PAGE_BYTES);
    let mut actor = Actor::new(base.clone());
    for page in 2..40 {
        actor.write_page(page, &noise(page.into(), PAGE_BYTES));
    }
    actor.checkpoint(&packs).unwrap();
    let mut page = noise(20, PAGE_BYTES);
    actor.write_page(20, &page);
    page[7] ^= 1;
    page[9] ^= 1;
    actor.write_page(21, &noise(21, PAGE_BYTES));
    actor.write_page(22, &noise(22, PAGE_BYTES));
    actor.write_page(20, &page);
    let first_page: Vec<u8> = base[..PAGE_BYTES].iter().map(|byte| byte ^ 0xff).collect();
    actor.write_page(0, &first_page);
    actor.write_page(1, &base[PAGE_BYTES..]);
    actor.host_state = b"more".to_vec();
    actor.checkpoint(&packs).unwrap();
    let [before, after] = [1, 2].map(|generation| actor.load(generation, &packs).unwrap());
    let base_page = |memory: u32, page: u32| match memory {
        1 => base.chunks(PAGE_BYTES).nth(page as usize),
        _ => None,
    };
    let changed = diff(&before, &after, base_page);
    assert_eq!(changed.globals, [4]);
    assert!(changed.host_state_changed);
    assert_eq!(changed.memories[0], MemoryDiff::default());
    let run = |first_page| PageRun { memory: 1, first_page, pages: 1 };
    assert_eq!(changed.memories[1].pages, [run(0), run(20)]);
    assert_eq!(changed.memories[1].changed_bytes, PAGE_BYTES as u64 + 2);
    assert_eq!(diff(&after, &after, base_page).memories[1].pages, []);
}

#[test]
fn a_memory_that_shrinks_makes_no_delta() {
    let packs = packs(&FaultyStorage::new());
    let mut actor = Actor::new(Vec::new());
    for page in 0..40 {
        actor.write_page(page, &noise(page.into(), PAGE_BYTES));
    }
    actor.checkpoint(&packs).unwrap();
    actor.memory.truncate(20 * PAGE_BYTES);
    assert!(matches!(actor.encode(&packs), Err(StoreError::InvalidSnapshot { .. })));
}

/// What a test does to an actor: pages to write with the seed of their content, and whether to start anew.
type History = Vec<(Vec<(u32, u64)>, bool)>;

fn history() -> impl Strategy<Value = History> {
    let pages = prop::collection::vec((0..60_u32, 0..40_u64), 0..30);
    prop::collection::vec((pages, prop::bool::weighted(0.1)), 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_generation_comes_back_as_it_was(history in history(), base_pages in 0..8_usize) {
        let packs = packs(&FaultyStorage::new());
        let mut actor = Actor::new(noise(77, base_pages * PAGE_BYTES));
        for (pages, starts_anew) in history {
            if starts_anew {
                actor.forget_parent();
            }
            for (page, seed) in pages {
                // A seed of 0 is a page of zeros, and of 1 what the base image has there.
                let content = match seed {
                    0 => Vec::new(),
                    1 => noise(77, 60 * PAGE_BYTES)[page as usize * PAGE_BYTES..][..PAGE_BYTES].to_vec(),
                    _ => noise(seed, PAGE_BYTES),
                };
                actor.write_page(page, &content);
            }
            actor.checkpoint(&packs).unwrap();
        }
        for generation in 1..=actor.generation {
            actor.assert_is(&actor.load(generation, &packs).unwrap());
        }
        prop_assert!(packs.verify(|_| ()).unwrap().is_empty());
    }
}
