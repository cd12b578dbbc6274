//! A plugin that misbehaves is stopped at the limit that it runs into, and the error names it.

use std::time::Duration;

use belljar::{Error, FaultKind, Limits};
use belljar_tests::{plugin, plugin_path, runtime};

fn kind(outcome: Result<(), Error>) -> FaultKind {
    let error = outcome.expect_err("the guest must be stopped");
    error.fault().unwrap_or_else(|| panic!("not a fault: {error}")).kind.clone()
}

#[tokio::test]
async fn a_guest_that_spins_is_stopped_at_its_deadline() {
    let (runtime, _folder) = runtime();
    let hostile = plugin(&runtime, "hostile").await.with_deadline(Duration::from_millis(50));
    assert_eq!(kind(hostile.call("spin", ()).await), FaultKind::Deadline { limit_ms: 50 });
}

#[tokio::test]
async fn a_guest_that_allocates_without_end_is_stopped_at_its_memory_limit() {
    let (runtime, _folder) = runtime();
    let hostile = plugin(&runtime, "hostile").await;
    match kind(hostile.call("allocate", ()).await) {
        FaultKind::Memory { wanted_bytes, limit_bytes } => {
            assert_eq!(limit_bytes, Limits::default().memory_bytes_max);
            assert!(wanted_bytes > limit_bytes);
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_guest_that_recurses_without_end_is_stopped_at_the_end_of_its_stack() {
    let (runtime, _folder) = runtime();
    let hostile = plugin(&runtime, "hostile").await;
    let outcome = hostile.call::<(), (u64,)>("recurse", ()).await;
    assert!(matches!(kind(outcome.map(drop)), FaultKind::Stack { .. }));
}

#[tokio::test]
async fn a_guest_that_logs_without_end_is_stopped_at_its_log_rate() {
    let (runtime, _folder) = runtime();
    let limits = Limits { log_lines_per_second_max: 20, ..Limits::default() };
    let hostile = runtime.load_with(plugin_path("hostile"), Default::default(), limits).await.expect("it loads");
    assert_eq!(kind(hostile.call("log-flood", ()).await), FaultKind::LogRate { limit: 20 });
}

#[tokio::test]
async fn a_panic_comes_with_its_message_and_the_names_of_the_functions() {
    let (runtime, _folder) = runtime();
    let hostile = plugin(&runtime, "hostile").await;
    let error = hostile.call::<_, ()>("panic", ("the jar is empty".to_owned(),)).await.expect_err("it panics");
    let fault = error.fault().expect("a panic is a fault");
    assert!(matches!(fault.kind, FaultKind::Trap { .. }), "{fault}");
    assert!(fault.guest_message.as_ref().is_some_and(|message| message.contains("the jar is empty")), "{fault:?}");
    assert!(fault.backtrace.iter().any(|frame| frame.function.contains("panic")), "{fault:?}");
}

#[tokio::test]
async fn an_object_that_was_not_given_cannot_be_reached_by_its_id() {
    let (runtime, _folder) = runtime();
    let secret = runtime.put("a secret of another plugin").expect("there is room");
    let hostile = plugin(&runtime, "hostile").await;
    // Objects are numbered from 1, so some of these ids are real.
    for id in 1..20_u64 {
        let answer = hostile.call_json("read-foreign-object", &serde_json::json!([id])).await.expect("an answer");
        assert!(answer.get("error").is_some(), "object {id} was read: {answer}");
    }
    assert_eq!(&*secret.bytes().await.expect("it is still there"), b"a secret of another plugin");
}

#[tokio::test]
async fn after_every_kind_of_fault_the_next_call_is_served() {
    let (runtime, _folder) = runtime();
    let hostile = plugin(&runtime, "hostile").await.with_deadline(Duration::from_millis(300));
    for method in ["spin", "allocate", "log-flood"] {
        hostile.call::<(), ()>(method, ()).await.expect_err("it is stopped");
        let (sum,): (u32,) = hostile.call("well-behaved", (10_u32,)).await.expect("the next call is served");
        assert_eq!(sum, 45);
    }
}
