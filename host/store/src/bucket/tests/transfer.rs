//! Actors go from machine to machine through a bucket.

use super::support::{COMPONENT, Machine, NAME, Shelf, elsewhere, owner};
use crate::StoreError;
use crate::bucket::{Bucket, GENERATIONS_KEPT_IN_BUCKET, Transfer};
use crate::checkpoint::BundleParts;
use crate::checkpoint::tests::support::{Actor, files, packs};

#[test]
fn an_actor_goes_to_another_machine() {
    let bucket = Shelf::default().bucket();
    let machine = Machine::new();
    let pushed = machine.push(&bucket, owner("first")).unwrap();
    assert_eq!(pushed.chunks, pushed.chunks_uploaded);
    let (storage, packs) = elsewhere();
    let mut steps = Vec::new();
    let pulled = bucket.pull(NAME, None, &packs, |step| steps.push(step)).unwrap();
    machine.assert_is(&pulled, &packs);
    assert_eq!(steps.first(), Some(&Transfer { done: 0, total: pushed.chunks }));
    assert_eq!(steps.last(), Some(&Transfer { done: pushed.chunks, total: pushed.chunks }));
    // It is durable, not only in memory.
    machine.assert_is(&pulled, &crate::checkpoint::tests::support::packs(&storage));
    let before = files(&storage);
    bucket.pull(NAME, None, &packs, |step| assert_eq!(step.done, step.total)).unwrap();
    assert_eq!(files(&storage), before, "what is there already is not fetched again");
}

#[test]
fn a_small_actor_travels_without_chunks() {
    let shelf = Shelf::default();
    let mut machine = Machine { packs: packs(&crate::FaultyStorage::new()), actor: Actor::new(Vec::new()) };
    machine.actor.write_page(0, b"small");
    machine.checkpoint();
    assert_eq!(machine.push(&shelf.bucket(), owner("first")).unwrap().chunks, 0);
    let (storage, packs) = elsewhere();
    machine.assert_is(&shelf.bucket().pull(NAME, None, &packs, |_| ()).unwrap(), &packs);
    assert!(files(&storage).is_empty());
    assert_eq!(shelf.contents().len(), 4, "mark, head, letter and plugin");
}

#[test]
fn only_what_has_changed_is_uploaded() {
    let bucket = Shelf::default().bucket();
    let mut machine = Machine::new();
    let first = machine.push(&bucket, owner("first")).unwrap();
    let same = machine.push(&bucket, owner("first")).unwrap();
    assert_eq!((same.checkpoint, same.uploaded_bytes), (first.checkpoint, 0));
    machine.step(20);
    let next = machine.push(&bucket, owner("first")).unwrap();
    assert_eq!(next.chunks_uploaded, 1);
    // Another actor with the same memory shares the chunks.
    let parts = BundleParts { description: "{}", component: COMPONENT, payload: &machine.actor.log[&3] };
    let other = bucket.push("other", owner("other"), parts, machine.actor.parent_of(), &machine.packs, |_| ()).unwrap();
    assert_eq!((other.chunks_uploaded, other.chunks), (0, next.chunks));
}

#[test]
fn a_few_checkpoints_are_kept_and_can_be_pulled() {
    let bucket = Shelf::default().bucket();
    let mut machine = Machine::new();
    let steps = GENERATIONS_KEPT_IN_BUCKET as u64 + 1;
    for page in 0..steps {
        machine.push(&bucket, owner("first")).unwrap();
        machine.step(20 + page as u32);
    }
    let head = bucket.head(NAME).unwrap().unwrap();
    assert_eq!(head.kept.iter().map(|kept| kept.number).collect::<Vec<_>>(), (2..=steps).collect::<Vec<_>>());
    let (_, packs) = elsewhere();
    for kept in &head.kept {
        let pulled = bucket.pull(NAME, Some(kept.number), &packs, |_| ()).unwrap();
        machine.assert_is(&pulled, &packs);
    }
    assert!(matches!(bucket.pull(NAME, Some(1), &packs, |_| ()), Err(StoreError::NotInBucket { .. })));
}

#[test]
fn a_push_that_dies_anywhere_leaves_the_generation_before_and_can_be_repeated() {
    let mut machine = Machine::new();
    for requests in 0..200 {
        let shelf = Shelf::default();
        let bucket = shelf.bucket();
        let before = Machine::new();
        before.push(&bucket, owner("first")).unwrap();
        if machine.actor.generation == before.actor.generation {
            for page in 0..100 {
                machine.actor.write_page(page, &[page as u8; 50]);
            }
            machine.checkpoint();
        }
        shelf.answer_only(Some(requests));
        let pushed = machine.push(&bucket, owner("first"));
        shelf.answer_only(None);
        let (_, packs) = elsewhere();
        let pulled = bucket.pull(NAME, None, &packs, |_| ()).unwrap();
        match pushed {
            Ok(_) => {
                machine.assert_is(&pulled, &packs);
                assert!(requests > 10, "it takes more requests than {requests}");
                return;
            }
            Err(error) => {
                assert!(matches!(error, StoreError::Bucket { .. }) && error.is_retryable(), "{error}");
                // The answer to the last request may be lost after it was carried out.
                match pulled.checkpoint.number {
                    1 => before.assert_is(&pulled, &packs),
                    _ => machine.assert_is(&pulled, &packs),
                }
            }
        }
        machine.push(&bucket, owner("first")).unwrap();
        machine.assert_is(&bucket.pull(NAME, None, &packs, |_| ()).unwrap(), &packs);
    }
    panic!("a push takes fewer requests");
}

