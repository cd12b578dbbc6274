//! An actor has one owner, and an old one cannot overwrite a new one.

use std::sync::Barrier;
use std::time::Duration;

use super::support::{Machine, NAME, Shelf, elsewhere, owner};
use crate::StoreError;
use crate::bucket::{Bucket, Head, keys};

/// How often two of them race. Whoever comes first is up to the machine; what must hold holds every time.
const RACES: u32 = 20;

/// What two do at the same moment, each with its own connection.
fn at_once<T: Send>(buckets: [Bucket; 2], work: impl Fn(usize, &Bucket) -> T + Sync) -> [T; 2] {
    let (start, work) = (Barrier::new(2), &work);
    std::thread::scope(|scope| {
        let start = &start;
        let mut index = 0;
        let threads = buckets.map(|bucket| {
            let own = index;
            index += 1;
            scope.spawn(move || {
                start.wait();
                work(own, &bucket)
            })
        });
        threads.map(|thread| thread.join().unwrap())
    })
}

/// Two connections to one bucket: to one that swaps by itself, and to a folder.
fn shared() -> (Vec<[Bucket; 2]>, tempfile::TempDir) {
    let (shelf, folder) = (Shelf::default(), tempfile::tempdir().unwrap());
    let url = url::Url::from_directory_path(folder.path()).unwrap().to_string();
    let in_folder = [Bucket::open(&url).unwrap(), Bucket::open(&url).unwrap()];
    (vec![[shelf.bucket(), shelf.bucket()], in_folder], folder)
}

#[test]
fn who_takes_an_actor_over_locks_out_its_owner() {
    let shelf = Shelf::default();
    let bucket = shelf.bucket();
    let mut machine = Machine::new();
    let first = machine.push(&bucket, owner("first")).unwrap();
    assert_eq!((first.checkpoint.number, first.checkpoint.lease), (1, 1));

    let (_, packs) = elsewhere();
    let pulled = bucket.pull(NAME, None, &packs, |_| ()).unwrap();
    assert_eq!(bucket.claim(&pulled.claim, owner("second")).unwrap(), 2);

    let before = shelf.contents();
    machine.step(9);
    let refused = machine.push(&bucket, owner("first")).unwrap_err();
    assert!(matches!(&refused, StoreError::LeaseLost { name, found: 2, .. } if name == NAME), "{refused}");
    assert!(!refused.is_retryable());
    assert_eq!(shelf.contents(), before, "nothing is changed by who is refused");
    let second = machine.push(&bucket, owner("second")).unwrap();
    assert_eq!((second.checkpoint.number, second.checkpoint.lease), (2, 2));
}

#[test]
fn an_owner_that_is_replaced_between_its_look_at_the_head_and_its_swap_is_refused() {
    let shelf = Shelf::default();
    let bucket = shelf.bucket();
    let mut machine = Machine::new();
    machine.push(&bucket, owner("old")).unwrap();
    machine.step(9);
    let mut taken_over = None;
    let take_over = || {
        let other = shelf.bucket();
        let (_, packs) = elsewhere();
        let pulled = other.pull(NAME, None, &packs, |_| ()).unwrap();
        other.claim(&pulled.claim, owner("new")).unwrap();
        taken_over = other.head(NAME).unwrap();
    };
    let refused = machine.push_with(&bucket, owner("old"), take_over).unwrap_err();
    assert!(matches!(refused, StoreError::LeaseLost { .. }), "{refused}");
    assert!(taken_over.is_some());
    assert_eq!(bucket.head(NAME).unwrap(), taken_over);
}

#[test]
fn an_owner_that_is_replaced_after_its_push_died_changes_nothing_that_counts() {
    // Wherever the push of the old one died.
    for requests in 0..200 {
        let shelf = Shelf::default();
        let bucket = shelf.bucket();
        let mut machine = Machine::new();
        machine.push(&bucket, owner("old")).unwrap();
        machine.step(9);
        shelf.answer_only(Some(requests));
        let is_whole = machine.push(&bucket, owner("old")).is_ok();
        shelf.answer_only(None);
        let (_, packs) = elsewhere();
        let pulled = bucket.pull(NAME, None, &packs, |_| ()).unwrap();
        bucket.claim(&pulled.claim, owner("new")).unwrap();
        let head = bucket.head(NAME).unwrap();
        assert!(matches!(machine.push(&bucket, owner("old")), Err(StoreError::LeaseLost { .. })));
        assert_eq!(bucket.head(NAME).unwrap(), head);
        if is_whole {
            return;
        }
    }
    panic!("a push takes fewer requests");
}

