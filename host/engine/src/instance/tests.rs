use serde_json::json;

use super::*;
use crate::testing::{self, fault, wat};
use crate::{FaultKind, Limits};

/// One of everything: more than 16 words, so that `wat::echo` takes it.
const EVERYTHING: &str = r#"
    (type $fields (record (field "id" u64) (field "far" s64) (field "ratio" f64) (field "small" f32)))
    (type $shapes (variant (case "dot") (case "circle" f64)))
    (type $colours (enum "red" "green"))
    (type $permissions (flags "read" "write"))
    (type $answers (result string (error u8)))
    (type $all (tuple $fields' string (list u8) (list string) (option u32) (option (option u32)) $shapes' $colours'
        $permissions' $answers char bool s8 (tuple u16 s16)))"#;

/// Named types have to be exported to be used in an exported function.
fn everything() -> String {
    let exports: String = ["fields", "shapes", "colours", "permissions"]
        .map(|name| format!(r#"(export ${name}' "{name}-type" (type ${name}))"#))
        .concat();
    let (types, all) = EVERYTHING.split_once("(type $all").expect("it ends with the type of all");
    wat::echo(&format!("{types} {exports} (type $all{all}"), "$all")
}

#[tokio::test]
async fn a_method_is_called_with_rust_types() {
    let (mut instance, _) = testing::instance(&wat::add_and_step()).await;
    assert_eq!(instance.call::<(u32, u32), (u32,)>("add", (1, 2)).await.expect("it adds"), (3,));
    let step = instance.typed::<(u32,), (u32,)>("game/step").expect("the types fit");
    for n in 0..10 {
        assert_eq!(step.call(&mut instance, (n,)).await.expect("it doubles"), (2 * n,));
    }
}

#[tokio::test]
async fn rust_types_that_do_not_fit_are_refused_before_the_call() {
    let (mut instance, _) = testing::instance(&wat::add_and_step()).await;
    let error = instance.call::<(u32,), (u64,)>("add", (1,)).await.expect_err("it has two parameters");
    let message = error.to_string();
    assert!(matches!(error, Error::TypeMismatch { .. }), "{message}");
    assert!(message.contains("`add: func(a: u32, b: u32) -> u32`"), "{message}");
    assert!(instance.is_alive());
}

#[tokio::test]
async fn a_method_is_called_with_values_json_and_wave() {
    let (mut instance, _) = testing::instance(&wat::add_and_step()).await;
    let values = [Val::U32(1), Val::U32(2)];
    assert_eq!(instance.call_values("add", &values).await.expect("it adds"), Some(Val::U32(3)));
    assert_eq!(instance.call_json("add", &json!({"a": 1, "b": 2})).await.expect("it adds"), json!(3));
    assert_eq!(instance.call_wave("add(1, 2)").await.expect("it adds"), "3");
}

#[tokio::test]
async fn a_method_without_a_result_answers_null_and_nothing() {
    let (mut instance, _) = testing::instance(&wat::run(r#"(func (export "run"))"#)).await;
    assert_eq!(instance.call_json("run", &json!([])).await.expect("it runs"), json!(null));
    assert_eq!(instance.call_wave("run()").await.expect("it runs"), "");
}

#[tokio::test]
async fn every_type_goes_into_a_guest_and_comes_back() {
    let (mut instance, _) = testing::instance(&everything()).await;
    let value = json!([
        {"id": "18446744073709551615", "far": "-9223372036854775808", "ratio": 0.1, "small": "nan"},
        "text", "AP8Q", ["a", "b"], 5, {"some": null}, {"circle": 2.5}, "green", ["write"], {"error": 7}, "π", true,
        -1, [65535, -32768]
    ]);
    assert_eq!(instance.call_json("echo", &json!([value])).await.expect("it echoes"), value);
    let value = concat!(
        "({id: 18446744073709551615, far: -9223372036854775808, ratio: 0.1, small: nan}, ",
        r#""text", [0, 255, 16], ["a", "b"], some(5), some(none), circle(2.5), green, {write}, err(7), 'π', true, "#,
        "-1, (65535, -32768))"
    );
    assert_eq!(instance.call_wave(&format!("echo({value})")).await.expect("it echoes"), value);
}

#[tokio::test]
async fn the_short_forms_of_wave_mean_the_same() {
    let (mut instance, _) = testing::instance(&everything()).await;
    let tail = "'π', true, -1, (65535, -32768)";
    let echo = async |instance: &mut Instance, value: String| {
        instance.call_wave(&format!("echo({value})")).await.unwrap_or_else(|error| panic!("{value}: {error}"))
    };
    let fields = "{id: 1, far: 2, ratio: inf, small: -inf}";
    let short = format!(r#"({fields}, "two\nlines", [], [], 5, none, dot, red, {{}}, "fine", {tail})"#);
    let long = format!(r#"({fields}, "two\nlines", [], [], some(5), none, dot, red, {{}}, ok("fine"), {tail})"#);
    assert_eq!(echo(&mut instance, short).await, long);
    assert_eq!(echo(&mut instance, long.clone()).await, long);
}

#[tokio::test]
async fn values_that_do_not_fit_leave_the_instance_alive() {
    let (mut instance, _) = testing::instance(&wat::add_and_step()).await;
    for values in [&[][..], &[Val::U32(1)], &[Val::U32(1), Val::U64(2)]] {
        let error = instance.call_values("add", values).await.expect_err("they do not fit");
        assert!(matches!(error, Error::Arguments { .. }), "{error}");
    }
    assert!(instance.call_json("add", &json!([1, "x"])).await.is_err());
    assert!(instance.call_wave("add(1)").await.is_err());
    assert_eq!(instance.call_wave("add(1, 2)").await.expect("it still adds"), "3");
}

#[tokio::test]
async fn after_a_fault_the_instance_is_gone() {
    let (mut instance, _) = testing::instance(&wat::run(r#"(func (export "run") unreachable)"#)).await;
    assert!(matches!(fault(instance.call_wave("run()").await), FaultKind::Trap { .. }));
    assert!(!instance.is_alive());
    let error = instance.call_wave("run()").await.expect_err("it is gone");
    assert!(matches!(error, Error::InstanceGone), "{error}");
}

#[tokio::test]
async fn after_a_call_was_dropped_halfway_the_instance_is_gone() {
    let spin = wat::run(r#"(func (export "run") (loop $again (br $again)))"#);
    let (mut instance, _) = testing::instance(&spin).await;
    let dropped = tokio::time::timeout(std::time::Duration::from_millis(20), instance.call_wave("run()")).await;
    assert!(dropped.is_err(), "a spinning guest gives way to the timer, and then it is dropped");
    assert!(matches!(instance.call_wave("run()").await, Err(Error::InstanceGone)));
}

#[tokio::test]
async fn memory_is_kept_between_calls_and_not_between_instances() {
    let counter = wat::pure(
        r#"(global $n (mut i32) (i32.const 0))
           (func (export "next") (result i32)
               (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))"#,
        r#"(func (export "next") (result u32) (canon lift (core func $main "next")))"#,
    );
    let (mut first, _) = testing::instance(&counter).await;
    assert_eq!(first.call_wave("next()").await.expect("it counts"), "1");
    assert_eq!(first.call_wave("next()").await.expect("it counts"), "2");
    let mut second = first.linked().instantiate(&testing::services(), "").await.expect("it is made");
    assert_eq!(second.call_wave("next()").await.expect("it counts"), "1");
}

#[tokio::test]
async fn a_result_that_is_malformed_is_a_trap() {
    let text = wat::pure(
        r#"(memory (export "memory") 1) (func (export "text") (result i32) (i32.store (i32.const 4) (i32.const -1))
               (i32.const 0))"#,
        r#"(func (export "text") (result string) (canon lift (core func $main "text") (memory (core memory $main "memory"))))"#,
    );
    let (mut instance, _) = testing::instance(&text).await;
    let kind = fault(instance.call_json("text", &json!([])).await);
    assert!(matches!(&kind, FaultKind::Trap { message } if message.contains("out of bounds")), "{kind}");
}

#[tokio::test]
async fn the_longest_deadline_is_no_overflow() {
    let limits = Limits { deadline_ms: u64::MAX, ..Limits::default() };
    let (mut instance, _) = testing::instance_within(&wat::add_and_step(), limits).await;
    assert_eq!(instance.call_wave("add(1, 2)").await.expect("it adds"), "3");
}
