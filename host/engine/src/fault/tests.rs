use super::*;
use crate::Error;
use crate::testing::{instance, wat};

async fn fault_of(text: &str, call: &str) -> Fault {
    let (mut instance, _) = instance(text).await;
    match instance.call_wave(call).await {
        Err(Error::Fault(fault)) => *fault,
        other => panic!("expected a fault, got {other:?}"),
    }
}

#[tokio::test]
async fn a_trap_tells_where_the_guest_was() {
    let core = r#"(func $outer (export "run") (call $_ZN4demo5inner17h0123456789abcdefE))
        (func $_ZN4demo5inner17h0123456789abcdefE (unreachable))"#;
    let fault = fault_of(&wat::run(core), "run()").await;
    assert_eq!(fault.kind, FaultKind::Trap { message: "wasm `unreachable` instruction executed".to_owned() });
    let functions: Vec<&str> = fault.backtrace.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!(functions, ["demo::inner", "outer"]);
    assert_eq!(fault.backtrace[0].module.as_deref(), Some("main"));
    assert_eq!(
        fault.to_string(),
        "`run` of guest trapped: wasm `unreachable` instruction executed; in demo::inner < outer"
    );
}

#[tokio::test]
async fn a_function_without_a_name_has_its_index_and_only_the_innermost_frames_are_kept() {
    let core = r#"(func (export "run") (call 1 (i32.const 100)))
        (func (param i32)
            (if (local.get 0) (then (call 1 (i32.sub (local.get 0) (i32.const 1)))) (else unreachable)))"#;
    let fault = fault_of(&wat::run(core), "run()").await;
    assert_eq!(fault.backtrace.len(), FRAMES_MAX);
    assert_eq!(fault.backtrace[0].function, "function 1");
}

#[tokio::test]
async fn the_last_error_that_was_logged_is_kept_with_the_fault() {
    let fault = fault_of(&wat::logger(), "fail()").await;
    assert_eq!(fault.guest_message.as_deref(), Some("going down"));
    assert!(fault.to_string().contains("; its last words: going down"), "{fault}");
}

#[tokio::test]
async fn what_an_earlier_call_logged_is_no_last_word() {
    let (mut instance, _) = instance(&wat::logger()).await;
    instance.call_wave("line(5)").await.expect("it logs an error, and no more");
    instance.call_wave("lines(1)").await.expect("it logs no error");
    let error = instance.call_wave("lines(5000)").await.expect_err("it logs too much");
    assert_eq!(error.fault().expect("it is a fault").guest_message, None);
}

#[test]
fn a_fault_is_one_flat_object_in_json() {
    let fault = Fault {
        kind: FaultKind::Memory { wanted_bytes: 3, limit_bytes: 2 },
        plugin: "guest".to_owned(),
        method: "run".to_owned(),
        guest_message: None,
        backtrace: vec![Frame { function: "main".to_owned(), module: None }],
    };
    let json = serde_json::json!({
        "kind": "memory", "wanted_bytes": 3, "limit_bytes": 2,
        "plugin": "guest", "method": "run", "backtrace": [{"function": "main"}],
    });
    assert_eq!(serde_json::to_value(&fault).expect("it can be written"), json);
    assert_eq!(serde_json::from_value::<Fault>(json).expect("it can be read"), fault);
}

#[test]
fn every_kind_has_the_name_that_stands_in_json() {
    let (text, limit_ms, limit) = (String::new, 1, 1);
    for kind in [
        FaultKind::Trap { message: text() },
        FaultKind::Deadline { limit_ms },
        FaultKind::Blocked { limit_ms },
        FaultKind::Memory { wanted_bytes: 1, limit_bytes: 1 },
        FaultKind::Table { wanted: 1, limit: 1 },
        FaultKind::Instances { limit },
        FaultKind::Stack { limit_bytes: 1 },
        FaultKind::LogRate { limit },
        FaultKind::HostCallSize { limit_bytes: 1 },
        FaultKind::ObjectsHeld { limit },
        FaultKind::ObjectBytes { limit_bytes: 1 },
        FaultKind::NotGranted { what: text(), remedy: text() },
        FaultKind::Misuse { message: text() },
        FaultKind::Exit { status: 1 },
        FaultKind::Host { message: text() },
    ] {
        let json = serde_json::to_value(&kind).expect("it can be written");
        assert_eq!(json["kind"], kind.name());
    }
}

#[test]
fn what_depends_on_time_or_chance_may_be_tried_again_and_a_limit_not() {
    let retryable = |kind: FaultKind| {
        let (plugin, method) = ("guest".to_owned(), "run".to_owned());
        let fault = Fault { kind, plugin, method, guest_message: None, backtrace: Vec::new() };
        Error::from(Box::new(fault)).is_retryable()
    };
    assert!(retryable(FaultKind::Deadline { limit_ms: 1 }));
    assert!(retryable(FaultKind::Trap { message: String::new() }));
    assert!(!retryable(FaultKind::Memory { wanted_bytes: 2, limit_bytes: 1 }));
    assert!(!retryable(FaultKind::Misuse { message: String::new() }));
}
