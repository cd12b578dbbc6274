//! What an instance has before its first call: data segments, and what start functions do.

use super::*;

/// Methods `peek` and `size`, for a core module that exports such functions.
const PEEK_AND_SIZE: &str = r#"
    (func (export "peek") (param "at" u32) (result u64) (canon lift (core func $main "peek")))
    (func (export "size") (result u32) (canon lift (core func $main "size")))"#;

fn peeking(core: &str) -> String {
    let functions = r#"
        (func (export "peek") (param i32) (result i64) (i64.load (local.get 0)))
        (func (export "size") (result i32) (memory.size))"#;
    wat::pure(&format!("{core} {functions}"), PEEK_AND_SIZE)
}

async fn peek(instance: &mut Instance, at: u32) -> u64 {
    instance.call::<(u32,), (u64,)>("peek", (at,)).await.expect("it is inside the memory").0
}

async fn size(instance: &mut Instance) -> u32 {
    instance.call::<(), (u32,)>("size", ()).await.expect("it has a size").0
}

/// A task, an actor, and an actor that was moved: all there is before a first call.
async fn newborns(linked: &Linked) -> [Instance; 3] {
    let services = services();
    let task = linked.instantiate(&services, "task").await.expect("a task starts");
    let base = linked.base_image(&services).await.expect("it has a base image");
    let mut actor = linked.instantiate_from(&base, &services, "actor").await.expect("an actor starts");
    let snapshot = taken(&mut actor).await;
    let moved = linked.restore(&snapshot, &services, "moved").await.expect("an actor is restored");
    [task, actor, moved]
}

#[tokio::test]
async fn data_segments_are_there_from_the_start_later_ones_over_earlier_ones() {
    let text = peeking(
        r#"(memory 2)
           (data (i32.const 0) "aaaaaaaaaaaaaaaa")
           (data (i32.const 4) "bbbbbbbb")
           (data (i32.const 6) "cc")
           (data (i32.const 131064) "the end.")
           (data (i32.const 65532) "over the")"#,
    );
    for mut instance in newborns(&testing::linked(&text, Limits::default())).await {
        assert_eq!(peek(&mut instance, 0).await.to_le_bytes(), *b"aaaabbcc");
        assert_eq!(peek(&mut instance, 8).await.to_le_bytes(), *b"bbbbaaaa");
        assert_eq!(peek(&mut instance, 65532).await.to_le_bytes(), *b"over the");
        assert_eq!(peek(&mut instance, 131_064).await.to_le_bytes(), *b"the end.");
        assert_eq!(peek(&mut instance, 40_000).await, 0);
    }
}

#[tokio::test]
async fn data_at_an_address_that_is_computed_keeps_its_turn() {
    let text = peeking(
        r#"(memory 1)
           (global $four i32 (i32.const 4))
           (data (i32.const 0) "aaaaaaaa")
           (data (global.get $four) "bbbb")
           (data (i32.const 6) "cccc")"#,
    );
    for mut instance in newborns(&testing::linked(&text, Limits::default())).await {
        assert_eq!(peek(&mut instance, 0).await.to_le_bytes(), *b"aaaabbcc");
        assert_eq!(peek(&mut instance, 8).await.to_le_bytes(), *b"cc\0\0\0\0\0\0");
    }
}

#[tokio::test]
async fn a_start_function_runs_over_the_data_and_what_it_did_is_there_once() {
    let text = peeking(
        r#"(memory 1)
           (global $n (mut i64) (i64.const 5))
           (data (i32.const 0) "\01\00\00\00\00\00\00\00")
           (func $start
               (drop (memory.grow (i32.const 2)))
               (global.set $n (i64.add (global.get $n) (i64.load (i32.const 0))))
               (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (global.get $n)))
               (i64.store (i32.const 140000) (global.get $n)))
           (start $start)"#,
    );
    for mut instance in newborns(&testing::linked(&text, Limits::default())).await {
        assert_eq!(peek(&mut instance, 0).await, 7);
        assert_eq!(peek(&mut instance, 140_000).await, 6);
        assert_eq!(size(&mut instance).await, 3);
    }
}

