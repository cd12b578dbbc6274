//! Every limit is reached here, and each has a fault of its own.

use std::time::{Duration, Instant};

use super::*;
use crate::testing::{fault, instance_within, linked, services, wat};
use crate::{Error, FaultKind, Grants, Services};

const PAGE_BYTES: u64 = 64 << 10;

fn within(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// The fault of calling `run` on a component with this core module.
async fn fault_of(core: &str, limits: Limits) -> FaultKind {
    let (mut instance, _) = instance_within(&wat::run(core), limits).await;
    fault(instance.call_wave("run()").await)
}

/// The fault of instantiating a component.
async fn fault_at_start(text: &str, limits: Limits) -> FaultKind {
    fault(linked(text, limits).instantiate(&services(), "").await)
}

#[tokio::test]
async fn memory_at_the_start() {
    let kind = fault_at_start(
        "(component (core module $m (memory 3)) (core instance (instantiate $m)))",
        within(|l| {
            l.memory_bytes_max = 2 * PAGE_BYTES;
        }),
    );
    assert_eq!(kind.await, FaultKind::Memory { wanted_bytes: 3 * PAGE_BYTES, limit_bytes: 2 * PAGE_BYTES });
}

#[tokio::test]
async fn memory_by_growing_until_the_guest_panics() {
    let core = r#"(memory 1) (func (export "run")
        (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable)"#;
    let kind = fault_of(core, within(|l| l.memory_bytes_max = 10 * PAGE_BYTES)).await;
    assert_eq!(kind, FaultKind::Memory { wanted_bytes: 11 * PAGE_BYTES, limit_bytes: 10 * PAGE_BYTES });
}

#[tokio::test]
async fn memory_of_all_modules_together() {
    let text = r#"(component
        (core module $m (memory 2))
        (core instance (instantiate $m)) (core instance (instantiate $m)))"#;
    let limits = |pages: u64| within(|l| l.memory_bytes_max = pages * PAGE_BYTES);
    linked(text, limits(4)).instantiate(&services(), "").await.expect("both fit");
    let kind = fault_at_start(text, limits(3)).await;
    assert_eq!(kind, FaultKind::Memory { wanted_bytes: 4 * PAGE_BYTES, limit_bytes: 3 * PAGE_BYTES });
}

#[tokio::test]
async fn growth_that_a_guest_gets_over_is_no_fault_and_does_not_explain_a_later_one() {
    let core = r#"(memory 1)
        (func (export "run") (drop (memory.grow (i32.const 100))))
        (func (export "fail") unreachable)"#;
    let exports = r#"(func (export "run") (canon lift (core func $main "run")))
                     (func (export "fail") (canon lift (core func $main "fail")))"#;
    let limits = within(|l| l.memory_bytes_max = PAGE_BYTES);
    let (mut instance, _) = instance_within(&wat::pure(core, exports), limits).await;
    instance.call_wave("run()").await.expect("the guest does without");
    assert!(matches!(fault(instance.call_wave("fail()").await), FaultKind::Trap { .. }));
}

#[tokio::test]
async fn the_maximum_that_a_memory_has_itself_is_not_the_limit() {
    let core = r#"(memory 1 2) (func (export "run") (drop (memory.grow (i32.const 5))) unreachable)"#;
    let kind = fault_of(core, Limits::default()).await;
    assert!(matches!(kind, FaultKind::Trap { .. }), "{kind}");
}

#[tokio::test]
async fn elements_of_a_table() {
    let limits = || within(|l| l.table_elements_max = 10);
    let text = "(component (core module $m (table 11 funcref)) (core instance (instantiate $m)))";
    assert_eq!(fault_at_start(text, limits()).await, FaultKind::Table { wanted: 11, limit: 10 });
    let core = r#"(table 10 funcref)
        (func (export "run") (drop (table.grow (ref.null func) (i32.const 1))) unreachable)"#;
    assert_eq!(fault_of(core, limits()).await, FaultKind::Table { wanted: 11, limit: 10 });
}

#[tokio::test]
async fn instances_memories_and_tables() {
    let instances = format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(6));
    let memories = format!("(component (core module $m {}) (core instance (instantiate $m)))", "(memory 0)".repeat(6));
    let tables =
        format!("(component (core module $m {}) (core instance (instantiate $m)))", "(table 0 funcref)".repeat(6));
    for text in [instances, memories, tables] {
        let kind = fault_at_start(&text, within(|l| l.instances_max = 5)).await;
        assert_eq!(kind, FaultKind::Instances { limit: 5 });
        linked(&text, within(|l| l.instances_max = 6)).instantiate(&services(), "").await.expect("as many as allowed");
    }
}

#[tokio::test]
async fn stack() {
    let core = r#"(func $run (export "run") (call $run))"#;
    assert_eq!(fault_of(core, Limits::default()).await, FaultKind::Stack { limit_bytes: 512 << 10 });
}

