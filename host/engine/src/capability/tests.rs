//! The small capabilities, each called by a guest that passes its arguments on.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::testing::{self, EchoHttp, fault, instance, wat};
use crate::{FaultKind, Grants, Limits, Services};

/// A component that imports `interface`, of which two functions, lowered as `$f` and `$g`, go to its core module.
fn pass_on(interface: &str, imports: &str, lowered: &str, core: &str, exports: &str) -> String {
    wat::with_libc(&format!(
        r#"(import "belljar:plugin/{interface}@0.1.0" (instance $host {imports}))
           {lowered}
           (core module $main (import "libc" "memory" (memory 1)) {core})
           (core instance $main (instantiate $main (with "libc" (instance $libc))
               (with "host" (instance (export "f" (func $f)) (export "g" (func $g))))))
           {exports}"#
    ))
}

#[tokio::test]
async fn random_numbers_differ_and_a_request_has_a_limit() {
    let text = pass_on(
        "random",
        r#"(export "bytes" (func (param "length" u32) (result (list u8)))) (export "next" (func (result u64)))"#,
        r#"(core func $f (canon lower (func $host "bytes")
               (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
           (core func $g (canon lower (func $host "next")))"#,
        r#"(import "host" "f" (func $f (param i32 i32)))
           (import "host" "g" (func $g (result i64)))
           (func (export "bytes") (param i32) (result i32) (call $f (local.get 0) (i32.const 0)) (i32.const 0))
           (func (export "next") (result i64) (call $g))"#,
        r#"(func (export "bytes") (param "length" u32) (result (list u8))
               (canon lift (core func $main "bytes") (memory (core memory $libc "memory"))))
           (func (export "next") (result u64) (canon lift (core func $main "next")))"#,
    );
    let (mut guest, _) = instance(&text).await;
    let first = guest.call_wave("next()").await.expect("it is given");
    assert_ne!(guest.call_wave("next()").await.expect("it is given"), first);
    let (mut other, _) = instance(&text).await;
    assert_ne!(other.call_wave("next()").await.expect("it is given"), first, "each instance has a seed of its own");

    let (most,) = guest.call::<(u32,), (Vec<u8>,)>("bytes", (64 << 10,)).await.expect("as many as allowed");
    assert_eq!(most.len(), 64 << 10);
    assert!(most.iter().any(|byte| *byte != most[0]));
    let kind = fault(guest.call_wave("bytes(65537)").await);
    let message = "asked for 65537 random bytes at once; the most is 65536".to_owned();
    assert_eq!(kind, FaultKind::Misuse { message });
}

#[tokio::test]
async fn the_clocks_tell_the_time() {
    let text = pass_on(
        "clock",
        r#"(export "now" (func (result u64))) (export "monotonic" (func (result u64)))"#,
        r#"(core func $f (canon lower (func $host "now"))) (core func $g (canon lower (func $host "monotonic")))"#,
        r#"(import "host" "f" (func $f (result i64)))
           (import "host" "g" (func $g (result i64)))
           (func (export "now") (result i64) (call $f))
           (func (export "monotonic") (result i64) (call $g))"#,
        r#"(func (export "now") (result u64) (canon lift (core func $main "now")))
           (func (export "monotonic") (result u64) (canon lift (core func $main "monotonic")))"#,
    );
    let (mut guest, _) = instance(&text).await;
    let before = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970").as_nanos();
    let (now,) = guest.call::<(), (u64,)>("now", ()).await.expect("it is told");
    let after = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970").as_nanos();
    assert!((before..=after).contains(&u128::from(now)));
    let (earlier,) = guest.call::<(), (u64,)>("monotonic", ()).await.expect("it is told");
    let (later,) = guest.call::<(), (u64,)>("monotonic", ()).await.expect("it is told");
    assert!(later > earlier && later < 60_000_000_000, "{earlier} {later}");
}