/// Notes where its memory ends, as allocators do, and grows when it is told to.
const NOTES_ITS_END: &str = r#"(component
    (core module $main
        (memory 1)
        (global $end (mut i32) (i32.const 0))
        (func $start
            (global.set $end (i32.mul (memory.size) (i32.const 65536)))
            (i32.store (i32.sub (global.get $end) (i32.const 8)) (i32.const -1)))
        (start $start)
        (func (export "bump") (result i64)
            (drop (memory.grow (i32.const 3)))
            (i64.add (i64.extend_i32_u (memory.size))
                (i64.shl (i64.extend_i32_u (global.get $end)) (i64.const 32)))))
    (core instance $main (instantiate $main))
    (func (export "bump") (result u64) (canon lift (core func $main "bump"))))"#;

#[tokio::test]
async fn a_start_function_that_sees_the_memory_of_a_later_state_does_not_change_that_state() {
    let (linked, services) = (testing::linked(NOTES_ITS_END, Limits::default()), services());
    let mut steady = linked.instantiate(&services, "").await.expect("it starts");
    let mut moved = linked.instantiate(&services, "").await.expect("it starts");
    for _ in 0..4 {
        assert_eq!(bump(&mut moved).await, bump(&mut steady).await);
        let snapshot = taken(&mut moved).await;
        moved = linked.restore(&snapshot, &services, "").await.expect("it goes on");
        assert_eq!(digest(&mut moved).await, digest(&mut steady).await);
    }
}

#[tokio::test]
async fn a_start_function_that_calls_the_host_cannot_be_repeated() {
    let text = r#"(component
        (import "belljar:plugin/random@0.1.0" (instance $random (export "next" (func (result u64)))))
        (core func $next (canon lower (func $random "next")))
        (core module $main
            (func $next (import "" "next") (result i64))
            (global $n (mut i64) (i64.const 0))
            (func $start (global.set $n (call $next)))
            (start $start)
            (func (export "bump") (result i64) (global.get $n)))
        (core instance $main (instantiate $main (with "" (instance (export "next" (func $next))))))
        (func (export "bump") (result u64) (canon lift (core func $main "bump"))))"#;
    let linked = testing::linked(text, Limits::default());
    assert_eq!(linked.component().snapshot_obstacles(), [] as [String; 0], "only running it shows");

    let error = linked.base_image(&services()).await.expect_err("its start function draws a number");

    let Error::NotSnapshotable { obstacles, .. } = error else { panic!("{error}") };
    assert!(obstacles[0].contains("start function calls the host"), "{obstacles:?}");
    let mut task = linked.instantiate(&services(), "").await.expect("a task may do that");
    bump(&mut task).await;
}

#[tokio::test]
async fn a_start_function_that_faults_is_a_fault_of_the_base_image_too() {
    let linked = testing::linked(&peeking("(memory 1) (func $start unreachable) (start $start)"), Limits::default());
    let kind = testing::fault(linked.base_image(&services()).await);
    assert!(matches!(kind, crate::FaultKind::Trap { .. }), "{kind}");
}

#[tokio::test]
async fn a_component_with_obstacles_still_has_its_data() {
    let text = peeking(
        r#"(memory 1)
           (table 1 funcref)
           (data (i32.const 8) "one here")
           (func (export "change") (table.set 0 (i32.const 0) (ref.null func)))"#,
    );
    let linked = testing::linked(&text, Limits::default());
    assert_ne!(linked.component().snapshot_obstacles(), [] as [String; 0]);

    let mut task = linked.instantiate(&services(), "").await.expect("it runs as a task");

    assert_eq!(peek(&mut task, 8).await.to_le_bytes(), *b"one here");
}
