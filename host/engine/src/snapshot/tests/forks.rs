//! Instances that start from one image share it until they write.

use super::*;

async fn captured(linked: &Linked) -> (Twins, ActorImage) {
    let mut twins = Twins::born_of(linked).await;
    assert!(twins.capture().await.image().is_none(), "it still shares the image of the component");
    twins.grow(32).await;
    twins.fill(WASM_PAGE_BYTES, 2 << 20, 1).await;
    let image = twins.capture().await.image().cloned().expect("it is large enough for an image of its own");
    (twins, image)
}

#[tokio::test]
async fn a_fork_and_its_original_do_not_see_what_the_other_writes() {
    let linked = testing::linked(&heap(), Limits::default());
    let (mut original, image) = captured(&linked).await;
    let guest = linked.instantiate_from(&image, &services(), "fork").await.expect("it forks");
    let mut fork = Twins { guest, model: original.model.clone() };
    fork.assert_alike("a fork starts where the original is").await;

    // The captures move what was written to the images, which were one and the same.
    original.fill(70 * PAGE_BYTES, PAGE_BYTES, 2).await;
    assert_eq!(pages_of(&original.capture().await), [70]);
    fork.assert_alike("the original wrote").await;
    fork.fill(80 * PAGE_BYTES, PAGE_BYTES, 3).await;
    fork.grow(2).await;
    let capture = fork.capture().await;
    assert_eq!((capture.since(), pages_of(&capture)), (Since::Last, vec![80]));
    original.assert_alike("the fork wrote").await;
    original.fill(80 * PAGE_BYTES, PAGE_BYTES, 4).await;
    assert_eq!(pages_of(&original.capture().await), [80]);

    original.assert_alike("in the end").await;
    fork.assert_alike("in the end").await;
}

#[tokio::test]
async fn an_image_stays_as_it_was_whatever_becomes_of_the_instance() {
    let linked = testing::linked(&heap(), Limits::default());
    let (mut original, image) = captured(&linked).await;
    let then = original.model.clone();
    original.fill(WASM_PAGE_BYTES, 1 << 20, 5).await;
    original.capture().await;
    drop(original);

    let guest = linked.instantiate_from(&image, &services(), "fork").await.expect("it starts");

    Twins { guest, model: then }.assert_alike("the image outlives the instance").await;
}

#[tokio::test]
async fn a_capture_can_be_read_as_it_was_taken_while_the_instance_goes_on_and_is_captured_again() {
    let linked = testing::linked(&heap(), Limits::default());
    let mut twins = Twins::born_of(&linked).await;
    twins.grow(32).await;
    twins.fill(WASM_PAGE_BYTES, 2 << 20, 1).await;
    let (first, then) = (twins.capture().await, twins.model.clone());
    twins.fill(WASM_PAGE_BYTES, 1 << 20, 6).await;
    let second = twins.capture().await;
    twins.fill(WASM_PAGE_BYTES, 4 * PAGE_BYTES, 7).await;
    twins.grow(1).await;
    let third = twins.capture().await;

    let guest = linked.restore(&first.snapshot().expect("it can be read"), &services(), "").await.expect("it goes on");
    Twins { guest, model: then }.assert_alike("the first one is as it was").await;
    let mut kept = Kept::default();
    for capture in [&first, &second, &third] {
        kept.add(capture);
    }
    let mut restored = linked.restore(&kept.snapshot(), &services(), "").await.expect("it goes on");
    let state = digest(&mut restored).await;
    twins.assert_digest(state, "all captures together are the state");
}

#[tokio::test]
async fn what_was_written_or_grown_since_the_capture_is_not_in_its_image() {
    let linked = testing::linked(&heap(), Limits::default());
    let (mut original, image) = captured(&linked).await;
    let then = original.model.clone();
    original.grow(1).await;
    original.fill(90 * PAGE_BYTES, PAGE_BYTES, 5).await;

    let guest = linked.instantiate_from(&image, &services(), "fork").await.expect("it starts");

    Twins { guest, model: then }.assert_alike("the image is of the capture").await;
}

#[tokio::test]
async fn instances_of_one_base_image_do_not_see_each_other() {
    let linked = testing::linked(&heap(), Limits::default());
    let mut some = Vec::new();
    for _ in 0..4 {
        some.push(Twins::born_of(&linked).await);
    }
    for (seed, twins) in (1..).zip(&mut some) {
        twins.fill(0, WASM_PAGE_BYTES, seed).await;
        twins.capture().await;
    }
    for twins in &mut some {
        twins.assert_alike("each has its own pages").await;
    }
    Twins::born_of(&linked).await.assert_alike("the base image is as it was").await;
}