#[tokio::test]
async fn metrics_are_passed_on_and_nonsense_is_dropped() {
    let text = pass_on(
        "metrics",
        r#"(export "counter" (func (param "name" string) (param "value" f64)))
           (export "gauge" (func (param "name" string) (param "value" f64)))"#,
        r#"(core func $f (canon lower (func $host "counter") (memory (core memory $libc "memory"))))
           (core func $g (canon lower (func $host "gauge") (memory (core memory $libc "memory"))))"#,
        r#"(import "host" "f" (func $f (param i32 i32 f64)))
           (import "host" "g" (func $g (param i32 i32 f64)))
           (data (i32.const 0) "steps.done")
           (func (export "counter") (param f64) (call $f (i32.const 0) (i32.const 10) (local.get 0)))
           (func (export "gauge") (param f64) (call $g (i32.const 0) (i32.const 5) (local.get 0)))
           ;; A gauge with a name of this length.
           (func (export "named") (param i32) (call $g (i32.const 1024) (local.get 0) (f64.const 1)))
           ;; Gauges with 500 different names.
           (func (export "names")
               (local $high i32) (local $low i32)
               (loop $highs
                   (i32.store8 (i32.const 2000) (i32.add (i32.const 65) (local.get $high)))
                   (local.set $low (i32.const 0))
                   (loop $lows
                       (i32.store8 (i32.const 2001) (i32.add (i32.const 65) (local.get $low)))
                       (call $g (i32.const 2000) (i32.const 2) (f64.const 1))
                       (local.set $low (i32.add (local.get $low) (i32.const 1)))
                       (br_if $lows (i32.lt_u (local.get $low) (i32.const 50))))
                   (local.set $high (i32.add (local.get $high) (i32.const 1)))
                   (br_if $highs (i32.lt_u (local.get $high) (i32.const 10)))))"#,
        r#"(func (export "counter") (param "value" f64) (canon lift (core func $main "counter")))
           (func (export "gauge") (param "value" f64) (canon lift (core func $main "gauge")))
           (func (export "named") (param "length" u32) (canon lift (core func $main "named")))
           (func (export "names") (canon lift (core func $main "names")))"#,
    );
    let (mut guest, heard) = instance(&text).await;
    for call in ["counter(2.5)", "counter(-1.0)", "counter(nan)", "gauge(-1.0)", "gauge(nan)", "named(129)"] {
        guest.call_wave(call).await.expect("nonsense is no fault");
    }
    let expected = [
        r#"guest/counter/label: Metric { kind: Counter, name: "steps.done", value: 2.5 }"#,
        r#"guest/gauge/label: Metric { kind: Gauge, name: "steps", value: -1.0 }"#,
    ];
    assert_eq!(heard.lines(), expected);
    guest.call_wave("names()").await.expect("too many names are no fault");
    assert_eq!(heard.lines().len(), 2 + 254, "256 names in all");
    guest.call_wave("gauge(3.0)").await.expect("a known name goes on");
    assert_eq!(heard.lines().len(), 2 + 254 + 1);
}

#[tokio::test]
async fn progress_is_passed_on_with_its_message_cut() {
    let text = pass_on(
        "progress",
        r#"(export "report" (func (param "done" u64) (param "total" (option u64)) (param "message" string)))"#,
        r#"(core func $f (canon lower (func $host "report") (memory (core memory $libc "memory"))))
           (alias core export $libc "realloc" (core func $g))"#,
        r#"(import "host" "f" (func $f (param i64 i32 i64 i32 i32)))
           (data (i32.const 0) "steps.done")
           (func (export "report") (param i64 i32 i64)
               (call $f (local.get 0) (local.get 1) (local.get 2) (i32.const 0) (i32.const 10)))"#,
        r#"(func (export "report") (param "done" u64) (param "total" (option u64))
               (canon lift (core func $main "report")))"#,
    );
    let limits = Limits { log_line_bytes_max: 5, ..Limits::default() };
    let (mut guest, heard) = testing::instance_within(&text, limits).await;
    guest.call_wave("report(1, some(2))").await.expect("it is passed on");
    guest.call_wave("report(2, none)").await.expect("it is passed on");
    let expected = [
        r#"guest/report/label: Progress { done: 1, total: Some(2), message: "steps" }"#,
        r#"guest/report/label: Progress { done: 2, total: None, message: "steps" }"#,
    ];
    assert_eq!(heard.lines(), expected);
}

#[tokio::test]
async fn a_response_is_an_object_of_the_instance() {
    let grants = Grants::default().http("http://127.0.0.1:1");
    let linked = testing::component(&wat::http()).link(grants, Limits::default()).expect("it is granted");
    let services = Services { http: Arc::new(EchoHttp(b"hello".to_vec())), ..testing::services() };
    let mut guest = linked.instantiate(&services, "").await.expect("it is made");
    assert_eq!(guest.call_wave("send()").await.expect("it is answered"), "0");
    let body = guest.object(100).expect("the instance was given the body");
    assert_eq!(&*body.read().expect("it is in memory"), b"hello");
    assert_eq!(guest.denial(), None);
}

#[tokio::test]
async fn an_origin_that_was_not_granted_is_an_error_that_names_the_grant() {
    let grants = Grants::default().http("https://www.example.org");
    let linked = testing::component(&wat::http()).link(grants, Limits::default()).expect("one origin is granted");
    let mut guest = linked.instantiate(&testing::services(), "").await.expect("it is made");
    assert_eq!(guest.call_wave("send()").await.expect("the guest gets an error"), "1");
    let denial = guest.denial().expect("it was denied");
    assert_eq!(denial, "it used a request to http://127.0.0.1:1; add `http = [\"http://127.0.0.1:1\"]` to its grants");
}

#[test]
fn a_text_is_cut_between_characters() {
    use super::log::cut;
    assert_eq!(
        [cut("aπb", 0), cut("aπb", 1), cut("aπb", 2), cut("aπb", 3), cut("aπb", 9)],
        ["", "a", "a", "aπ", "aπb"]
    );
}