#[test]
fn of_two_that_take_an_actor_over_exactly_one_gets_it() {
    for _ in 0..RACES {
        let (shared, _folder) = shared();
        for buckets in shared {
            Machine::new().push(&buckets[0], owner("first")).unwrap();
            let claims = buckets.each_ref().map(|bucket| {
                let (_, packs) = elsewhere();
                bucket.pull(NAME, None, &packs, |_| ()).unwrap().claim
            });
            let owners = [owner("second"), owner("third")];
            let [first, second] = at_once(buckets, |index, bucket| {
                let claimed = bucket.claim(&claims[index], owners[index]);
                (claimed, bucket.head(NAME).unwrap().unwrap())
            });
            let winner = match (&first.0, &second.0) {
                (Ok(2), Err(StoreError::BucketBusy { .. })) => owners[0],
                (Err(StoreError::BucketBusy { .. }), Ok(2)) => owners[1],
                other => panic!("exactly one of them must have it: {other:?}"),
            };
            assert!([first.1, second.1].iter().any(|head| head.owner == winner && head.lease == 2));
        }
    }
}

#[test]
fn of_two_new_actors_of_one_name_exactly_one_gets_it() {
    for _ in 0..RACES {
        let (shared, _folder) = shared();
        for buckets in shared {
            let owners = [owner("first"), owner("second")];
            let pushed = at_once(buckets, |index, bucket| Machine::new().push(bucket, owners[index]));
            let won = pushed.iter().filter(|pushed| pushed.is_ok()).count();
            assert_eq!(won, 1, "{pushed:?}");
            assert!(pushed.iter().any(|pushed| matches!(pushed, Err(StoreError::LeaseLost { found: 1, .. }))));
        }
    }
}

#[test]
fn pushes_of_one_owner_do_not_get_lost() {
    for _ in 0..RACES {
        let (shared, _folder) = shared();
        for buckets in shared {
            let mut machine = Machine::new();
            machine.step(9);
            let machine = &machine;
            let pushed = at_once(buckets, |index, bucket| {
                let pushed = machine.push_as(bucket, owner("one"), 2 + index as u64);
                (pushed, bucket.head(NAME).unwrap().unwrap())
            });
            let [(older, _), (newer, after)] = pushed;
            match (older, newer.unwrap().checkpoint.number) {
                // Each of them is the newest in its time, or the older one comes too late.
                (Ok(older), 2) => assert_eq!(older.checkpoint.number, 1),
                (Err(StoreError::OlderThanBucket { generation: 2, found: 3, .. }), 1) => {}
                other => panic!("one got lost: {other:?}"),
            }
            assert_eq!(after.newest().unwrap().generation, 3);
        }
    }
}

#[test]
fn an_older_state_of_an_owner_never_becomes_the_newest() {
    let shelf = Shelf::default();
    let bucket = shelf.bucket();
    let mut machine = Machine::new();
    machine.step(9);
    // A slow push, beside one of a later state that is done first.
    let slow = machine.push_as_with(&bucket, owner("first"), 2, || drop(machine.push(&shelf.bucket(), owner("first"))));
    assert!(matches!(slow, Err(StoreError::OlderThanBucket { generation: 2, found: 3, .. })), "{slow:?}");
    // A copy of the data directory, in which less has happened.
    let before = shelf.contents();
    let refused = Machine::new().push(&bucket, owner("first")).unwrap_err();
    assert!(matches!(refused, StoreError::OlderThanBucket { generation: 2, .. }) && !refused.is_retryable());
    assert!(refused.to_string().contains("belljar checkpoint restore visits 2"), "{refused}");
    assert_eq!(shelf.contents(), before);
    // Another owner counts by itself.
    let (_, packs) = elsewhere();
    let pulled = bucket.pull(NAME, None, &packs, |_| ()).unwrap();
    bucket.claim(&pulled.claim, owner("second")).unwrap();
    assert_eq!(machine.push_as(&bucket, owner("second"), 1).unwrap().checkpoint.number, 2);
}

#[test]
fn a_swap_whose_answer_is_lost_is_known_for_what_it_was() {
    let shelf = Shelf::default();
    shelf.lose_answers(true);
    let bucket = shelf.bucket();
    let mut machine = Machine::new();
    assert_eq!(machine.push(&bucket, owner("first")).unwrap().checkpoint.number, 1);
    let (_, packs) = elsewhere();
    let pulled = bucket.pull(NAME, None, &packs, |_| ()).unwrap();
    assert_eq!(bucket.claim(&pulled.claim, owner("second")).unwrap(), 2);
    machine.step(9);
    assert!(matches!(machine.push(&bucket, owner("first")), Err(StoreError::LeaseLost { .. })));
    assert!(matches!(bucket.claim(&pulled.claim, owner("third")), Err(StoreError::BucketBusy { .. })));
    assert_eq!(bucket.head(NAME).unwrap().unwrap().owner, owner("second"));
}

