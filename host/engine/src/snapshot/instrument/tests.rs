use proptest::prelude::*;
use wasmparser::{ComponentExternalKind, Parser, Payload, Validator, WasmFeatures};

use super::samples::{self, NOT_SNAPSHOTABLE, SNAPSHOTABLE};
use super::*;

/// A component whose only core module is `module`, which is instantiated once.
fn one_module(module: &str) -> String {
    format!("(component (core module $m {module}) (core instance (instantiate $m)))")
}

fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn prepared(component: &[u8]) -> Prepared<'_> {
    match prepare(component) {
        Ok(Preparation::Snapshotable(prepared)) => prepared,
        other => panic!("it should be snapshotable: {other:?}"),
    }
}

/// The obstacles of a component, as they are told.
#[track_caller]
fn obstacles(text: &str) -> Vec<String> {
    match prepare(&binary(text)) {
        Ok(Preparation::NotSnapshotable(obstacles)) => obstacles.iter().map(Obstacle::to_string).collect(),
        other => panic!("it should not be snapshotable: {other:?}"),
    }
}

/// The functions that a valid component exports.
#[track_caller]
fn exported_functions(component: &[u8]) -> Vec<String> {
    Validator::new_with_features(WasmFeatures::default()).validate_all(component).expect("it is valid");
    let mut depth = 0;
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("it is valid") {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentExportSection(exports) if depth == 1 => {
                let exports = exports.into_iter().map(Result::unwrap);
                let functions = exports.filter(|export| export.kind == ComponentExternalKind::Func);
                names.extend(functions.map(|export| export.name.name.to_owned()));
            }
            _ => {}
        }
    }
    names
}

fn data<'a>(segments: &[(u64, &'a [u8])]) -> Vec<InitialData<'a>> {
    segments.iter().map(|(offset, bytes)| InitialData { offset: *offset, bytes }).collect()
}

#[test]
fn samples_with_all_state_in_sight_are_valid_and_export_their_accessors() {
    for sample in SNAPSHOTABLE {
        let component = binary(sample.text);
        let prepared = prepared(&component);

        let accessors = prepared.globals.iter().flat_map(|global| [global.getter.clone(), global.setter.clone()]);
        let expected: Vec<String> = ["bump".to_owned()].into_iter().chain(accessors).collect();
        assert_eq!(exported_functions(&prepared.bytes), expected, "{}", sample.name);
    }
}

#[test]
fn samples_with_hidden_state_are_not_snapshotable() {
    for sample in NOT_SNAPSHOTABLE {
        assert!(!obstacles(sample.text).is_empty(), "{}", sample.name);
    }
}

#[test]
fn a_component_with_nothing_to_make_visible_is_not_changed() {
    let component = binary(&one_module(
        r#"(memory 1) (global i32 (i32.const 1)) (func (export "f") (result i32) (i32.load (i32.const 0)))"#,
    ));

    assert_eq!(prepared(&component).bytes, component);
}

#[test]
fn globals_become_words_in_the_order_of_their_definition() {
    let component = binary(samples::GLOBALS);

    let expected = GlobalAccessor {
        getter: "belljar-snapshot-0-get-0".into(),
        setter: "belljar-snapshot-0-set-0".into(),
        words: 6,
    };
    assert_eq!(prepared(&component).globals, [expected]);
}

#[test]
fn each_core_instance_has_accessors_of_its_own() {
    let component = binary(samples::TWICE);

    let prepared = prepared(&component);

    assert_eq!(prepared.globals.iter().map(|global| global.words).collect::<Vec<_>>(), [1, 1]);
    assert_ne!(prepared.globals[0].getter, prepared.globals[1].getter);
}

