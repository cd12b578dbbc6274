use std::path::PathBuf;

use super::support::{Actor, FOLDER, files, noise, packs};
use crate::checkpoint::*;
use crate::{FaultyStorage, StoreError};

fn large_actor() -> Actor {
    let mut actor = Actor::new(Vec::new());
    for page in 0..40 {
        actor.write_page(page, &noise(page.into(), PAGE_BYTES));
    }
    actor
}

/// Flips a bit of the first chunk of the only pack.
fn damage_first_chunk(storage: &FaultyStorage) {
    let path = PathBuf::from(FOLDER).join(&files(storage)[0]);
    storage.damage(&path, |bytes| bytes[100] ^= 4).unwrap();
}

#[test]
fn content_whose_copy_is_damaged_is_stored_again() {
    let storage = FaultyStorage::new();
    let packs_before = packs(&storage);
    let mut actor = large_actor();
    actor.checkpoint(&packs_before).unwrap();
    damage_first_chunk(&storage);
    assert!(matches!(actor.load(1, &packs_before), Err(StoreError::CheckpointDamaged { .. })));

    // The state is had again by other means, such as replay, and is the same.
    actor.forget_parent();
    assert_eq!(actor.checkpoint(&packs_before).unwrap().new_chunks, 1);
    for packs in [packs_before, packs(&storage)] {
        actor.assert_is(&actor.load(1, &packs).unwrap());
        actor.assert_is(&actor.load(2, &packs).unwrap());
        assert_eq!(packs.verify(|_| ()).unwrap().len(), 1);
    }
}

#[test]
fn a_collection_keeps_the_good_copy() {
    let storage = FaultyStorage::new();
    let packs_before = packs(&storage);
    let mut actor = large_actor();
    actor.checkpoint(&packs_before).unwrap();
    damage_first_chunk(&storage);
    assert!(actor.load(1, &packs_before).is_err());
    actor.forget_parent();
    actor.checkpoint(&packs_before).unwrap();
    for _ in 0..2 {
        let packs = packs(&storage);
        packs.collect_garbage(actor.live(1)).unwrap();
        actor.assert_is(&actor.load(2, &packs).unwrap());
    }
}

#[test]
fn a_collection_leaves_a_pack_that_it_cannot_copy() {
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    let mut actor = large_actor();
    actor.checkpoint(&packs).unwrap();
    // What is left of the first pack is its first chunk, and that is damaged.
    for page in 16..40 {
        actor.write_page(page, &noise(1000 + u64::from(page), PAGE_BYTES));
    }
    actor.checkpoint(&packs).unwrap();
    let first = PathBuf::from(FOLDER).join(first_pack(&storage, &actor));
    storage.damage(&first, |bytes| bytes[100] ^= 4).unwrap();
    let report = packs.collect_garbage(actor.live(1)).unwrap();
    assert_eq!((report.packs_removed, report.damaged.len()), (0, 1));
    storage.damage(&first, |bytes| bytes[100] ^= 4).unwrap();
    actor.assert_is(&actor.load(2, &packs).unwrap());
}

/// The pack with the chunk of the actor's first page.
fn first_pack(storage: &FaultyStorage, actor: &Actor) -> String {
    let start = &actor.memory[..64];
    let holds = |name: &String| {
        let file = crate::Storage::open(storage, &PathBuf::from(FOLDER).join(name)).unwrap();
        let mut bytes = [0; 64];
        file.read_at(8, &mut bytes).unwrap();
        bytes == start
    };
    files(storage).into_iter().find(holds).unwrap()
}
