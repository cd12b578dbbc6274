use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use wasmtime::component::Val;

use super::*;
use crate::codec::{DEPTH_MAX, VALUES_MAX};
use crate::testing::values;
use crate::wit::{Case, Field, WitType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

fn list(inner: WitType) -> WitType {
    WitType::List(Arc::new(inner))
}

fn option(inner: WitType) -> WitType {
    WitType::Option(Arc::new(inner))
}

fn map(key: WitType, value: WitType) -> WitType {
    WitType::Map(Arc::new(key), Arc::new(value))
}

fn result(ok: Option<WitType>, err: Option<WitType>) -> WitType {
    WitType::Result(ok.map(Arc::new), err.map(Arc::new))
}

fn fields<const N: usize>(fields: [(&str, WitType); N]) -> Arc<[Field]> {
    fields.into_iter().map(|(name, ty)| Field { name: name.to_owned(), ty }).collect()
}

fn point() -> WitType {
    WitType::Record(fields([("x", WitType::S32), ("label", option(WitType::String))]))
}

fn shape() -> WitType {
    let case = |name: &str, ty| Case { name: name.to_owned(), ty };
    WitType::Variant(Arc::new([case("dot", None), case("circle", Some(WitType::F64)), case("at", Some(point()))]))
}

fn names(names: &[&str]) -> Arc<[String]> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn text(text: &str) -> Val {
    Val::String(text.to_owned())
}

fn some(value: Val) -> Val {
    Val::Option(Some(Box::new(value)))
}

/// The error of reading this, as a person sees it.
fn refusal(json: Json, ty: &WitType) -> String {
    from_json(&json, ty).expect_err("it does not fit").to_string()
}

#[test]
fn every_type_is_written_as_the_table_says_and_read_back() {
    let point_at = |x| Val::Record(vec![("x".to_owned(), Val::S32(x)), ("label".to_owned(), some(text("home")))]);
    let case = |name: &str, payload: Option<Val>| Val::Variant(name.to_owned(), payload.map(Box::new));
    let table: Vec<(WitType, Val, Json)> = vec![
        (WitType::Bool, Val::Bool(true), json!(true)),
        (WitType::S8, Val::S8(-128), json!(-128)),
        (WitType::U8, Val::U8(255), json!(255)),
        (WitType::S16, Val::S16(i16::MIN), json!(-32768)),
        (WitType::U16, Val::U16(u16::MAX), json!(65535)),
        (WitType::S32, Val::S32(i32::MIN), json!(-2147483648)),
        (WitType::U32, Val::U32(u32::MAX), json!(4294967295_u32)),
        (WitType::S64, Val::S64(-9_007_199_254_740_991), json!(-9007199254740991_i64)),
        (WitType::S64, Val::S64(-9_007_199_254_740_992), json!("-9007199254740992")),
        (WitType::S64, Val::S64(i64::MIN), json!("-9223372036854775808")),
        (WitType::U64, Val::U64(9_007_199_254_740_991), json!(9007199254740991_u64)),
        (WitType::U64, Val::U64(9_007_199_254_740_992), json!("9007199254740992")),
        (WitType::U64, Val::U64(u64::MAX), json!("18446744073709551615")),
        (WitType::F32, Val::Float32(0.1), json!(0.1)),
        (WitType::F32, Val::Float32(f32::MAX), json!(3.4028235e38)),
        (WitType::F32, Val::Float32(f32::NAN), json!("nan")),
        (WitType::F32, Val::Float32(f32::NEG_INFINITY), json!("-inf")),
        (WitType::F64, Val::Float64(-0.0), json!(-0.0)),
        (WitType::F64, Val::Float64(0.1 + 0.2), json!(0.30000000000000004)),
        (WitType::F64, Val::Float64(f64::INFINITY), json!("inf")),
        (WitType::Char, Val::Char('π'), json!("π")),
        (WitType::String, text("a \"quoted\" word"), json!("a \"quoted\" word")),
        (list(WitType::U8), Val::List(vec![Val::U8(0), Val::U8(255), Val::U8(16)]), json!("AP8Q")),
        (list(WitType::U8), Val::List(vec![]), json!("")),
        (list(WitType::S8), Val::List(vec![Val::S8(1), Val::S8(-2)]), json!([1, -2])),
        (list(list(WitType::Bool)), Val::List(vec![Val::List(vec![Val::Bool(false)])]), json!([[false]])),
        (
            WitType::FixedList(Arc::new(WitType::U8), 2),
            Val::FixedLengthList(vec![Val::U8(7), Val::U8(8)]),
            json!([7, 8]),
        ),
        (map(WitType::U8, WitType::String), Val::Map(vec![(Val::U8(1), text("one"))]), json!([[1, "one"]])),
        (point(), point_at(3), json!({"x": 3, "label": "home"})),
        (
            WitType::Tuple(Arc::new([WitType::Bool, WitType::String])),
            Val::Tuple(vec![Val::Bool(true), text("x")]),
            json!([true, "x"]),
        ),
        (shape(), case("dot", None), json!("dot")),
        (shape(), case("circle", Some(Val::Float64(1.5))), json!({"circle": 1.5})),
        (shape(), case("at", Some(point_at(1))), json!({"at": {"x": 1, "label": "home"}})),
        (WitType::Enum(names(&["red", "green"])), Val::Enum("green".to_owned()), json!("green")),
        (option(WitType::U32), Val::Option(None), json!(null)),
        (option(WitType::U32), some(Val::U32(5)), json!(5)),
        (option(option(WitType::U32)), Val::Option(None), json!(null)),
        (option(option(WitType::U32)), some(Val::Option(None)), json!({"some": null})),
        (option(option(WitType::U32)), some(some(Val::U32(5))), json!({"some": 5})),
        (
            result(Some(WitType::U32), Some(WitType::String)),
            Val::Result(Ok(Some(Box::new(Val::U32(5))))),
            json!({"ok": 5}),
        ),
        (
            result(Some(WitType::U32), Some(WitType::String)),
            Val::Result(Err(Some(Box::new(text("no"))))),
            json!({"error": "no"}),
        ),
        (result(None, None), Val::Result(Ok(None)), json!({"ok": null})),
        (result(None, None), Val::Result(Err(None)), json!({"error": null})),
        (
            WitType::Flags(names(&["read", "write", "run"])),
            Val::Flags(vec!["read".to_owned(), "run".to_owned()]),
            json!(["read", "run"]),
        ),
        (WitType::Flags(names(&["read"])), Val::Flags(vec![]), json!([])),
    ];
    for (ty, value, json) in table {
        assert_eq!(to_json(&value, &ty).expect("it can be written"), json, "writing {ty}");
        assert_eq!(from_json(&json, &ty).expect("it can be read"), value, "reading {json} as {ty}");
    }
}

#[test]
fn other_forms_are_read_too() {
    let table: Vec<(WitType, Json, Val)> = vec![
        (list(WitType::U8), json!([1, 2]), Val::List(vec![Val::U8(1), Val::U8(2)])),
        (WitType::U64, json!(u64::MAX), Val::U64(u64::MAX)),
        (WitType::S64, json!(i64::MIN), Val::S64(i64::MIN)),
        (WitType::U8, json!("7"), Val::U8(7)),
        (WitType::F64, json!(3), Val::Float64(3.0)),
        (
            point(),
            json!({"x": 3}),
            Val::Record(vec![("x".to_owned(), Val::S32(3)), ("label".to_owned(), Val::Option(None))]),
        ),
        (shape(), json!({"dot": null}), Val::Variant("dot".to_owned(), None)),
    ];
    for (ty, json, value) in table {
        assert_eq!(from_json(&json, &ty).expect("it can be read"), value, "reading {json} as {ty}");
    }
}

#[test]
fn an_error_says_what_is_wrong_and_what_would_be_right() {
    let filing = WitType::Record(fields([("facts", list(point())), ("shape", shape())]));
    let table: Vec<(WitType, Json, &str)> = vec![
        (WitType::U8, json!(256), "expected u8, got 256"),
        (WitType::U8, json!(-1), "expected u8, got -1"),
        (WitType::U32, json!(1.0), "expected u32, got 1.0"),
        (WitType::U32, json!("ten"), "expected u32, got \"ten\""),
        (WitType::F32, json!(1e300), "expected f32, got 1e+300"),
        (WitType::F64, json!("NaN"), "expected f64, got \"NaN\""),
        (WitType::Bool, json!(null), "expected bool, got null"),
        (WitType::String, json!(false), "expected string, got false"),
        (WitType::Char, json!("ab"), "expected char, got \"ab\""),
        (WitType::Char, json!(""), "expected char, got \"\""),
        (WitType::U32, json!("x".repeat(1000)), "expected u32, got a string of 1000 bytes"),
        (list(WitType::U8), json!("AP8"), "is not base64: Invalid padding"),
        (list(WitType::Bool), json!([true, 1]), "[1]: expected bool, got 1"),
        (list(list(WitType::Bool)), json!([[], [true, "x"]]), "[1][1]: expected bool, got \"x\""),
        (WitType::FixedList(Arc::new(WitType::Bool), 2), json!([true]), "expected 2 elements, got 1"),
        (WitType::Tuple(Arc::new([WitType::Bool])), json!([]), "expected 1 elements, got 0"),
        (map(WitType::U8, WitType::U8), json!([[1, 2], [3]]), "[1]: expected [key, value], got an array"),
        (map(WitType::U8, WitType::U8), json!({}), "expected map<u8, u8>, got an object"),
        (point(), json!({"x": 1, "y": 2}), "there is no field `y`; the fields are x, label"),
        (point(), json!({}), "the field `x: s32` is missing"),
        (shape(), json!("square"), "there is no case `square`; the cases are dot, circle, at"),
        (shape(), json!({"dot": 1}), "dot: carries nothing, got 1"),
        (shape(), json!("circle"), "circle: expected f64, got null"),
        (shape(), json!({"dot": null, "at": null}), "expected a case or {\"case\": value}, got an object"),
        (WitType::Enum(names(&["red", "green"])), json!("blue"), "expected one of red, green, got `blue`"),
        (WitType::Flags(names(&["read"])), json!(["run"]), "expected one of read, got `run`"),
        (option(option(WitType::U8)), json!(5), "expected null or {\"some\": value}, got 5"),
        (result(None, None), json!("ok"), "expected {\"ok\": value} or {\"error\": value}, got \"ok\""),
        (result(Some(WitType::U8), None), json!({"ok": "x"}), "ok: expected u8, got \"x\""),
        (filing.clone(), json!({"facts": [{"x": 1}, {"x": "?"}]}), "facts[1].x: expected s32, got \"?\""),
        (filing, json!({"facts": [], "shape": {"at": {"x": 1, "label": 2}}}), "shape.at.label: expected string, got 2"),
        (WitType::Handle("stream"), json!(1), "a stream cannot be written as JSON"),
    ];
    for (ty, json, message) in table {
        assert_eq!(refusal(json, &ty), message);
    }
}

#[test]
fn a_value_of_another_type_is_not_written() {
    let table = [
        (Val::U8(1), WitType::U16),
        (Val::List(vec![Val::Bool(true)]), list(WitType::U8)),
        (Val::Enum("blue".to_owned()), WitType::Enum(names(&["red"]))),
        (Val::Flags(vec!["run".to_owned()]), WitType::Flags(names(&["read"]))),
        (Val::Variant("square".to_owned(), None), shape()),
        (Val::Variant("circle".to_owned(), None), shape()),
        (Val::Record(vec![("y".to_owned(), Val::S32(1)), ("label".to_owned(), Val::Option(None))]), point()),
        (Val::Tuple(vec![]), WitType::Tuple(Arc::new([WitType::Bool]))),
    ];
    for (value, ty) in table {
        assert!(to_json(&value, &ty).is_err(), "{value:?} is not a {ty}");
    }
}

#[test]
fn nesting_is_bounded_in_both_directions() {
    let nested = |levels: usize| {
        (1..levels).fold((WitType::Bool, Val::Bool(true), json!(true)), |(ty, value, json), _| {
            (list(ty), Val::List(vec![value]), json!([json]))
        })
    };
    let (ty, value, json) = nested(DEPTH_MAX);
    assert_eq!(from_json(&json, &ty).expect("as deep as allowed"), value);
    assert_eq!(to_json(&value, &ty).expect("as deep as allowed"), json);
    let (ty, value, json) = nested(DEPTH_MAX + 1);
    assert!(refusal(json, &ty).ends_with("is nested more than 64 levels deep"));
    assert!(to_json(&value, &ty).is_err());
}

#[test]
fn the_number_of_values_is_bounded_in_both_directions() {
    let bytes = |count: usize| (Val::List(vec![Val::U8(0); count]), json!(BASE64.encode(vec![0; count])));
    let (value, json) = bytes(VALUES_MAX - 1); // The list itself is one more.
    assert_eq!(to_json(&value, &list(WitType::U8)).expect("as many as allowed"), json);
    assert_eq!(from_json(&json, &list(WitType::U8)).expect("as many as allowed"), value);
    let (value, json) = bytes(VALUES_MAX);
    let message = "has more than 1000000 values; put bulk data into an object";
    assert_eq!(refusal(json, &list(WitType::U8)), message);
    assert_eq!(to_json(&value, &list(WitType::U8)).expect_err("too many").message, message);

    let booleans = Json::Array(vec![json!(true); VALUES_MAX]);
    assert!(refusal(booleans, &list(WitType::Bool)).ends_with(message));
}

#[test]
fn arguments_come_in_order_by_name_or_bare() {
    let two = fields([("path", WitType::String), ("limit", option(WitType::U32))]);
    let read = |json: Json| params_from_json(&json, &two);
    let both = vec![text("a"), some(Val::U32(5))];
    assert_eq!(read(json!(["a", 5])), Ok(both.clone()));
    assert_eq!(read(json!({"limit": 5, "path": "a"})), Ok(both));
    assert_eq!(read(json!({"path": "a"})), Ok(vec![text("a"), Val::Option(None)]));

    let one = fields([("point", point())]);
    let a_point = Val::Record(vec![("x".to_owned(), Val::S32(1)), ("label".to_owned(), Val::Option(None))]);
    for json in [json!({"x": 1}), json!([{"x": 1}]), json!({"point": {"x": 1}})] {
        assert_eq!(params_from_json(&json, &one), Ok(vec![a_point.clone()]), "{json}");
    }

    for json in [json!([]), json!({}), json!(null)] {
        assert_eq!(params_from_json(&json, &[]), Ok(vec![]), "{json}");
    }
}

#[test]
fn an_array_is_always_the_list_of_arguments() {
    let one = fields([("items", list(WitType::U32))]);
    let items = |items: &[u32]| Ok(vec![Val::List(items.iter().map(|item| Val::U32(*item)).collect())]);
    assert_eq!(params_from_json(&json!([[1, 2]]), &one), items(&[1, 2]));
    assert_eq!(params_from_json(&json!({"items": [1]}), &one), items(&[1]));
    // If the bare list were taken, [1] and [1, 2] would mean different things.
    let error = |json: Json| params_from_json(&json, &one).expect_err("it is ambiguous").to_string();
    assert_eq!(error(json!([1])), "items: expected list<u32>, got 1");
    assert_eq!(
        error(json!([1, 2])),
        "expected 1 arguments (items: list<u32>) as an array or by name, got an array of 2"
    );
}

#[test]
fn wrong_arguments_are_named() {
    let two = fields([("path", WitType::String), ("limit", option(WitType::U32))]);
    let error = |json: Json| params_from_json(&json, &two).expect_err("they do not fit").to_string();
    assert_eq!(error(json!(["a", "b"])), "limit: expected u32, got \"b\"");
    assert_eq!(error(json!({"limit": 1})), "the argument `path: string` is missing");
    assert_eq!(error(json!({"path": "a", "depth": 1})), "there is no argument `depth`; the arguments are path, limit");
    let expected = "expected 2 arguments (path: string, limit: option<u32>) as an array or by name";
    assert_eq!(error(json!("a")), format!("{expected}, got \"a\""));
    assert_eq!(error(json!(["a"])), format!("{expected}, got an array of 1"));
    let none = |json: Json| params_from_json(&json, &[]).expect_err("there are none").to_string();
    assert_eq!(none(json!({"a": 1})), "there is no argument `a`; there is none at all");
}

proptest! {
    #[test]
    fn every_value_comes_back(case in values::typed_values()) {
        let (ty, value) = case;
        let json = to_json(&value, &ty).expect("every value can be written");
        prop_assert_eq!(from_json(&json, &ty).expect("what was written can be read"), value);
    }

    #[test]
    fn any_json_for_any_type_is_a_value_of_it_or_an_error(ty in values::types(), json in values::jsons()) {
        if let Ok(value) = from_json(&json, &ty) {
            prop_assert!(to_json(&value, &ty).is_ok(), "{:?} is not a {}", value, ty);
        }
    }

    #[test]
    fn a_float_is_rounded_once(bits in any::<u32>()) {
        let float = f32::from_bits(bits);
        prop_assume!(float.is_finite());
        let json = to_json(&Val::Float32(float), &WitType::F32).expect("every float can be written");
        prop_assert_eq!(from_json(&json, &WitType::F32), Ok(Val::Float32(float)));
        prop_assert_eq!(json.to_string().parse::<f32>(), Ok(float), "it is not written by its shortest digits");
    }
}
