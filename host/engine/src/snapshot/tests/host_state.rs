//! Random numbers and time, which the host keeps for a guest.

use super::*;
use crate::capability::clock::LogicalTime;
use crate::capability::random::RandomState;

const DRAWS: &str = r#"(component
    (import "belljar:plugin/random@0.1.0" (instance $random (export "next" (func (result u64)))))
    (import "belljar:plugin/clock@0.1.0" (instance $clock
        (export "now" (func (result u64))) (export "monotonic" (func (result u64)))))
    (core func $next (canon lower (func $random "next")))
    (core func $now (canon lower (func $clock "now")))
    (core func $monotonic (canon lower (func $clock "monotonic")))
    (core module $main
        (func $next (import "" "next") (result i64))
        (func $now (import "" "now") (result i64))
        (func $monotonic (import "" "monotonic") (result i64))
        (func (export "draw") (result i64) (call $next))
        (func (export "now") (result i64) (call $now))
        (func (export "monotonic") (result i64) (call $monotonic)))
    (core instance $main (instantiate $main (with "" (instance
        (export "next" (func $next)) (export "now" (func $now)) (export "monotonic" (func $monotonic))))))
    (func (export "draw") (result u64) (canon lift (core func $main "draw")))
    (func (export "now") (result u64) (canon lift (core func $main "now")))
    (func (export "monotonic") (result u64) (canon lift (core func $main "monotonic"))))"#;

async fn number(instance: &mut Instance, method: &str) -> u64 {
    instance.call::<(), (u64,)>(method, ()).await.expect("it asks the host").0
}

#[tokio::test]
async fn a_restored_instance_goes_on_with_the_same_random_numbers() {
    let (linked, services) = (testing::linked(DRAWS, Limits::default()), services());
    let mut steady = linked.instantiate(&services, "").await.expect("it starts");
    assert_eq!(steady.random(), None, "it has drawn none");
    let mut moved = linked.instantiate(&services, "").await.expect("it starts");
    let seed = RandomState { seed: [7; 32], position: 0 };
    steady.set_random(seed);
    moved.set_random(seed);
    let mut drawn = Vec::new();
    for _ in 0..5 {
        let expected = number(&mut steady, "draw").await;
        assert_eq!(number(&mut moved, "draw").await, expected);
        drawn.push(expected);

        let (capture, random) = (moved.capture().await.expect("nothing is in the way"), moved.random());
        moved = linked.restore(&capture.snapshot().expect("it can be read"), &services, "").await.expect("it goes on");
        moved.set_random(random.expect("it was set"));
    }
    assert_eq!(steady.random(), moved.random());
    drawn.dedup();
    assert_eq!(drawn.len(), 5, "they are not all the same number");
}

#[tokio::test]
async fn numbers_from_the_operating_system_can_be_gone_on_with_too() {
    let (linked, services) = (testing::linked(DRAWS, Limits::default()), services());
    let mut first = linked.instantiate(&services, "").await.expect("it starts");
    number(&mut first, "draw").await;
    let mut second = linked.instantiate(&services, "").await.expect("it starts");
    second.set_random(first.random().expect("it has drawn one"));

    assert_eq!(number(&mut second, "draw").await, number(&mut first, "draw").await);

    let mut stranger = linked.instantiate(&services, "").await.expect("it starts");
    stranger.set_random(RandomState::fresh().expect("the operating system has some"));
    assert_ne!(number(&mut stranger, "draw").await, number(&mut first, "draw").await);
}

#[tokio::test]
async fn time_is_what_it_is_set_to_and_stands_still() {
    let linked = testing::linked(DRAWS, Limits::default());
    let mut instance = linked.instantiate(&services(), "").await.expect("it starts");
    for time in [LogicalTime { now_ns: 1_000, monotonic_ns: 5 }, LogicalTime { now_ns: 900, monotonic_ns: u64::MAX }] {
        instance.set_time(time);
        for _ in 0..2 {
            assert_eq!(number(&mut instance, "now").await, time.now_ns);
            assert_eq!(number(&mut instance, "monotonic").await, time.monotonic_ns);
        }
    }
}
