use serde_json::json;

use super::*;
use crate::testing::{component, engine, try_component, wat};

/// Two interfaces that are both called `game`, each with a `step`, one with a `reset`; and a `step` of the world.
fn many_steps() -> Component {
    component(&wat::pure(
        r#"(func (export "step") (param i32) (result i32) (local.get 0)) (func (export "reset"))"#,
        r#"(func $step (param "n" u32) (result u32) (canon lift (core func $main "step")))
           (func $reset (canon lift (core func $main "reset")))
           (instance $life (export "step" (func $step)) (export "reset" (func $reset)))
           (instance $chess (export "step" (func $step)))
           (export "demo:life/game@0.1.0" (instance $life))
           (export "demo:chess/game@0.1.0" (instance $chess))
           (export "demo:life/board" (instance $chess))"#,
    ))
}

fn names(component: &Component) -> Vec<&str> {
    component.methods().map(|method| method.name.as_str()).collect()
}

#[test]
fn a_method_has_the_shortest_name_that_no_other_has() {
    assert_eq!(names(&component(&wat::add_and_step())), ["add", "step"]);
    let expected = ["demo:life/game@0.1.0#step", "reset", "demo:chess/game@0.1.0#step", "board/step"];
    assert_eq!(names(&many_steps()), expected);
}