#[test]
fn accessors_and_memories_of_nested_instances_are_counted_in_the_order_of_instantiation() {
    let text = r#"(component
        (core module $m (memory 1) (global (mut i32) (i32.const 0)))
        (component $inner
            (core module $m (memory 2) (global (mut v128) (v128.const i64x2 0 0)))
            (core instance (instantiate $m)))
        (core instance (instantiate $m))
        (component $outer
            (alias outer 1 $inner (component $inner))
            (instance (instantiate $inner))
            (core module $m (memory 3) (global (mut i64) (i64.const 0)) (global (mut i64) (i64.const 0))
                (global (mut i64) (i64.const 0)))
            (core instance (instantiate $m)))
        (instance (instantiate $outer))
        (instance (instantiate $inner))
        (core instance (instantiate $m)))"#;
    let component = binary(text);

    let prepared = prepared(&component);

    let pages: Vec<u64> = prepared.memories.iter().map(|memory| memory.minimum_bytes >> 16).collect();
    assert_eq!(pages, [1, 2, 3, 2, 1]);
    let words: Vec<u32> = prepared.globals.iter().map(|global| global.words).collect();
    assert_eq!(words, [1, 2, 3, 2, 1]);
    assert_eq!(exported_functions(&prepared.bytes).len(), 10);
}

#[test]
fn a_module_without_functions_gets_the_sections_that_it_needs() {
    let component = binary(&one_module(
        r#"(global (mut i32) (i32.const 0)) (memory 1) (data (i32.const 0) "x") (@custom "first" (before first) "a")"#,
    ));

    let prepared = prepared(&component);

    assert_eq!(exported_functions(&prepared.bytes).len(), 2);
}

#[test]
fn new_names_avoid_those_that_are_there() {
    let text = r#"(component
        (core module $m (global (mut i32) (i32.const 0)) (func (export "belljar-snapshot-1-get")) (func (export "f")))
        (core instance $i (instantiate $m))
        (func (export "BELLJAR-snapshot-0-get-0") (canon lift (core func $i "f"))))"#;
    let once = binary(text);

    let once = prepared(&once);
    let twice = prepared(&once.bytes);

    assert_eq!(once.globals[0].getter, "belljar-snapshot-2-get-0");
    assert_eq!(twice.globals[0].getter, "belljar-snapshot-3-get-0");
    assert_eq!(exported_functions(&twice.bytes).len(), 5);
}

#[test]
fn active_data_is_taken_out_and_keeps_its_order() {
    let component = binary(&one_module(
        r#"(memory 1 2) (data (i32.const 3) "first") (data "passive") (data (i32.const 0) "second") (data (i32.const 9) "")"#,
    ));

    let prepared = prepared(&component);

    let memory = PreparedMemory {
        minimum_bytes: 65_536,
        maximum_bytes: Some(131_072),
        data: data(&[(3, b"first"), (0, b"second")]),
    };
    assert_eq!(prepared.memories, [memory]);
    assert_eq!(active_data_bytes(&prepared.bytes), 0);
}

#[test]
fn data_goes_to_the_memory_that_it_names() {
    let component = binary(samples::MEMORIES);

    let prepared = prepared(&component);

    let contents: Vec<_> = prepared.memories.into_iter().map(|memory| memory.data).collect();
    assert_eq!(contents, [data(&[]), data(&[(131_064, &[1, 2, 3, 4, 5, 6, 7, 8])]), data(&[(65_535, &[7])])]);
}

#[test]
fn data_of_a_module_that_is_instantiated_twice_is_there_twice() {
    let component = binary(samples::TWICE);

    let prepared = prepared(&component);

    assert_eq!(prepared.memories.len(), 2);
    assert!(prepared.memories.iter().all(|memory| memory.data == data(&[(0, &[3])])));
}

/// Bytes in all active data segments of a component.
fn active_data_bytes(component: &[u8]) -> usize {
    let mut bytes = 0;
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::DataSection(segments) = payload.expect("it is valid") {
            let segments = segments.into_iter().map(Result::unwrap);
            let active = segments.filter(|segment| matches!(segment.kind, wasmparser::DataKind::Active { .. }));
            bytes += active.map(|segment| segment.data.len()).sum::<usize>();
        }
    }
    bytes
}

