//! Kernels that are let through, kernels that are not, and what the fuel pass makes of them. Whether fuel really
//! ends loops takes a device, and is shown in the crate's `tests`.

use proptest::prelude::*;

use super::*;

const STORAGE: &str = "@group(0) @binding(0) var<storage, read_write> a: array<u32>;\n";

fn try_prepare(source: &str) -> Result<Shader, ShaderError> {
    prepare(source, "main", NonZeroU32::MIN, 1000)
}

/// A kernel with some functions before and some statements in its entry point.
fn kernel(functions: &str, body: &str) -> String {
    format!(
        "{STORAGE}{functions}\n@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {{ {body} }}"
    )
}

/// The name of the limit that a source is past, and the line.
fn limit_of(source: &str) -> (String, Option<u32>) {
    match try_prepare(source) {
        Err(ShaderError::Limit { name, position, found, max, .. }) => {
            assert!(found > max, "{found} is not past {max}");
            (name, position.map(|position| position.line))
        }
        Err(error) => panic!("not a limit: {error}"),
        Ok(_) => panic!("it was let through"),
    }
}

fn message_of(source: &str) -> (String, Option<Position>) {
    match try_prepare(source) {
        Err(ShaderError::Invalid { position, message }) => (message, position),
        Err(error) => panic!("a limit: {error}"),
        Ok(_) => panic!("it was let through"),
    }
}

fn validate(module: &naga::Module) {
    let checked = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(module);
    checked.expect("the fuel pass leaves a module valid");
}

#[test]
fn a_kernel_without_loops_is_left_as_it_is() {
    let shader = try_prepare(&kernel("", "a[g.x] = g.x;")).expect("a kernel");
    assert!(!shader.metered);
    assert_eq!(shader.module.global_variables.len(), 1);
}

#[test]
fn a_metered_kernel_is_valid_and_has_its_meter_in_a_group_of_its_own() {
    let functions = "fn f(n: u32) -> u32 { var s = 0u; for (var i = 0u; i < n; i++) { s += i; } return s; }";
    let body = "var i = 0u; loop { if i > 9u { break; } a[i] = f(i); continuing { i += 1u; } } if g.x > 3u { return; } a[0] = 1u;";
    let shader = try_prepare(&kernel(functions, body)).expect("a kernel");
    assert!(shader.metered);
    validate(&shader.module);
    let groups = shader.module.global_variables.iter().filter_map(|(_, variable)| variable.binding.as_ref());
    assert_eq!(groups.map(|binding| binding.group).collect::<Vec<_>>(), [0, METER_GROUP]);
}

#[test]
fn loops_with_barriers_in_them_stay_valid() {
    let body = "for (var i = 0u; i < 4u; i++) { w[g.x % 64u] = a[i]; workgroupBarrier(); a[g.x] = w[63u - g.x % 64u]; workgroupBarrier(); }";
    let shader = try_prepare(&kernel("var<workgroup> w: array<u32, 64>;", body)).expect("a kernel");
    validate(&shader.module);
}

#[test]
fn every_form_of_loop_in_every_place_is_rationed() {
    let body = "
        switch g.x { case 1u: { while a[0] > 0u { a[0] -= 1u; } } default: { loop { break; } } }
        if g.x > 1u { for (;;) { if a[1] > 0u { break; } } } else { { loop { continuing { break if a[2] > 0u; } } } }
        loop { continuing { loop { if a[3] > 0u { break; } } break if a[4] > 0u; } }";
    let shader = try_prepare(&kernel("", body)).expect("a kernel");
    validate(&shader.module);
    // The kernel's own body is the last function; the entry point only has the loop that shows that loops work.
    let (_, function) = shader.module.functions.iter().last().expect("the entry point's body is a function now");
    let (mut loops, mut rationed) = (0, 0);
    count_loops(&function.body, &mut loops, &mut rationed);
    assert_eq!((loops, rationed), (6, 6));
}

fn count_loops(block: &naga::Block, loops: &mut u32, rationed: &mut u32) {
    for statement in block.iter() {
        match statement {
            naga::Statement::Block(inner) => count_loops(inner, loops, rationed),
            naga::Statement::If { accept, reject, .. } => {
                count_loops(accept, loops, rationed);
                count_loops(reject, loops, rationed);
            }
            naga::Statement::Switch { cases, .. } => {
                cases.iter().for_each(|case| count_loops(&case.body, loops, rationed));
            }
            naga::Statement::Loop { body, continuing, .. } => {
                *loops += 1;
                let mut first = body.iter().filter(|statement| !matches!(statement, naga::Statement::Emit(_)));
                let breaks = |block: &naga::Block| matches!(block.first(), Some(naga::Statement::Break));
                let is_ration = matches!(first.next(), Some(naga::Statement::If { accept, .. }) if breaks(accept));
                *rationed += u32::from(is_ration && matches!(first.next(), Some(naga::Statement::Store { .. })));
                count_loops(body, loops, rationed);
                count_loops(continuing, loops, rationed);
            }
            _ => {}
        }
    }
}

#[test]
fn a_mistake_is_reported_with_its_line_and_column() {
    let (message, position) = message_of("\n\nfn f() {\n    let x: u32 = 1.5;\n}");
    assert_eq!(position.map(|at| at.line), Some(4), "{message}");
    let (message, position) = message_of("fn f( {}");
    assert_eq!(position, Some(Position { line: 1, column: 7 }), "{message}");
}

#[test]
fn what_only_validation_finds_has_its_place_too() {
    let source = "@group(0) @binding(0) var<storage, read> a: array<u32>;\n@compute @workgroup_size(1) fn main() {\n  a[0] = 1u;\n}";
    let (message, position) = message_of(source);
    assert_eq!(position.map(|at| at.line), Some(3), "{message}");
}