#[test]
fn a_method_is_found_by_each_of_its_names() {
    let component = component(&wat::add_and_step());
    for name in ["step", "game/step", "demo:life/game@0.1.0#step", "demo:life/game@0.1.0/step"] {
        let method = component.method(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((&*method.name, method.interface.as_deref()), ("step", Some("demo:life/game@0.1.0")));
        assert_eq!(method.signature(), "step: func(n: u32) -> u32");
    }
    assert_eq!(component.method("add").expect("it is there").interface, None);
}

#[test]
fn a_function_of_the_world_goes_before_one_of_an_interface() {
    let component = component(&wat::pure(
        r#"(func (export "step"))"#,
        r#"(func $step (canon lift (core func $main "step")))
           (instance $game (export "step" (func $step)))
           (export "demo:life/game" (instance $game))
           (export "step" (func $step))"#,
    ));
    assert_eq!(names(&component), ["game/step", "step"]);
    assert_eq!(component.method("step").expect("it is there").interface, None);
    assert_eq!(component.method("game/step").expect("it is there").interface.as_deref(), Some("demo:life/game"));
}

#[test]
fn an_unknown_or_ambiguous_method_lists_the_ones_there_are() {
    let component = many_steps();
    for name in ["step", "game/step", "stop", "game/stop", "life#step", "#reset", "/reset", ""] {
        let error = component.method(name).expect_err("it means no method, or more than one").to_string();
        let its = "it has demo:life/game@0.1.0#step, reset, demo:chess/game@0.1.0#step, board/step";
        assert_eq!(error, format!("guest has no method `{name}`; {its}"));
    }
    let none = try_component("(component)").expect("it is a component").method("run").expect_err("it has no method");
    assert_eq!(none.to_string(), "guest has no method `run`; it exports no method at all");
}

#[test]
fn a_signature_that_no_message_can_carry_is_refused_by_name() {
    let component = component(
        r#"(component
            (type $board' (resource (rep i32)))
            (export $board "board" (type $board'))
            (core module $main (func (export "new") (result i32) (i32.const 0)) (func (export "ok")))
            (core instance $main (instantiate $main))
            (func (export "open") (result (own $board)) (canon lift (core func $main "new")))
            (func (export "ok") (canon lift (core func $main "ok"))))"#,
    );
    let error = component.method("open").expect_err("it returns a resource").to_string();
    let reason = "its signature has a resource, which no message can carry; use plain data or a u64 id";
    assert_eq!(error, format!("the method `open` of guest cannot be called: {reason}"));
    assert_eq!(component.inspect().methods[0].unsupported.as_deref(), Some(reason));
    component.method("ok").expect("the others can be called");
}

#[test]
fn a_signature_that_grows_when_written_out_is_refused() {
    // Each type uses the one before ten times: 10⁵ words in a file of a few hundred bytes.
    let types: String =
        (1..=5).map(|level| format!("(type $t{level} (tuple {}))", format!("$t{} ", level - 1).repeat(10))).collect();
    let component = component(&wat::echo(&format!("(type $t0 (tuple u8 u8)) {types}"), "$t5"));
    let error = component.method("echo").expect_err("it is too large").to_string();
    assert!(error.ends_with("its signature has more than 100000 parts"), "{error}");
}

#[test]
fn what_is_no_component_is_named() {
    let engine = engine();
    let refusal = |bytes: &[u8]| engine.load_bytes("guest", bytes).expect_err("it is none");
    assert!(refusal(b"").to_string().starts_with("guest is empty, not a WebAssembly component"));
    assert!(refusal(b"PNG").to_string().starts_with("guest is something else, not a WebAssembly component"));
    let module = wat::parse_str("(module)").expect("it is WebAssembly");
    let error = refusal(&module).to_string();
    assert!(error.starts_with("guest is a core module, not a WebAssembly component: wrap it"), "{error}");
}

#[test]
fn a_component_cut_off_anywhere_is_refused() {
    let engine = engine();
    let bytes = wat::parse_str(wat::add_and_step()).expect("it is WebAssembly");
    engine.load_bytes("guest", &bytes).expect("the whole of it loads");
    for length in (0..bytes.len()).step_by(3) {
        match engine.load_bytes("guest", &bytes[..length]) {
            Err(Error::NotAComponent { .. } | Error::Compile { .. }) => {}
            // A cut between two sections leaves a component with less in it.
            Ok(component) => assert!(component.methods().len() < 2, "cut at {length}"),
            Err(other) => panic!("cut at {length}: {other}"),
        }
    }
}

#[test]
fn a_component_with_a_flipped_bit_never_breaks_the_engine() {
    let engine = engine();
    let mut bytes = wat::parse_str(wat::add_and_step()).expect("it is WebAssembly");
    for at in 8..bytes.len() {
        bytes[at] ^= 1 << (at % 8);
        engine.load_bytes("guest", &bytes).ok();
        bytes[at] ^= 1 << (at % 8);
    }
}

#[test]
fn an_async_function_is_refused() {
    let text = wat::pure(
        r#"(func (export "run") (result i32) unreachable)
           (func (export "callback") (param i32 i32 i32) (result i32) unreachable)"#,
        r#"(func (export "run") async (canon lift (core func $main "run") async (callback (core func $main "callback"))))"#,
    );
    let error = try_component(&text).expect_err("async is switched off").to_string();
    assert!(error.starts_with("guest does not compile") && error.contains("async"), "{error}");
}

#[test]
fn a_file_too_large_is_not_read_to_its_end() {
    let error = engine().load_file("/dev/zero").expect_err("it has no end");
    assert!(matches!(error, Error::TooLarge { limit_bytes: COMPONENT_BYTES_MAX, .. }), "{error}");
}

#[test]
fn a_file_gives_its_name_and_a_missing_one_is_named() {
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    let path = dir.path().join("adder.wasm");
    let error = engine().load_file(&path).expect_err("it is not there yet").to_string();
    assert!(error.starts_with(&format!("cannot read {}", path.display())), "{error}");
    std::fs::write(&path, wat::parse_str(wat::add_and_step()).expect("it is WebAssembly")).expect("it can be written");
    assert_eq!(engine().load_file(&path).expect("it loads").name(), "adder");
}

#[test]
fn a_call_in_wave_becomes_values() {
    let component = component(&wat::add_and_step());
    let (method, arguments) = component.parse_wave("add(1, 2)").expect("it fits");
    assert_eq!((&*method.name, arguments), ("add", vec![Val::U32(1), Val::U32(2)]));
    for call in ["step(5)", "game/step(5)", "demo:life/game@0.1.0#step(5)", "demo:life/game@0.1.0/step(5)"] {
        let (method, arguments) = component.parse_wave(call).unwrap_or_else(|error| panic!("{call}: {error}"));
        assert_eq!((&*method.name, arguments), ("step", vec![Val::U32(5)]));
    }
}

#[test]
fn what_is_none_may_be_left_out() {
    let component = component(&wat::with_libc(
        r#"(type $point' (record (field "x" s32) (field "label" (option string)) (field "ok" u32)))
           (export $point "point" (type $point'))
           (core module $main (func (export "go") (param i32 i32 i32 i32 i32 i32 i32)))
           (core instance $main (instantiate $main))
           (func (export "go") (param "to" $point) (param "speed" (option u32)) (canon lift (core func $main "go")
               (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))"#,
    ));
    let (_, long) = component.parse_wave("go({x: 1, label: none, %ok: 2}, none)").expect("it fits");
    assert_eq!(component.parse_wave("go({%ok: 2, x: 1})").expect("it fits").1, long);
    let by_name = json!({"to": {"ok": 2, "x": 1}});
    assert_eq!(component.parse_json("go", &by_name).expect("it fits").1, long);
}

#[test]
fn a_call_that_does_not_fit_is_refused_with_what_would() {
    let component = component(&wat::add_and_step());
    let refusal = |call: &str| component.parse_wave(call).expect_err("it does not fit").to_string();
    for call in ["add(1)", "add(1, 2, 3)", "add(1, \"2\")", "add(1, -2)", "add(1, 4294967296)", "add(nan, {a: 1})"] {
        let error = refusal(call);
        assert!(error.starts_with("arguments of `add`: "), "{call}: {error}");
        assert!(error.ends_with("; expected (a: u32, b: u32)"), "{call}: {error}");
    }
    assert!(refusal("stop(1)").starts_with("guest has no method `stop`"));
    assert!(refusal("add").starts_with("`add` is not a call"));
    assert!(matches!(component.parse_wave("add(1, 2) 3"), Err(Error::NotACall(_))));
}

#[test]
fn arguments_in_json_become_values() {
    let component = component(&wat::add_and_step());
    let (method, arguments) = component.parse_json("add", &json!({"b": 2, "a": 1})).expect("they fit");
    assert_eq!((&*method.name, arguments), ("add", vec![Val::U32(1), Val::U32(2)]));
    let error = component.parse_json("add", &json!([1, "x"])).expect_err("it does not fit").to_string();
    assert_eq!(error, "arguments of `add`: b: expected u32, got \"x\"");
}

#[test]
fn an_inspection_tells_what_a_component_is() {
    let component = component(&wat::logger());
    let inspection = serde_json::to_value(component.inspect()).expect("it can be written");
    assert_eq!(inspection["name"], "guest");
    assert_eq!(inspection["digest"], component.digest().to_string());
    assert_eq!(inspection["memories"], json!([{"initial_bytes": 65536}]));
    assert_eq!(inspection["imports"], json!([{"name": "belljar:plugin/log@0.1.0", "status": "provided"}]));
    assert_eq!(
        inspection["methods"][0],
        json!({"name": "lines", "function": "lines", "params": [{"name": "count", "type": "u32"}], "result": null})
    );
}
