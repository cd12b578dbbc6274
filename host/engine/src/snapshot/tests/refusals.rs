//! Instances that are not to be captured, and snapshots that no instance can be made of: each an error, and no more.

use std::time::Duration;

use super::*;
use crate::FaultKind;

async fn is_gone(instance: &mut Instance) -> bool {
    let refused = [
        instance.capture().await.map(drop),
        instance.state_digest().await.map(drop),
        instance.call::<(u32,), (u64,)>("peek", (0,)).await.map(drop),
    ];
    refused.iter().all(|outcome| matches!(outcome, Err(Error::InstanceGone)))
}

#[tokio::test]
async fn after_a_trap_there_is_nothing_to_capture() {
    let mut guest = Twins::born_of(&testing::linked(&heap(), Limits::default())).await.guest;
    testing::fault(guest.call::<(), ()>("fail", ()).await);
    assert!(is_gone(&mut guest).await);
}

#[tokio::test]
async fn after_a_call_that_was_dropped_halfway_there_is_nothing_to_capture() {
    let mut guest = Twins::born_of(&testing::linked(&heap(), Limits::default())).await.guest;
    let call = guest.call::<(), ()>("spin", ());
    assert!(tokio::time::timeout(Duration::from_millis(1), call).await.is_err(), "it spins for ever");
    assert!(is_gone(&mut guest).await);
}

/// A snapshot of a heap of three wasm pages, of which pages 1, 2 and 40 were written.
async fn good(linked: &Linked) -> Snapshot {
    let mut twins = Twins::born_of(linked).await;
    twins.grow(2).await;
    twins.fill(PAGE_BYTES, 2 * PAGE_BYTES, 1).await;
    twins.fill(40 * PAGE_BYTES, PAGE_BYTES, 1).await;
    taken(&mut twins.guest).await
}

/// Something to do to a good snapshot.
type Damage = fn(&mut Snapshot);

fn memory(snapshot: &mut Snapshot) -> &mut MemorySnapshot {
    &mut snapshot.memories[0]
}

#[tokio::test]
async fn a_damaged_snapshot_is_refused_with_what_is_wrong() {
    let damages: [(&str, &str, Damage); 14] = [
        ("no memory", "of another component", |s| s.memories.clear()),
        ("another memory", "of another component", |s| s.memories.push(MemorySnapshot::default())),
        ("no global", "of another component", |s| s.globals.clear()),
        ("another global", "of another component", |s| s.globals.push(1)),
        ("a byte short", "missing or too many", |s| memory(s).bytes.truncate(1)),
        ("a byte more", "missing or too many", |s| memory(s).bytes.push(0)),
        ("no bytes", "missing or too many", |s| memory(s).bytes.clear()),
        ("past the end", "outside of its memory", |s| memory(s).runs[1].first_page = 48),
        ("far past the end", "outside of its memory", |s| memory(s).runs[1].first_page = u64::MAX),
        ("very many pages", "outside of its memory", |s| memory(s).runs[1].pages = u64::MAX),
        ("twice the same page", "ascending order", |s| memory(s).runs[1].first_page = 2),
        ("smaller than declared", "has a size", |s| memory(s).size_bytes = 0),
        ("a size between two", "has a size", |s| memory(s).size_bytes += 1),
        ("larger than its maximum", "do not have the sizes", |s| memory(s).size_bytes = 257 << 16),
    ];
    let linked = testing::linked(&heap(), Limits::default());
    let good = good(&linked).await;
    assert_eq!(good.memories[0].runs.len(), 2);
    for (story, expected, damage) in damages {
        let mut snapshot = good.clone();
        damage(&mut snapshot);
        let error = match linked.restore(&snapshot, &services(), "").await {
            Ok(_) => panic!("{story}: an instance was made of it"),
            Err(error) => error,
        };
        assert!(matches!(error, Error::Snapshot { .. }) && error.to_string().contains(expected), "{story}: {error}");
        let Ok(image) = linked.image(&snapshot, &services()).await else { continue };
        let error = linked.instantiate_from(&image, &services(), "").await.map(drop).expect_err(story);
        assert!(matches!(error, Error::Snapshot { .. }), "{story}: {error}");
    }
    linked.restore(&good, &services(), "").await.expect("the good one is good");
}

#[tokio::test]
async fn a_snapshot_larger_than_an_instance_may_be_is_the_fault_that_growing_would_be() {
    let component = testing::component(&heap());
    let roomy = component.link(crate::Grants::default(), Limits::default()).expect("it imports nothing");
    let limit_bytes = 2 * WASM_PAGE_BYTES as u64;
    let limits = Limits { memory_bytes_max: limit_bytes, ..Limits::default() };
    let narrow = component.link(crate::Grants::default(), limits).expect("it imports nothing");
    let snapshot = good(&roomy).await;
    let image = roomy.image(&snapshot, &services()).await.expect("it fits");

    let wanted_bytes = snapshot.size_bytes();
    let expected = FaultKind::Memory { wanted_bytes, limit_bytes };
    assert_eq!(testing::fault(narrow.restore(&snapshot, &services(), "").await), expected);
    assert_eq!(testing::fault(narrow.image(&snapshot, &services()).await), expected);
    assert_eq!(testing::fault(narrow.instantiate_from(&image, &services(), "").await), expected);

    let mut endless = snapshot;
    endless.memories[0].size_bytes = u64::MAX << 16;
    let kind = testing::fault(roomy.restore(&endless, &services(), "").await);
    assert!(matches!(kind, FaultKind::Memory { .. }), "{kind}");
}

#[tokio::test]
async fn what_a_restored_instance_has_counts_against_its_limit() {
    let limit_bytes = 4 * WASM_PAGE_BYTES as u64;
    let limits = Limits { memory_bytes_max: limit_bytes, ..Limits::default() };
    let linked = testing::linked(&heap(), limits);
    let mut restored = linked.restore(&good(&linked).await, &services(), "").await.expect("three pages of four");

    let mut grown = Vec::new();
    for _ in 0..2 {
        grown.push(restored.call::<(u32,), (i32,)>("grow", (1,)).await.expect("it asks for more").0);
    }

    assert_eq!(grown, [3, -1]);
}

#[tokio::test]
async fn an_image_of_another_component_is_refused() {
    let (linked, other) = (testing::linked(&heap(), Limits::default()), heap().replace("i64.const 7", "i64.const 8"));
    let other = testing::linked(&other, Limits::default());
    let image = other.base_image(&services()).await.expect("it has one");

    let error = linked.instantiate_from(&image, &services(), "").await.map(drop).expect_err("it has the same shape");

    assert!(matches!(error, Error::Snapshot { .. }) && error.to_string().contains("another component"), "{error}");
}
