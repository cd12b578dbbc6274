//! A collection removes what nobody needs, and nothing else.

use std::time::Duration;

use super::support::{Machine, NAME, Shelf, elsewhere, owner};
use crate::StoreError;
use crate::bucket::mark::Mark;
use crate::bucket::{COLLECTION_TIME_MAX, CollectedFromBucket, GENERATIONS_KEPT_IN_BUCKET, keys};

/// Makes everything old enough.
const AT_ONCE: Duration = Duration::ZERO;

/// A machine that has pushed so often that the bucket holds checkpoints that no head names.
fn with_garbage(shelf: &Shelf) -> Machine {
    let mut machine = Machine::new();
    for page in 0..GENERATIONS_KEPT_IN_BUCKET as u32 + 4 {
        machine.push(&shelf.bucket(), owner("first")).unwrap();
        machine.step(20 + page % 2);
    }
    machine
}

fn assert_all_kept_can_be_pulled(shelf: &Shelf, machine: &Machine) {
    for kept in shelf.bucket().head(NAME).unwrap().unwrap().kept {
        let (_, packs) = elsewhere();
        machine.assert_is(&shelf.bucket().pull(NAME, Some(kept.number), &packs, |_| ()).unwrap(), &packs);
    }
}

#[test]
fn what_a_head_names_stays_and_the_rest_goes() {
    let shelf = Shelf::default();
    let machine = with_garbage(&shelf);
    let collected = shelf.bucket().collect_older_than(AT_ONCE).unwrap();
    assert_eq!((collected.checkpoints, collected.components, collected.is_cut_short), (4, 0, false));
    assert!(collected.chunks > 0 && collected.bytes > 0);
    assert_all_kept_can_be_pulled(&shelf, &machine);
    assert_eq!(shelf.bucket().collect_older_than(AT_ONCE).unwrap(), CollectedFromBucket::default());
    machine.push(&shelf.bucket(), owner("first")).unwrap();
    assert_all_kept_can_be_pulled(&shelf, &machine);

    shelf.bucket().remove(NAME).unwrap();
    let collected = shelf.bucket().collect_older_than(AT_ONCE).unwrap();
    assert_eq!((collected.checkpoints, collected.components), (GENERATIONS_KEPT_IN_BUCKET as u64 + 1, 1));
    assert_eq!(shelf.contents().into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [keys::mark()]);
}

#[test]
fn what_is_young_stays_though_nothing_names_it() {
    let shelf = Shelf::default();
    let mut machine = with_garbage(&shelf);
    assert_eq!(shelf.bucket().collect().unwrap(), CollectedFromBucket::default());
    // So a push that is under way loses nothing, wherever it is.
    machine.step(40);
    for requests in 0..200 {
        shelf.answer_only(Some(requests));
        let is_whole = machine.push(&shelf.bucket(), owner("first")).is_ok();
        shelf.answer_only(None);
        let before = shelf.contents().len();
        shelf.bucket().collect().unwrap();
        assert_eq!(shelf.contents().len(), before);
        if is_whole {
            return assert_all_kept_can_be_pulled(&shelf, &machine);
        }
    }
    panic!("a push takes fewer requests");
}

#[test]
fn what_is_not_belljars_stays() {
    let shelf = Shelf::default();
    shelf.put(&"chunks/readme.txt".into(), b"mine");
    shelf.bucket().collect_older_than(AT_ONCE).unwrap();
    assert_eq!(shelf.contents().len(), 2);
}

#[test]
fn while_a_head_or_a_letter_cannot_be_read_nothing_is_removed() {
    let shelf = Shelf::default();
    let mut machine = with_garbage(&shelf);
    let letter = shelf.bucket().head(NAME).unwrap().unwrap().newest().unwrap().letter;
    for key in [keys::letter(letter), keys::head(NAME)] {
        let whole = shelf.contents().into_iter().find(|(found, _)| *found == key).unwrap().1;
        shelf.put(&key, &whole[..whole.len() - 1]);
        let before = shelf.contents().len();
        assert!(matches!(shelf.bucket().collect_older_than(AT_ONCE), Err(StoreError::BucketDamaged { .. })));
        assert_eq!(shelf.contents().len(), before);
        shelf.put(&key, &whole);
    }
    // A collection that failed is no collection that goes on.
    machine.step(50);
    machine.push(&shelf.bucket(), owner("first")).unwrap();
}

#[test]
fn a_push_does_not_begin_during_a_collection_and_does_not_end_after_one() {
    let shelf = Shelf::default();
    let bucket = shelf.bucket();
    let mut machine = Machine::new();
    machine.push(&bucket, owner("first")).unwrap();
    machine.step(9);
    let collecting = Mark::default().with_collection();
    shelf.put(&keys::mark(), &collecting.to_bytes());
    let refused = machine.push(&bucket, owner("first")).unwrap_err();
    assert!(matches!(refused, StoreError::BucketBusy { .. }) && refused.is_retryable());
    assert!(matches!(bucket.collect(), Err(StoreError::BucketBusy { .. })), "one at a time");

    shelf.put(&keys::mark(), &collecting.without_collection().to_bytes());
    // A whole collection while the push is under way, which is noticed at its end.
    let before = bucket.head(NAME).unwrap();
    let collect = || drop(shelf.bucket().collect());
    let refused = machine.push_with(&bucket, owner("first"), collect).unwrap_err();
    assert!(matches!(refused, StoreError::BucketBusy { .. }), "{refused}");
    assert_eq!(bucket.head(NAME).unwrap(), before);
    machine.push(&bucket, owner("first")).unwrap();
}

#[test]
fn a_collection_that_died_is_waited_for_only_so_long() {
    let shelf = Shelf::default();
    let machine = Machine::new();
    let long_ago = Mark { collections: 7, began_ms: 1_000 * (COLLECTION_TIME_MAX.as_secs()) };
    shelf.put(&keys::mark(), &long_ago.to_bytes());
    machine.push(&shelf.bucket(), owner("first")).unwrap();
    shelf.bucket().collect().unwrap();
    let mark = shelf.contents().into_iter().find(|(key, _)| *key == keys::mark()).unwrap().1;
    assert_eq!(Mark::from_bytes(&mark).unwrap().collections, 10);
}