#[test]
fn a_missing_entry_point_is_named_with_those_that_are_there() {
    let source = "@compute @workgroup_size(1) fn step() {}";
    assert!(message_of(source).0.contains("`main`; there is: step"));
}

#[test]
fn textures_and_overrides_are_refused_by_name() {
    let texture = "@group(0) @binding(0) var t: texture_2d<f32>;\n@compute @workgroup_size(1) fn main() {}";
    assert!(message_of(texture).0.contains("only use buffers"));
    let with_override = "override size: u32 = 4;\n@compute @workgroup_size(1) fn main() { let x = size; }";
    assert!(message_of(with_override).0.contains("override size"));
}

#[test]
fn a_source_past_its_limit_is_not_parsed() {
    let source = " ".repeat(SOURCE_BYTES_MAX as usize + 1);
    assert_eq!(limit_of(&source), ("SOURCE_BYTES_MAX".into(), None));
}

#[test]
fn three_thousand_ifs_are_too_many() {
    let ifs = |count: usize, text: &str| kernel("", &text.repeat(count));
    assert_eq!(limit_of(&ifs(3000, "if a[g.x] > 1000u { a[0] += 1u; }\n")).0, "SOURCE_BYTES_MAX");
    assert_eq!(limit_of(&ifs(3000, "if a[0]>0u{a[0]=1u;}\n")).0, "OPERATIONS_MAX");
    assert_eq!(limit_of(&ifs(257, "if a[0]>0u{a[0]=1u;}\n")), ("BRANCHES_MAX".into(), Some(259)));
}

#[test]
fn calls_count_as_often_as_they_are_made() {
    let mut functions = "fn f0() { if a[0] > 1u { a[0] = 2u; } }\n".to_owned();
    for i in 1..24 {
        functions += &format!("fn f{i}() {{ f{0}(); f{0}(); }}\n", i - 1);
    }
    assert_eq!(limit_of(&kernel(&functions, "f23();")).0, "BRANCHES_MAX");
}

#[test]
fn a_long_chain_of_calls_is_too_deep() {
    let mut functions = "fn f0() { a[0] = 2u; }\n".to_owned();
    for i in 1..40 {
        functions += &format!("fn f{i}() {{ f{}(); }}\n", i - 1);
    }
    assert_eq!(limit_of(&kernel(&functions, "f39();")).0, "CALL_DEPTH_MAX");
}

#[test]
fn huge_arrays_are_refused_wherever_they_are() {
    let private = kernel("var<private> p: array<u32, 4000000>;", "a[0] = p[g.x];");
    assert_eq!(limit_of(&private), ("PRIVATE_BYTES_MAX".into(), Some(2)));
    let local = kernel("", "var p: array<u32, 4000000>; a[0] = p[g.x];");
    assert_eq!(limit_of(&local).0, "PRIVATE_BYTES_MAX");
    let workgroup = kernel("var<workgroup> w: array<u32, 4000000>;", "a[0] = w[g.x];");
    assert_eq!(limit_of(&workgroup), ("WORKGROUP_BYTES_MAX".into(), Some(2)));
    let value = kernel(
        "@group(0) @binding(1) var<storage, read_write> b: array<u32, 4000000>;\n@group(0) @binding(2) var<storage, read_write> c: array<u32, 4000000>;",
        "b = c;",
    );
    assert_eq!(limit_of(&value).0, "VALUE_BYTES_MAX");
}

#[test]
fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
    let nested = |depth: usize| kernel("", &format!("{}{}", "if a[0] > 1u {".repeat(depth), "}".repeat(depth)));
    assert_eq!(limit_of(&nested(40)).0, "NESTING_MAX");
    for open in ["(", "{", "-", "a[", "if true {", "!"] {
        let source = kernel("", &open.repeat(8000));
        assert!(try_prepare(&source).is_err(), "{open}");
    }
}

#[test]
fn a_chain_of_else_ifs_is_not_nesting() {
    let chain: String = (0..100).map(|i| format!("if g.x == {i}u {{ a[0] = {i}u; }} else ")).collect();
    assert!(try_prepare(&kernel("", &(chain + "{ a[1] = 0u; }"))).is_ok());
}

#[test]
fn the_last_bind_group_is_the_meters() {
    let source = "@group(3) @binding(0) var<storage, read_write> a: array<u32>;\n@compute @workgroup_size(1) fn main() { a[0] = 1u; }";
    assert_eq!(limit_of(source), ("BIND_GROUPS_MAX".into(), Some(1)));
}

#[test]
fn a_workgroup_has_its_limit() {
    let source = "@compute @workgroup_size(1024, 1024) fn main() {}";
    assert_eq!(limit_of(source).0, "WORKGROUP_INVOCATIONS_MAX");
}

proptest! {
    #[test]
    fn arbitrary_text_is_refused(source in "[a-z0-9@(){};:<>=&*,. \n\u{e9}]{0,200}") {
        prop_assert!(try_prepare(&source).is_err());
    }

    #[test]
    fn a_kernel_with_a_hole_in_it_is_a_kernel_or_an_error(from in 0_usize..200, length in 1_usize..30) {
        let source = kernel("fn f(n: u32) -> u32 { return n; }", "for (var i = 0u; i < 9u; i++) { a[g.x] = f(i); }");
        let start = from.min(source.len());
        let end = (start + length).min(source.len());
        let holed = format!("{}{}", &source[..start], &source[end..]);
        if let Ok(shader) = try_prepare(&holed) {
            validate(&shader.module);
        }
    }
}