#[test]
fn a_pull_that_dies_anywhere_stores_nothing() {
    let shelf = Shelf::default();
    let machine = Machine::new();
    machine.push(&shelf.bucket(), owner("first")).unwrap();
    for requests in 0..200 {
        let (storage, packs) = elsewhere();
        shelf.answer_only(Some(requests));
        let pulled = shelf.bucket().pull(NAME, None, &packs, |_| ());
        match pulled {
            Ok(pulled) => return machine.assert_is(&pulled, &packs),
            Err(error) => assert!(matches!(error, StoreError::Bucket { .. }), "{error}"),
        }
        assert!(files(&storage).is_empty());
    }
    panic!("a pull takes fewer requests");
}

#[test]
fn a_pull_without_room_stores_nothing() {
    let bucket = Shelf::default().bucket();
    Machine::new().push(&bucket, owner("first")).unwrap();
    let (storage, packs) = elsewhere();
    storage.set_capacity(Some(100_000));
    assert!(matches!(bucket.pull(NAME, None, &packs, |_| ()), Err(StoreError::DiskFull { .. })));
    assert!(files(&storage).is_empty());
}

#[test]
fn actors_are_listed_and_removed() {
    let shelf = Shelf::default();
    let bucket = shelf.bucket();
    let machine = Machine::new();
    for name in ["b", "a/1", "ü"] {
        let parts = BundleParts { description: "{}", component: COMPONENT, payload: &machine.actor.log[&1] };
        bucket.push(name, owner(name), parts, machine.actor.parent_of(), &machine.packs, |_| ()).unwrap();
    }
    let names = || bucket.list().unwrap().into_iter().map(|head| head.unwrap().name).collect::<Vec<_>>();
    assert_eq!(names(), ["a/1", "b", "ü"]);
    assert!(bucket.remove("b").unwrap());
    assert!(!bucket.remove("b").unwrap());
    assert_eq!(names(), ["a/1", "ü"]);
    let (_, packs) = elsewhere();
    assert!(matches!(bucket.pull("b", None, &packs, |_| ()), Err(StoreError::NotInBucket { .. })));
}

#[test]
fn a_folder_is_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let url = url::Url::from_directory_path(folder.path()).unwrap();
    let machine = Machine::new();
    machine.push(&Bucket::open(url.as_str()).unwrap(), owner("first")).unwrap();
    let (_, packs) = elsewhere();
    let bucket = Bucket::open(url.as_str()).unwrap();
    let pulled = bucket.pull(NAME, None, &packs, |_| ()).unwrap();
    machine.assert_is(&pulled, &packs);
    assert_eq!(bucket.claim(&pulled.claim, owner("second")).unwrap(), 2);
    assert!(matches!(machine.push(&bucket, owner("first")), Err(StoreError::LeaseLost { found: 2, .. })));
    assert_eq!(bucket.list().unwrap().len(), 1);
}

#[test]
fn what_is_no_bucket_is_told_with_what_is_wrong() {
    for (url, expected) in [
        ("visits", "relative URL"),
        ("ftp://host", "`ftp` is neither"),
        ("s3:///prefix", "names no bucket"),
        ("s3://bucket?acl=public", "not `acl`"),
        ("file:///not/there", "no folder /not/there"),
        ("file:///tmp?endpoint=http://host", "has no options"),
        ("s3://bucket:9000/prefix", "a port belongs to the endpoint"),
        ("s3://bucket/prefix#part", "no place for a `#`"),
        ("s3://bucket/a//b", "empty path segment"),
        ("s3://bucket?endpoint=host:9000", "its endpoint is no URL"),
    ] {
        let error = Bucket::open(url).unwrap_err();
        assert!(matches!(error, StoreError::BucketUrl { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn what_may_be_a_secret_in_a_url_is_not_repeated() {
    for url in [
        "s3://key:hidden@bucket",
        "s3://key:hid/hidden@bucket",
        "s3://bucket?endpoint=http://key:hidden@host",
        "file:///folder?endpoint=http://key:hidden@host",
    ] {
        let told = Bucket::open(url).unwrap_err().to_string();
        assert!(told.contains(if url.starts_with("s3") { "AWS_ACCESS_KEY_ID" } else { "no options" }), "{told}");
        assert!(!told.contains("hid") && !told.contains("key:"), "{told}");
    }
    for url in ["s3://bucket?secret_access_key=hidden", "s3://bucket#hidden", "s3:?hidden", "hidden@there"] {
        let told = Bucket::open(url).unwrap_err().to_string();
        assert!(!told.contains("hidden"), "{told}");
    }
    let long = format!("s3://bucket:99999/{}", "x".repeat(1_000));
    assert!(Bucket::open(&long).unwrap_err().to_string().len() < 500);
}