#[test]
fn data_stays_where_it_is_unless_it_certainly_fits() {
    let cases = [
        ("one byte too far", r#"(memory 1) (data (i32.const 65535) "xy")"#),
        ("at a negative address", r#"(memory 1) (data (i32.const -1) "x")"#),
        ("past the end of 64 bits", r#"(memory i64 1) (data (i64.const -1) "xy")"#),
        ("in an empty memory", r#"(memory 0) (data (i32.const 0) "x")"#),
        ("at a computed address", r#"(memory 1) (data (i32.add (i32.const 1) (i32.const 2)) "x")"#),
        ("at an address in a global", r#"(global i32 (i32.const 1)) (memory 1) (data (global.get 0) "x")"#),
    ];
    for (case, module) in cases {
        let component = binary(&one_module(module));
        let prepared = prepared(&component);
        assert!(prepared.memories[0].data.is_empty(), "{case}");
        assert_eq!(prepared.bytes, component, "{case}");
    }
}

#[test]
fn data_for_an_imported_memory_stays_where_it_is() {
    let component = binary(samples::IMPORTED);

    let prepared = prepared(&component);

    assert_eq!(prepared.memories[0].data, data(&[(0, b"home sweet home")]));
    assert_eq!(active_data_bytes(&prepared.bytes), 1);
}

#[test]
fn data_may_end_with_the_memory() {
    let component = binary(&one_module(r#"(memory 1) (data (i32.const 65534) "xy")"#));

    assert_eq!(prepared(&component).memories[0].data, data(&[(65_534, b"xy")]));
}

#[test]
fn a_memory_too_large_for_any_machine_has_a_size() {
    let component = binary(&one_module("(memory i64 0x1000000000000)"));

    assert_eq!(prepared(&component).memories[0].minimum_bytes, u64::MAX);
}

#[test]
fn data_behind_a_segment_that_stays_stays_too() {
    let component = binary(&one_module(
        r#"(memory 1) (global i32 (i32.const 1))
           (data (i32.const 0) "first") (data (global.get 0) "second") (data (i32.const 2) "third")"#,
    ));

    let prepared = prepared(&component);

    assert_eq!(prepared.memories[0].data, data(&[(0, b"first")]));
    assert_eq!(active_data_bytes(&prepared.bytes), "second".len() + "third".len());
}

#[test]
fn start_functions_and_data_that_stays_are_told_of_wherever_they_are() {
    let nested = "(component (component $c (core module $m (func $f) (start $f)) (core instance (instantiate $m)))
        (instance (instantiate $c)))";
    for (text, has_start) in
        [(samples::START, true), (nested, true), (samples::IMPORTED, true), (samples::MEMORY, false)]
    {
        assert_eq!(prepared(&binary(text)).has_start, has_start);
    }
}

#[test]
fn a_start_function_may_drop_segments_that_nothing_else_can_drop() {
    let component = binary(&one_module(
        r#"(memory 1) (table 1 funcref) (data "x") (elem func $f)
           (func $f) (func $drops (data.drop 0) (elem.drop 0)) (func $start (call $drops)) (start $start)"#,
    ));

    prepared(&component);
}

#[test]
fn a_drop_that_may_happen_later_is_an_obstacle() {
    let drops = r#"(memory 1) (data "x") (func $drops (data.drop 0)) (func $start (call $drops)) (start $start)"#;
    let cases = [
        ("exported", r#"(export "drops" (func $drops))"#),
        ("the start function exported", r#"(export "start" (func $start))"#),
        ("called by an exported function", r#"(func (export "f") (call $drops))"#),
        ("tail-called by an exported function", r#"(func (export "f") (return_call $start))"#),
        ("in a table", "(table funcref (elem $drops))"),
        ("in an element expression", "(table 1 funcref) (elem (i32.const 0) funcref (ref.func $drops))"),
        ("in a constant global", "(global funcref (ref.func $drops))"),
        ("referred to by code", "(elem declare func $drops) (func (drop (ref.func $drops)))"),
    ];
    for (case, more) in cases {
        let obstacles = obstacles(&one_module(&format!("{drops} {more}")));
        assert_eq!(
            obstacles,
            ["function `drops` of core module `m` drops a segment at run time (`data.drop`), which a snapshot does \
              not hold: export `belljar:plugin/durable`"],
            "{case}"
        );
    }
}

#[test]
fn instructions_that_change_hidden_state_are_named() {
    let table = "(table $t 1 funcref) (elem $e func $f) (memory 1) (data $d \"x\")
        (type $s (struct (field i32))) (type $a (array (mut i8))) (type $ft (func)) (type $k (cont $ft))
        (elem declare func $f)";
    let cases = [
        ("table.set", "changes a table at run time", "(table.set $t (i32.const 0) (ref.null func))"),
        ("table.grow", "changes a table at run time", "(drop (table.grow $t (ref.null func) (i32.const 1)))"),
        ("table.fill", "changes a table at run time", "(table.fill $t (i32.const 0) (ref.null func) (i32.const 1))"),
        ("table.copy", "changes a table at run time", "(table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 1))"),
        ("table.init", "changes a table at run time", "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))"),
        ("elem.drop", "drops a segment at run time", "(elem.drop $e)"),
        ("data.drop", "drops a segment at run time", "(data.drop $d)"),
        ("struct.new", "allocates in the garbage-collected heap", "(drop (struct.new $s (i32.const 1)))"),
        ("struct.new_default", "allocates in the garbage-collected heap", "(drop (struct.new_default $s))"),
        ("array.new", "allocates in the garbage-collected heap", "(drop (array.new $a (i32.const 0) (i32.const 1)))"),
        ("array.new_default", "allocates in the garbage-collected heap", "(drop (array.new_default $a (i32.const 1)))"),
        ("array.new_fixed", "allocates in the garbage-collected heap", "(drop (array.new_fixed $a 0))"),
        (
            "array.new_data",
            "allocates in the garbage-collected heap",
            "(drop (array.new_data $a $d (i32.const 0) (i32.const 1)))",
        ),
        ("cont.new", "makes a continuation", "(drop (cont.new $k (ref.func $f)))"),
    ];
    for (instruction, effect, code) in cases {
        let obstacles = obstacles(&one_module(&format!("{table} (func $f) (func $culprit {code})")));
        let expected = format!(
            "function `culprit` of core module `m` {effect} (`{instruction}`), which a snapshot does not hold: export \
             `belljar:plugin/durable`"
        );
        assert_eq!(obstacles, [expected]);
    }
}

#[test]
fn other_hidden_state_is_named() {
    let cases = [
        (
            one_module("(type $s (struct (field (mut i32)))) (global (ref $s) (struct.new $s (i32.const 1)))"),
            "the initial value of a global of core module `m` allocates in the garbage-collected heap (`struct.new`), \
             which a snapshot does not hold: export `belljar:plugin/durable`",
        ),
        (
            one_module("(type $s (struct)) (table 1 (ref $s) (struct.new $s))"),
            "the initial value of a table of core module `m` allocates in the garbage-collected heap (`struct.new`), \
             which a snapshot does not hold: export `belljar:plugin/durable`",
        ),
        (
            one_module("(global i32 (i32.const 0)) (global (mut externref) (ref.null extern))"),
            "core module `m` has a mutable global of references, global 1, which a snapshot does not hold: export \
             `belljar:plugin/durable`",
        ),
        (
            one_module("(memory 1 1 shared)"),
            "core module `m` has a shared memory, which can change while a snapshot is taken: build it without \
             threads, or export `belljar:plugin/durable`",
        ),
        (
            one_module("(global (shared mut i32) (i32.const 0))"),
            "core module `m` has a shared global, which can change while a snapshot is taken: build it without \
             threads, or export `belljar:plugin/durable`",
        ),
        (
            one_module("(table shared 1 (ref null (shared func)))"),
            "core module `m` has a shared table, which can change while a snapshot is taken: build it without \
             threads, or export `belljar:plugin/durable`",
        ),
        (
            samples::OWN_RESOURCE.to_owned(),
            "it makes handles to a resource type of its own (`resource.new`), which a snapshot does not hold: \
             identify the things by numbers, or export `belljar:plugin/durable`",
        ),
        (
            "(component (type $s (stream u8)) (core func (canon stream.new $s)))".to_owned(),
            "it uses the asynchronous component model (`stream`), whose handles a snapshot does not hold: build \
             it with synchronous functions, or export `belljar:plugin/durable`",
        ),
        (
            "(component (core func (canon context.get i32 0)))".to_owned(),
            "it uses the asynchronous component model (`context`), whose handles a snapshot does not hold: build \
             it with synchronous functions, or export `belljar:plugin/durable`",
        ),
        (
            r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
                (func (export "f") async (canon lift (core func $i "f") async)))"#
                .to_owned(),
            "it uses the asynchronous component model (`canon lift async`), whose handles a snapshot does not hold: \
             build it with synchronous functions, or export `belljar:plugin/durable`",
        ),
        (
            r#"(component (component (import "m" (core module $m)) (core instance (instantiate $m))))"#.to_owned(),
            "it instantiates a core module that it gets from elsewhere (core module 0 of one of its components), so \
             not all of its state can be known: put the core module into it, or export `belljar:plugin/durable`",
        ),
        (
            r#"(component
                (component $c (import "c" (component $c)) (instance (instantiate $c)))
                (component $d)
                (instance (instantiate $c (with "c" (component $d)))))"#
                .to_owned(),
            "it instantiates a component that it gets from elsewhere (component 0 of one of its components), so not \
             all of its state can be known: put the component into it, or export `belljar:plugin/durable`",
        ),
        (
            r#"(component
                (component $c (core module $m) (export "m" (core module $m)))
                (instance $c (instantiate $c))
                (alias export $c "m" (core module $m))
                (core instance (instantiate $m)))"#
                .to_owned(),
            "it instantiates a core module that it gets from elsewhere (core module 0 of one of its components), so \
             not all of its state can be known: put the core module into it, or export `belljar:plugin/durable`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(obstacles(&text), [expected]);
    }
}

#[test]
fn a_core_module_without_a_name_is_known_by_its_number() {
    let obstacles = obstacles(
        "(component (core module) (core module (table 1 funcref)
            (func (param i32) (table.set (local.get 0) (ref.null func)))))",
    );

    let expected = "function 0 of core module 1 changes a table at run time (`table.set`), which a snapshot does not \
                    hold: export `belljar:plugin/durable`";
    assert_eq!(obstacles, [expected]);
}

#[test]
fn imports_are_no_obstacle_if_they_are_ours_or_hold_only_types() {
    let text = r#"(component
        (import "belljar:plugin/log@0.1.0" (instance (export "log" (func (param "line" string)))))
        (import "demo:life/types" (instance (type $t (record (field "x" u32))) (export "cell" (type (eq $t)))))
        (component (import "wasi:io/streams@0.2.0" (instance (export "x" (func))))))"#;

    prepared(&binary(text));
}

#[test]
fn imports_that_may_keep_state_in_the_host_are_named() {
    let text = r#"(component
        (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func (result u64)))))
        (import "wasi:io/error@0.2.0" (instance (export "error" (type (sub resource)))))
        (import "belljar:plugin/odd" (instance (export "thing" (type (sub resource))) (export "f" (func))))
        (import "bare" (func)))"#;

    let resources = "has resources, whose handles a snapshot does not hold";
    let functions = "may keep state in the host that a snapshot does not hold";
    let expected = [
        ("wasi:clocks/wall-clock@0.2.0", functions),
        ("wasi:io/error@0.2.0", resources),
        ("belljar:plugin/odd", resources),
        ("bare", functions),
    ]
    .map(|(import, reason)| {
        format!("it imports `{import}`, which {reason}: build it without that, or export `belljar:plugin/durable`")
    });
    assert_eq!(obstacles(text), expected);
}

#[test]
fn what_is_not_a_component_is_refused() {
    assert_eq!(prepare(&binary("(module)")).unwrap_err(), PrepareError::NotAComponent);
    for bytes in [&b""[..], b"\0asm", b"#!/bin/sh\n", &binary("(component (core module))")[..12]] {
        let error = prepare(bytes).unwrap_err();
        assert!(matches!(error, PrepareError::Malformed { .. }), "{error}");
    }
}

#[test]
fn a_component_that_ends_too_early_is_refused() {
    let component = binary(samples::MEMORY);
    for end in 0..component.len() {
        // What is left is a component only if it ends between two sections of the outermost one.
        let whole = Validator::new().validate_all(&component[..end]).is_ok();
        assert_eq!(prepare(&component[..end]).is_ok(), whole, "at {end}");
    }
}

#[test]
fn every_limit_holds() {
    let parts = |count| format!("(component {})", "(core module)".repeat(count));
    let nested = |depth| format!("{}{}", "(component ".repeat(depth), ")".repeat(depth));
    // Each component instantiates the one before it twice.
    let doubling = |levels: usize| {
        let level = |n: usize| {
            let make = format!("(alias outer 1 $c{n} (component $i))");
            format!("(component $c{} {make} (instance (instantiate $i)) (instance (instantiate $i)))", n + 1)
        };
        let levels: String = (0..levels).map(level).collect();
        format!("(component (component $c0 (core module $m) (core instance (instantiate $m))) {levels})")
    };
    let limits = [
        (parts(PARTS_MAX - 1), None),
        (parts(PARTS_MAX), Some(("modules and components", PARTS_MAX))),
        (nested(NESTING_MAX), None),
        (nested(NESTING_MAX + 1), Some(("components within one another", NESTING_MAX))),
        (doubling(9), None),
        (doubling(10), Some(("core instances", CORE_INSTANCES_MAX))),
    ];
    for (text, limit) in limits {
        let expected = limit.map(|(what, limit)| PrepareError::TooLarge { what, limit });
        assert_eq!(prepare(&binary(&text)).err(), expected);
    }
}

#[test]
fn as_many_globals_as_are_allowed_can_be_reached() {
    let globals = |count| one_module(&"(global (mut i64) (i64.const 0))".repeat(count));
    let component = binary(&globals(GLOBAL_WORDS_MAX));

    let prepared = prepared(&component);

    assert_eq!(prepared.globals[0].words as usize, GLOBAL_WORDS_MAX);
    assert_eq!(exported_functions(&prepared.bytes).len(), 2);
    assert_eq!(
        obstacles(&globals(GLOBAL_WORDS_MAX + 1)),
        ["core module `m` has more than 16384 words of mutable globals, too many for a snapshot: keep the state in \
          its memory, or export `belljar:plugin/durable`"]
    );
}

proptest! {
    #[test]
    fn damaged_components_are_refused_or_stay_valid(
        sample in 0..SNAPSHOTABLE.len() + NOT_SNAPSHOTABLE.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
        cut in proptest::bool::weighted(0.1),
    ) {
        let sample = SNAPSHOTABLE.iter().chain(NOT_SNAPSHOTABLE).nth(sample).expect("it is within the range");
        let mut bytes = binary(sample.text);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        let was_valid = Validator::new_with_features(WasmFeatures::all()).validate_all(&bytes).is_ok();

        let prepared = prepare(&bytes);

        if was_valid && let Ok(Preparation::Snapshotable(prepared)) = &prepared {
            let result = Validator::new_with_features(WasmFeatures::all()).validate_all(&prepared.bytes);
            prop_assert!(result.is_ok(), "{:?}", result.err());
        }
        if was_valid {
            prop_assert!(prepared.is_ok(), "{prepared:?}");
        }
    }
}