#[tokio::test]
async fn deadline_of_a_call() {
    let start = Instant::now();
    let kind = fault_of(r#"(func (export "run") (loop $again (br $again)))"#, within(|l| l.deadline_ms = 50)).await;
    assert_eq!(kind, FaultKind::Deadline { limit_ms: 50 });
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(50) && took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn deadline_of_a_start_function() {
    let text = "(component (core module $m (func $spin (loop $again (br $again))) (start $spin))
        (core instance (instantiate $m)))";
    let kind = fault_at_start(text, within(|l| l.deadline_ms = 20)).await;
    assert_eq!(kind, FaultKind::Deadline { limit_ms: 20 });
}

#[tokio::test]
async fn time_inside_a_host_function() {
    let grants = || Grants::default().http("http://127.0.0.1:1");
    let limits = || within(|l| l.deadline_ms = 20);
    let linked = |text: &str| crate::testing::component(text).link(grants(), limits()).expect("it is granted");
    let mut instance = linked(&wat::http()).instantiate(&services(), "").await.expect("it is made");
    assert_eq!(fault(instance.call_wave("send()").await), FaultKind::Blocked { limit_ms: 20 });
    assert!(matches!(instance.call_wave("send()").await, Err(Error::InstanceGone)));
    let at_start = linked(&wat::http_at_start()).instantiate(&services(), "").await;
    assert_eq!(fault(at_start), FaultKind::Blocked { limit_ms: 20 });
}

#[tokio::test]
async fn log_lines_in_a_second() {
    let (mut instance, heard) = instance_within(&wat::logger(), within(|l| l.log_lines_per_second_max = 10)).await;
    instance.call_wave("lines(10)").await.expect("as many as allowed");
    tokio::time::sleep(Duration::from_millis(1_010)).await;
    instance.call_wave("lines(10)").await.expect("a second later there may be more");
    assert_eq!(fault(instance.call_wave("lines(10)").await), FaultKind::LogRate { limit: 10 });
    assert_eq!(heard.lines().len(), 20);
}

#[tokio::test]
async fn a_long_log_line_is_cut() {
    let (mut instance, heard) = instance_within(&wat::logger(), within(|l| l.log_line_bytes_max = 4)).await;
    instance.call_wave("line(5)").await.expect("a long line is no fault");
    assert_eq!(heard.lines(), [r#"guest/line/label: Log { level: Error, message: "goin" }"#]);
}

#[tokio::test]
async fn bytes_handed_to_the_host() {
    let limits = || within(|l| l.host_call_bytes_max = 1_000);
    let (mut instance, heard) = instance_within(&wat::logger(), limits()).await;
    instance.call_wave("line(1000)").await.expect("as much as allowed");
    assert_eq!(fault(instance.call_wave("line(1001)").await), FaultKind::HostCallSize { limit_bytes: 1_000 });
    assert_eq!(heard.lines().len(), 1);

    let (mut instance, _) = instance_within(&wat::objects(), limits()).await;
    let bytes = |count: usize| ("put".to_owned(), serde_json::json!([vec![0; count]]));
    let (put, allowed) = bytes(1_000);
    instance.call_json(&put, &allowed).await.expect("as much as allowed");
    let (put, too_much) = bytes(1_001);
    assert_eq!(fault(instance.call_json(&put, &too_much).await), FaultKind::HostCallSize { limit_bytes: 1_000 });
}

#[tokio::test]
async fn bytes_of_a_result() {
    let text = wat::pure(
        r#"(memory (export "memory") 1)
           (func (export "text") (result i32) (i32.store (i32.const 4) (i32.const 2000)) (i32.const 0))"#,
        r#"(func (export "text") (result string)
               (canon lift (core func $main "text") (memory (core memory $main "memory"))))"#,
    );
    let (mut instance, _) = instance_within(&text, within(|l| l.host_call_bytes_max = 1_000)).await;
    assert_eq!(fault(instance.call_wave("text()").await), FaultKind::HostCallSize { limit_bytes: 1_000 });
}

#[tokio::test]
async fn objects_held() {
    let (mut instance, _) = instance_within(&wat::objects(), within(|l| l.objects_held_max = 2)).await;
    for id in [100, 101] {
        assert_eq!(
            instance.call_wave("put([])").await.expect("there is room"),
            format!("ok({{belljar-object: {id}}})")
        );
    }
    instance.call_wave("free({belljar-object: 100})").await.expect("one is freed");
    instance.call_wave("put([])").await.expect("there is room again");
    assert_eq!(fault(instance.call_wave("put([])").await), FaultKind::ObjectsHeld { limit: 2 });
}

#[tokio::test]
async fn bytes_put_into_objects() {
    let (mut instance, _) = instance_within(&wat::objects(), within(|l| l.object_bytes_max = 4)).await;
    instance.call_wave("put([1, 2, 3])").await.expect("there is room");
    instance.call_wave("free({belljar-object: 100})").await.expect("it is freed");
    instance.call_wave("put([1, 2, 3, 4])").await.expect("there is room for as many as allowed");
    assert_eq!(fault(instance.call_wave("put([5])").await), FaultKind::ObjectBytes { limit_bytes: 4 });
}

#[tokio::test]
async fn objects_held_as_bodies_of_responses() {
    let grants = Grants::default().http("http://127.0.0.1:1");
    let linked = crate::testing::component(&wat::http()).link(grants, within(|l| l.objects_held_max = 1));
    let http = std::sync::Arc::new(crate::testing::EchoHttp(b"hello".to_vec()));
    let services = Services { http, ..services() };
    let mut instance = linked.expect("it is granted").instantiate(&services, "").await.expect("it is made");
    assert_eq!(instance.call_wave("send()").await.expect("there is room"), "0");
    assert_eq!(fault(instance.call_wave("send()").await), FaultKind::ObjectsHeld { limit: 1 });
}

#[test]
fn a_missing_key_keeps_its_default_and_an_unknown_one_is_refused() {
    let limits: Limits = serde_json::from_str(r#"{"deadline_ms": 5}"#).expect("the rest has defaults");
    assert_eq!(limits, within(|l| l.deadline_ms = 5));
    assert!(serde_json::from_str::<Limits>(r#"{"deadline": 5}"#).is_err());
}
