use super::*;
use crate::ImportStatus;
use crate::testing::{component, wat};

/// A component that imports one function, by itself or in an interface.
fn importer(import: &str) -> Component {
    component(&format!("(component (import {import}))"))
}

fn interface(name: &str) -> Component {
    importer(&format!(r#""{name}" (instance (export "f" (func)))"#))
}

fn refusal(component: &Component) -> Error {
    component.link(Grants::default(), Limits::default()).err().expect("it cannot be linked")
}

#[test]
fn an_import_that_nobody_provides_is_named() {
    for (name, remedy) in [
        ("demo:life/rules@0.1.0", "compose it with a component that exports it"),
        ("wasi:http/types@0.2.0", "use `belljar:plugin/http`"),
        ("wasi:io/streams@0.3.0", "build the plugin for WASI 0.2"),
        ("belljar:plugin/log@9.0.0", "this Belljar offers belljar:plugin/log@0.1.0"),
        ("belljar:plugin/http@0.2.0", "this Belljar offers belljar:plugin/http@0.1.0"),
        (
            "belljar:plugin/gpu@0.1.0",
            "the interfaces are log, progress, metrics, clock, random, objects, timers, http, actors",
        ),
    ] {
        let error = refusal(&interface(name));
        assert!(matches!(&error, Error::MissingImport { import, .. } if import == name), "{error}");
        assert!(error.to_string().contains(remedy), "{error}");
    }
    let function = refusal(&importer(r#""host-secret" (func)"#));
    assert!(matches!(&function, Error::MissingImport { import, .. } if import == "host-secret"), "{function}");
}

#[test]
fn a_capability_without_its_grant_is_refused_and_with_it_linked() {
    let component = component(&wat::http());
    let error = refusal(&component).to_string();
    let import = "guest imports `belljar:plugin/http@0.1.0`, which was not granted";
    assert_eq!(error, format!("{import}: add `http = [\"https://…\"]` to its grants"));
    component.link(Grants::default().http("http://127.0.0.1:1"), Limits::default()).expect("it is granted");
}

#[test]
fn an_interface_of_types_alone_needs_nobody() {
    let component = importer(
        r#""demo:life/types@0.1.0" (instance
            (type $stats' (record (field "alive" u32)))
            (export "stats" (type $stats (eq $stats'))))"#,
    );
    assert_eq!(component.inspect().imports[0].status, ImportStatus::Provided);
    component.link(Grants::default(), Limits::default()).expect("types are no functions");
}

#[test]
fn an_interface_of_another_shape_is_refused() {
    let error = refusal(&interface("belljar:plugin/log@0.1.0")).to_string();
    assert!(error.contains("an interface of another shape") && error.contains("rebuild the plugin"), "{error}");
}

#[test]
fn wasi_is_there_for_everyone() {
    let component = importer(
        r#""wasi:random/insecure-seed@0.2.3" (instance (export "insecure-seed"
        (func (result (tuple u64 u64)))))"#,
    );
    assert_eq!(component.inspect().imports[0].status, ImportStatus::Powerless);
    component.link(Grants::default(), Limits::default()).expect("it is linked");
}

#[test]
fn a_grant_that_cannot_be_used_is_named() {
    let component = component(&wat::add_and_step());
    let refusal = |grants: Grants| component.link(grants, Limits::default()).err().expect("it is unusable").to_string();
    let missing = refusal(Grants::default().read("/no/such/folder", "/data"));
    assert!(missing.starts_with("the grant `/no/such/folder` of guest cannot be used"), "{missing}");
    let relative = refusal(Grants::default().read("/", "data"));
    assert!(relative.ends_with("the guest's path must start with `/`"), "{relative}");
}

#[test]
fn another_deadline_changes_nothing_else() {
    let linked = component(&wat::add_and_step()).link(Grants::default().env("HOME"), Limits::default());
    let linked = linked.expect("it is linked");
    let hurried = linked.with_deadline(Duration::from_millis(5));
    assert_eq!(hurried.limits(), &Limits { deadline_ms: 5, ..Limits::default() });
    assert_eq!(hurried.grants(), linked.grants());
    assert_eq!(linked.with_deadline(Duration::ZERO).limits().deadline_ms, 1);
}
