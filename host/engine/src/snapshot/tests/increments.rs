//! A large guest is captured whole once, and then page by page as it changes.

use super::*;

const HEAP_AT: usize = WASM_PAGE_BYTES;
const HEAP_BYTES: usize = 8 << 20;

/// A guest whose heap of 8 MiB is full.
async fn full_heap(linked: &Linked) -> Twins {
    let mut twins = Twins::born_of(linked).await;
    twins.grow(HEAP_BYTES / WASM_PAGE_BYTES).await;
    twins.fill(HEAP_AT, HEAP_BYTES, 1).await;
    twins
}

#[tokio::test]
async fn after_the_first_capture_only_touched_pages_are_taken() {
    let linked = testing::linked(&heap(), Limits::default());
    let mut twins = full_heap(&linked).await;
    let mut kept = Kept::default();

    let first = twins.capture().await;
    assert_eq!(first.since(), Since::Base);
    assert_eq!(first.pages() as usize, HEAP_BYTES / PAGE_BYTES);
    kept.add(&first);

    for round in 1..5_usize {
        let page = 16 + 100 * round;
        twins.fill(page * PAGE_BYTES, round * PAGE_BYTES, round as u64).await;
        twins.fill(2000 * PAGE_BYTES + 8 * round, 8, round as u64).await;

        let capture = twins.capture().await;

        let expected: Vec<u64> = (page..page + round).chain([2000]).map(|page| page as u64).collect();
        assert_eq!((capture.since(), pages_of(&capture)), (Since::Last, expected));
        twins.assert_alike("a capture changes nothing").await;
        kept.add(&capture);
    }
    let untouched = twins.capture().await;
    assert_eq!((untouched.since(), untouched.pages()), (Since::Last, 0));

    let mut restored = linked.restore(&kept.snapshot(), &services(), "").await.expect("it goes on");
    let state = digest(&mut restored).await;
    twins.assert_digest(state, "all captures together are the state");
}

#[tokio::test]
async fn memory_that_grows_between_captures_is_zero_where_nothing_was_written() {
    let linked = testing::linked(&heap(), Limits::default());
    let mut twins = full_heap(&linked).await;
    let mut kept = Kept::default();
    kept.add(&twins.capture().await);

    twins.grow(3).await;
    let grown = twins.capture().await;
    assert_eq!(grown.pages(), 0);
    assert_eq!(grown.size_bytes() as usize, twins.model.memory.len());
    kept.add(&grown);

    // First behind what the image covers, then at the end of the memory.
    for at in [HEAP_AT + HEAP_BYTES, twins.model.memory.len() - 2 * PAGE_BYTES] {
        twins.fill(at, PAGE_BYTES, 9).await;
        let capture = twins.capture().await;
        assert_eq!((capture.since(), pages_of(&capture)), (Since::Last, vec![(at / PAGE_BYTES) as u64]));
        twins.assert_alike("a capture changes nothing").await;
        kept.add(&capture);
    }
    twins.grow(1).await;

    let mut restored = linked.restore(&kept.snapshot(), &services(), "").await.expect("it goes on");
    let (before,) = restored.call::<(u32,), (i32,)>("grow", (1,)).await.expect("it grows on");
    assert_eq!(before, 1 + 128 + 3);
    let state = digest(&mut restored).await;
    twins.assert_digest(state, "all captures together are the state");
}

#[tokio::test]
async fn a_restored_guest_is_captured_against_what_it_was_restored_from() {
    let linked = testing::linked(&heap(), Limits::default());
    let mut twins = full_heap(&linked).await;
    let mut kept = Kept::default();
    kept.add(&twins.capture().await);
    twins.guest = linked.restore(&kept.snapshot(), &services(), "").await.expect("it goes on");

    twins.fill(HEAP_AT + 5 * PAGE_BYTES, 2 * PAGE_BYTES, 3).await;
    let capture = twins.capture().await;

    assert_eq!((capture.since(), pages_of(&capture)), (Since::Last, vec![21, 22]));
    kept.add(&capture);
    twins.guest = linked.restore(&kept.snapshot(), &services(), "").await.expect("it goes on");
    twins.assert_alike("after two lives").await;
}

#[tokio::test]
async fn a_small_guest_is_captured_whole_every_time() {
    let linked = testing::linked(&heap(), Limits::default());
    let mut twins = Twins::born_of(&linked).await;
    for round in 0..4 {
        twins.fill(4 * round * PAGE_BYTES, PAGE_BYTES, 5).await;

        let capture = twins.capture().await;

        assert_eq!((capture.since(), capture.pages()), (Since::Base, round as u64 + 1));
        twins.guest =
            linked.restore(&capture.snapshot().expect("it can be read"), &services(), "").await.expect("it goes on");
        twins.assert_alike("after another life").await;
    }
}

#[tokio::test]
async fn a_guest_that_did_not_start_from_an_image_keeps_its_data_when_it_is_captured() {
    let linked = testing::linked(&heap(), Limits::default());
    let guest = linked.instantiate(&services(), "").await.expect("it starts");
    let mut twins = Twins { guest, model: Model::new() };
    twins.grow(HEAP_BYTES / WASM_PAGE_BYTES).await;
    twins.fill(HEAP_AT, HEAP_BYTES, 1).await;
    let mut kept = Kept::default();

    kept.add(&twins.capture().await);

    twins.assert_alike("what the component declares is not among the written pages").await;
    twins.guest = linked.restore(&kept.snapshot(), &services(), "").await.expect("it goes on");
    twins.assert_alike("nor is it in the snapshot").await;
}
