//! Whatever keeps a number between two calls goes on counting after it was captured, dropped and restored.

use super::*;
use crate::snapshot::instrument::samples::{NOT_SNAPSHOTABLE, SNAPSHOTABLE};

/// As many as a sample needs to get past a single page, a single byte and a single sign.
const CALLS: u32 = 24;

#[tokio::test]
async fn a_sample_that_is_captured_after_every_call_answers_as_one_that_runs_on() {
    for sample in SNAPSHOTABLE {
        let (linked, services) = (testing::linked(sample.text, Limits::default()), services());
        let base = linked.base_image(&services).await.expect(sample.name);
        let mut steady = linked.instantiate_from(&base, &services, "").await.expect(sample.name);
        let mut moved = linked.instantiate(&services, "").await.expect(sample.name);
        for call in 0..CALLS {
            assert_eq!(bump(&mut moved).await, bump(&mut steady).await, "{}, call {call}", sample.name);
            let capture = moved.capture().await.expect(sample.name);
            assert_eq!(capture.since(), Since::Base, "{}", sample.name);
            drop(moved);
            moved = linked.restore(&capture.snapshot().expect(sample.name), &services, "").await.expect(sample.name);
            assert_eq!(digest(&mut moved).await, digest(&mut steady).await, "{}, call {call}", sample.name);
        }
    }
}

#[tokio::test]
async fn a_sample_goes_on_in_another_process_and_from_an_image() {
    for sample in SNAPSHOTABLE {
        let (here, there) =
            (testing::linked(sample.text, Limits::default()), testing::linked(sample.text, Limits::default()));
        let services = services();
        let mut instance = here.instantiate(&services, "").await.expect(sample.name);
        for call in 0..CALLS {
            bump(&mut instance).await;
            let snapshot = taken(&mut instance).await;
            let image = there.image(&snapshot, &services).await.expect(sample.name);
            let mut restored = there.restore(&snapshot, &services, "").await.expect(sample.name);
            let mut imaged = there.instantiate_from(&image, &services, "").await.expect(sample.name);
            for instance in [&mut restored, &mut imaged] {
                assert_eq!(taken(instance).await.globals, snapshot.globals);
            }

            let expected = bump(&mut instance).await;

            assert_eq!(bump(&mut restored).await, expected, "{}, call {call}", sample.name);
            assert_eq!(bump(&mut imaged).await, expected, "{}, call {call}", sample.name);
            assert_eq!(digest(&mut restored).await, digest(&mut instance).await, "{}, call {call}", sample.name);
            assert_eq!(digest(&mut imaged).await, digest(&mut instance).await, "{}, call {call}", sample.name);
        }
    }
}

#[tokio::test]
async fn a_sample_with_state_elsewhere_runs_and_is_not_captured() {
    for sample in NOT_SNAPSHOTABLE {
        let linked = testing::linked(sample.text, Limits::default());
        let obstacles = linked.component().snapshot_obstacles().to_vec();
        assert!(!obstacles.is_empty(), "{}", sample.name);
        let mut instance = linked.instantiate(&services(), "").await.expect(sample.name);
        bump(&mut instance).await;

        let capture = instance.capture().await.map(drop);
        let base = linked.base_image(&services()).await.map(drop);
        let restored = linked.restore(&Snapshot::default(), &services(), "").await.map(drop);

        for refused in [capture, base, restored] {
            match refused.expect_err(sample.name) {
                Error::NotSnapshotable { name, obstacles: told } => {
                    assert_eq!((name.as_str(), &told), ("guest", &obstacles));
                }
                other => panic!("{}: {other}", sample.name),
            }
        }
        assert!(instance.is_alive(), "{}", sample.name);
    }
}
