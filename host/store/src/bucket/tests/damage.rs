//! Whatever is damaged in a bucket, nothing wrong comes out of it.

use object_store::path::Path;

use super::support::{Machine, NAME, Shelf, elsewhere, owner};
use crate::StoreError;
use crate::bucket::{Pulled, keys};
use crate::checkpoint::Packs;
use crate::checkpoint::tests::support::files;

fn key_below(shelf: &Shelf, prefix: &str) -> Vec<(Path, bytes::Bytes)> {
    shelf.contents().into_iter().filter(|(key, _)| key.as_ref().starts_with(prefix)).collect()
}

/// Pulls with an object replaced. Any error must name it, and leave nothing behind.
fn pull_with(shelf: &Shelf, key: &Path, bytes: &[u8]) -> Result<(Pulled, Packs), StoreError> {
    shelf.put(key, bytes);
    let (storage, packs) = elsewhere();
    let pulled = shelf.bucket().pull(NAME, None, &packs, |_| ());
    match &pulled {
        Ok(_) => {}
        Err(StoreError::BucketDamaged { key: named, .. }) => assert_eq!(named, key.as_ref()),
        Err(StoreError::CheckpointVersion { what, .. }) => assert!(what.starts_with(key.as_ref()), "{what}"),
        Err(other) => panic!("{other}"),
    }
    assert_eq!(files(&storage).is_empty(), pulled.is_err());
    Ok((pulled?, packs))
}

fn assert_refused(shelf: &Shelf, key: &Path, bytes: &[u8]) {
    assert!(pull_with(shelf, key, bytes).is_err(), "{key}");
}

#[test]
fn every_bit_of_a_head_and_every_truncation_is_told() {
    let shelf = Shelf::default();
    Machine::new().push(&shelf.bucket(), owner("first")).unwrap();
    let (key, whole) = key_below(&shelf, keys::HEADS).remove(0);
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_refused(&shelf, &key, &damaged);
    }
    for length in 0..whole.len() {
        assert_refused(&shelf, &key, &whole[..length]);
    }
    assert_refused(&shelf, &key, &[&whole[..], &[0]].concat());
    // An owner is told too, and overwrites nothing.
    assert!(matches!(Machine::new().push(&shelf.bucket(), owner("first")), Err(StoreError::BucketDamaged { .. })));
    assert!(shelf.bucket().list().unwrap()[0].is_err());
}

#[test]
fn every_byte_of_what_a_head_names_and_every_lack_is_told() {
    let shelf = Shelf::default();
    let machine = Machine::new();
    machine.push(&shelf.bucket(), owner("first")).unwrap();
    for prefix in [keys::LETTERS, keys::COMPONENTS, keys::CHUNKS] {
        let (key, whole) = key_below(&shelf, prefix).remove(0);
        // All of a letter and of a plugin; of a chunk, its length and a part of its content.
        for byte in 0..whole.len().min(3_000) {
            let mut damaged = whole.to_vec();
            damaged[byte] ^= 0x10;
            match pull_with(&shelf, &key, &damaged) {
                // zstd has bits that say nothing. The content is verified, so it is what it was.
                Ok((pulled, packs)) if prefix == keys::CHUNKS => machine.assert_is(&pulled, &packs),
                pulled => assert!(pulled.is_err(), "byte {byte} of {key}"),
            }
        }
        for length in [0, 1, 3, 4, 5, whole.len() - 1] {
            assert_refused(&shelf, &key, &whole[..length]);
        }
        assert_refused(&shelf, &key, &[&whole[..], &[0]].concat());
        assert_refused(&shelf, &key, &vec![0; 70 << 20]);
        shelf.remove(&key);
        let (_, packs) = elsewhere();
        let lacking = shelf.bucket().pull(NAME, None, &packs, |_| ()).unwrap_err();
        assert!(matches!(&lacking, StoreError::BucketDamaged { key: named, .. } if named == key.as_ref()));
        assert!(lacking.is_damage());
        shelf.put(&key, &whole);
    }
    let (_, packs) = elsewhere();
    machine.assert_is(&shelf.bucket().pull(NAME, None, &packs, |_| ()).unwrap(), &packs);
}

#[test]
fn a_chunk_in_place_of_another_is_told() {
    let shelf = Shelf::default();
    Machine::new().push(&shelf.bucket(), owner("first")).unwrap();
    let chunks = key_below(&shelf, keys::CHUNKS);
    assert_refused(&shelf, &chunks[0].0, &chunks[1].1);
}

#[test]
fn the_head_of_another_actor_is_told() {
    let shelf = Shelf::default();
    Machine::new().push(&shelf.bucket(), owner("first")).unwrap();
    let (_, whole) = key_below(&shelf, keys::HEADS).remove(0);
    shelf.put(&keys::head("other"), &whole);
    let error = shelf.bucket().head("other").unwrap_err();
    assert!(error.to_string().contains("it is the head of `visits`"), "{error}");
}

#[test]
fn after_a_damaged_checkpoint_another_can_be_pushed_and_the_one_before_pulled() {
    let shelf = Shelf::default();
    let mut machine = Machine::new();
    let first = machine.push(&shelf.bucket(), owner("first")).unwrap().checkpoint;
    machine.step(9);
    let second = machine.push(&shelf.bucket(), owner("first")).unwrap().checkpoint;
    assert_refused(&shelf, &keys::letter(second.letter), b"BJLETT");
    let (_, packs) = elsewhere();
    machine.assert_is(&shelf.bucket().pull(NAME, Some(first.number), &packs, |_| ()).unwrap(), &packs);
    machine.step(10);
    machine.push(&shelf.bucket(), owner("first")).unwrap();
    machine.assert_is(&shelf.bucket().pull(NAME, None, &packs, |_| ()).unwrap(), &packs);
}

#[test]
fn a_damaged_mark_stops_pushes_and_no_pulls() {
    let shelf = Shelf::default();
    let mut machine = Machine::new();
    machine.push(&shelf.bucket(), owner("first")).unwrap();
    let (key, whole) = key_below(&shelf, "belljar").remove(0);
    machine.step(9);
    for byte in 0..whole.len() {
        let mut damaged = whole.to_vec();
        damaged[byte] ^= 1;
        shelf.put(&key, &damaged);
        let error = machine.push(&shelf.bucket(), owner("first")).unwrap_err();
        assert!(matches!(error, StoreError::BucketDamaged { .. } | StoreError::CheckpointVersion { .. }), "{error}");
        assert_eq!(error.is_of_whole_bucket(), matches!(error, StoreError::BucketDamaged { .. }));
    }
    let (_, packs) = elsewhere();
    assert_eq!(shelf.bucket().pull(NAME, None, &packs, |_| ()).unwrap().checkpoint.number, 1);
}
