//! A collection removes what nobody needs, and nothing else.

use std::time::{Duration, Instant};

use super::support::{Machine, NAME, Shelf, elsewhere, owner};
use crate::bucket::collect::{REMOVED_AT_ONCE, Watch};
use crate::bucket::mark::Mark;
use crate::bucket::{COLLECTION_TIME_MAX, CollectedFromBucket, GENERATIONS_KEPT_IN_BUCKET, keys};
use crate::{Digest, StoreError};

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
    let refused = shelf.bucket().collect_older_than(AT_ONCE).unwrap_err();
    assert!(matches!(refused, StoreError::NotInBucket { .. }), "{refused}");
    assert_eq!(shelf.contents().len(), 1, "nothing is made where nothing was");
    shelf.bucket().prepare().unwrap();
    assert_eq!(shelf.bucket().collect_older_than(AT_ONCE).unwrap(), CollectedFromBucket::default());
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
        let refused = shelf.bucket().collect_older_than(AT_ONCE).unwrap_err();
        assert!(matches!(&refused, StoreError::BucketDamaged { key: named, .. } if named == key.as_ref()));
        assert!(refused.to_string().contains("belljar checkpoint rm NAME --from URL"), "{refused}");
        assert_eq!(refused.to_string().contains("of `visits`"), key == keys::letter(letter), "{refused}");
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
    assert!(
        refused.to_string().contains("is taken for dead in 1") && refused.to_string().contains("--take-over"),
        "{refused}"
    );
    assert!(matches!(bucket.prepare(), Err(StoreError::BucketBusy { .. })));
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
    assert_eq!(shelf.mark().collections, 8, "it is ended, in case that it only sleeps");
    shelf.bucket().collect().unwrap();
    assert_eq!(shelf.mark().collections, 10);
    // One of a machine whose clock is hours ahead is not waited for any longer.
    let ahead = Mark { began_ms: shelf.mark().began_ms + 3 * 60 * 60 * 1_000, collections: 11 };
    shelf.put(&keys::mark(), &ahead.to_bytes());
    shelf.bucket().prepare().unwrap();
    assert_eq!(shelf.mark().collections, 12);
}

#[test]
fn a_collection_that_was_taken_for_dead_removes_no_more() {
    let shelf = Shelf::default();
    let mut machine = with_garbage(&shelf);
    for number in 0..3 * REMOVED_AT_ONCE as u64 {
        shelf.put(&keys::chunk(Digest::of(&number.to_le_bytes())), b"nobody's");
    }
    machine.step(60);
    // It sleeps with its plan made, and another machine pushes meanwhile.
    let other = shelf.clone();
    shelf.before_removal(move || {
        assert!(other.bucket().end_collection().unwrap());
        machine.push(&other.bucket(), owner("first")).unwrap();
        assert!(!other.bucket().end_collection().unwrap());
    });
    let collected = shelf.bucket().collect_older_than(AT_ONCE).unwrap();
    assert!(collected.is_cut_short && !collected.is_unread);
    assert_eq!((collected.checkpoints, collected.chunks, collected.components), (4, 0, 0), "what was on its way");
    assert_eq!(shelf.mark().collections, 2);
    for kept in shelf.bucket().head(NAME).unwrap().unwrap().kept {
        shelf.bucket().pull(NAME, Some(kept.number), &elsewhere().1, |_| ()).unwrap();
    }
}

#[test]
fn between_two_looks_at_the_mark_only_a_few_are_removed() {
    let shelf = Shelf::default();
    shelf.bucket().prepare().unwrap();
    for number in 0..3 * REMOVED_AT_ONCE as u64 {
        shelf.put(&keys::chunk(Digest::of(&number.to_le_bytes())), b"nobody's");
    }
    let other = shelf.clone();
    shelf.before_removal(move || assert!(other.bucket().end_collection().unwrap()));
    let collected = shelf.bucket().collect_older_than(AT_ONCE).unwrap();
    assert_eq!((collected.chunks, collected.is_cut_short), (REMOVED_AT_ONCE as u64, true));
    let rest = shelf.bucket().collect_older_than(AT_ONCE).unwrap();
    assert_eq!((rest.chunks, rest.is_cut_short), (2 * REMOVED_AT_ONCE as u64, false));
}

#[test]
fn a_collection_whose_time_is_over_before_it_knows_what_is_needed_says_so() {
    let shelf = Shelf::default();
    with_garbage(&shelf);
    let (bucket, before) = (shelf.bucket(), shelf.contents());
    let watch = Watch { bucket: &bucket, mine: Mark { collections: 1, began_ms: 0 }, began: Instant::now() };
    let collected = bucket.sweep(&watch, AT_ONCE).unwrap();
    let nothing = CollectedFromBucket { is_cut_short: true, is_unread: true, ..CollectedFromBucket::default() };
    assert_eq!(collected, nothing);
    assert_eq!(shelf.contents(), before);
}

#[test]
fn an_error_of_a_collection_is_not_hidden_by_one_of_its_end() {
    let shelf = Shelf::default();
    let pushed = Machine::new().push(&shelf.bucket(), owner("first")).unwrap();
    shelf.put(&keys::letter(pushed.checkpoint.letter), b"damaged");
    for requests in 0..100 {
        shelf.answer_only(Some(requests));
        let error = shelf.bucket().collect_older_than(AT_ONCE).unwrap_err();
        shelf.answer_only(None);
        let is_left = shelf.bucket().end_collection().unwrap();
        if matches!(error, StoreError::BucketDamaged { .. }) {
            return assert!(is_left, "no request was left for its end");
        }
        assert!(matches!(error, StoreError::Bucket { .. }), "{error}");
    }
    panic!("a collection takes fewer requests");
}

#[test]
fn a_pull_of_what_was_dropped_meanwhile_finds_no_damage() {
    let shelf = Shelf::default();
    let mut machine = Machine::new();
    machine.push(&shelf.bucket(), owner("first")).unwrap();
    let (_, packs) = elsewhere();
    let mut is_first = true;
    let pulled = shelf.bucket().pull(NAME, None, &packs, |_| {
        for page in 0..GENERATIONS_KEPT_IN_BUCKET as u32 * u32::from(std::mem::take(&mut is_first)) {
            for changed in 0..160 {
                machine.actor.write_page(changed, &[page as u8 + 1; 3_000]);
            }
            machine.actor.host_state.clear();
            machine.step(page);
            machine.push(&shelf.bucket(), owner("first")).unwrap();
        }
        shelf.bucket().collect_older_than(AT_ONCE).unwrap();
    });
    assert!(matches!(pulled, Err(StoreError::BucketBusy { .. })), "{pulled:?}");
}