#[test]
fn who_could_not_begin_gives_the_actor_back() {
    let bucket = Shelf::default().bucket();
    let mut machine = Machine::new();
    machine.push(&bucket, owner("first")).unwrap();
    let (_, packs) = elsewhere();
    let pulled = bucket.pull(NAME, None, &packs, |_| ()).unwrap();
    assert!(!bucket.give_back(&pulled.claim, owner("second")).unwrap(), "it was not taken over yet");
    bucket.claim(&pulled.claim, owner("second")).unwrap();
    assert!(bucket.give_back(&pulled.claim, owner("second")).unwrap());
    assert!(!bucket.give_back(&pulled.claim, owner("second")).unwrap());
    let head = bucket.head(NAME).unwrap().unwrap();
    assert_eq!((head.lease, head.owner), (3, owner("first")));
    // What its owner pushed before is what it goes on from.
    assert_eq!(head.newest().unwrap().lease, 3);
    let older = machine.push_as(&bucket, owner("first"), 1);
    assert!(matches!(older, Err(StoreError::OlderThanBucket { generation: 1, found: 2, .. })), "{older:?}");
    machine.step(9);
    assert!(matches!(machine.push(&bucket, owner("second")), Err(StoreError::LeaseLost { found: 3, .. })));
    assert_eq!(machine.push(&bucket, owner("first")).unwrap().checkpoint.lease, 3);
    assert!(matches!(bucket.claim(&pulled.claim, owner("second")), Err(StoreError::BucketBusy { .. })));
    bucket.remove(NAME).unwrap();
    assert!(!bucket.give_back(&pulled.claim, owner("second")).unwrap());
}

#[test]
fn numbers_that_can_grow_no_more_are_damage() {
    let shelf = Shelf::default();
    let bucket = shelf.bucket();
    let mut machine = Machine::new();
    machine.push(&bucket, owner("first")).unwrap();
    let head = bucket.head(NAME).unwrap().unwrap();
    let last = Head { lease: u64::MAX, ..head.clone() };
    shelf.put(&keys::head(NAME), &last.to_bytes().unwrap());
    let (_, packs) = elsewhere();
    let pulled = bucket.pull(NAME, None, &packs, |_| ()).unwrap();
    assert!(matches!(bucket.claim(&pulled.claim, owner("second")), Err(StoreError::BucketDamaged { .. })));

    let mut last = head;
    last.kept[0].number = u64::MAX;
    shelf.put(&keys::head(NAME), &last.to_bytes().unwrap());
    machine.step(9);
    assert!(matches!(machine.push(&bucket, owner("first")), Err(StoreError::BucketDamaged { .. })));
}

#[test]
fn a_lock_of_a_folder_that_stays_held_is_not_waited_for_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let url = url::Url::from_directory_path(folder.path()).unwrap();
    let bucket = Bucket::open(url.as_str()).unwrap();
    let path = folder.path().join("belljar-bucket.lock");
    let held = bucket.io.lock(&path, Duration::ZERO).unwrap();
    let refused = bucket.io.lock(&path, Duration::ZERO).unwrap_err();
    assert!(refused.is_retryable() && refused.to_string().contains("another process holds"), "{refused}");
    drop(held);
    bucket.io.lock(&path, Duration::ZERO).unwrap();
}

#[test]
fn what_was_pulled_before_a_push_cannot_be_claimed() {
    let bucket = Shelf::default().bucket();
    let mut machine = Machine::new();
    machine.push(&bucket, owner("first")).unwrap();
    let (_, packs) = elsewhere();
    let pulled = bucket.pull(NAME, None, &packs, |_| ()).unwrap();
    machine.step(9);
    machine.push(&bucket, owner("first")).unwrap();
    let refused = bucket.claim(&pulled.claim, owner("second")).unwrap_err();
    assert!(matches!(refused, StoreError::BucketBusy { .. }) && refused.is_retryable());
    machine.step(10);
    machine.push(&bucket, owner("first")).unwrap();
}

#[test]
fn a_bucket_that_ignores_conditions_is_refused() {
    let careless = Shelf::careless();
    let refused = Machine::new().push(&careless.bucket(), owner("first")).unwrap_err();
    assert!(matches!(refused, StoreError::BucketUnconditional { .. }));
    assert!(careless.contents().is_empty());
}

#[test]
fn a_bucket_that_ignores_conditions_is_refused_also_if_whoever_tried_it_out_died() {
    for requests in 0..20 {
        let careless = Shelf::careless();
        careless.answer_only(Some(requests));
        let first = Machine::new().push(&careless.bucket(), owner("first")).unwrap_err();
        careless.answer_only(None);
        let second = Machine::new().push(&careless.bucket(), owner("second")).unwrap_err();
        assert!(matches!(second, StoreError::BucketUnconditional { .. }), "after {requests}: {second}");
        if matches!(first, StoreError::BucketUnconditional { .. }) {
            return;
        }
    }
    panic!("trying it out takes fewer requests");
}
