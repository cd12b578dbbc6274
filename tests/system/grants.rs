//! A plugin reaches what it was granted, and what it tries beyond that is an error that names the grant to add.

use belljar::{Error, FaultKind, Grants, Limits};
use belljar_tests::{plugin, plugin_path, runtime};
use serde_json::json;

#[tokio::test]
async fn a_plugin_without_grants_reads_nothing_and_its_death_names_the_grant() {
    let (runtime, _folder) = runtime();
    let files = plugin(&runtime, "hostile-files").await;
    let answer = files.call_json("read", &json!(["/etc/passwd"])).await.expect("an answer");
    assert!(answer.get("error").is_some(), "{answer}");
    let error = files.call_json("read-or-die", &json!(["/etc/passwd"])).await.expect_err("it dies");
    match &error.fault().expect("a fault").kind {
        FaultKind::NotGranted { remedy, .. } => assert!(remedy.contains("directories"), "{remedy}"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_granted_directory_can_be_read_and_nothing_above_or_beside_it() {
    let (runtime, folder) = runtime();
    let granted = folder.path().join("granted");
    std::fs::create_dir(&granted).expect("a folder");
    std::fs::write(granted.join("note.txt"), "hello").expect("a file");
    std::fs::write(folder.path().join("secret.txt"), "secret").expect("a file");
    std::os::unix::fs::symlink(folder.path().join("secret.txt"), granted.join("absolute-link")).expect("a link");
    std::os::unix::fs::symlink("../secret.txt", granted.join("relative-link")).expect("a link");
    let grants = Grants::default().read(&granted, "/data");
    let files = runtime.load_with(plugin_path("hostile-files"), grants, Limits::default()).await.expect("it loads");

    let read = async |path: &str| files.call_json("read", &json!([path])).await.expect("an answer");
    assert_eq!(read("/data/note.txt").await, json!({ "ok": "hello" }));
    for path in ["/data/absolute-link", "/data/relative-link", "/data/../secret.txt", "/secret.txt", "/etc/passwd"] {
        assert!(read(path).await.get("error").is_some(), "{path} was read");
    }
    let wrote = files.call_json("write", &json!(["/data/new.txt", "x"])).await.expect("an answer");
    assert!(wrote.get("error").is_some(), "a directory that was granted for reading was written to");
    assert!(!granted.join("new.txt").exists());
}

#[tokio::test]
async fn a_directory_granted_for_writing_can_be_written_to() {
    let (runtime, folder) = runtime();
    let grants = Grants::default().write(folder.path(), "/out");
    let files = runtime.load_with(plugin_path("hostile-files"), grants, Limits::default()).await.expect("it loads");
    let wrote = files.call_json("write", &json!(["/out/new.txt", "x"])).await.expect("an answer");
    assert_eq!(wrote, json!({ "ok": null }));
    assert_eq!(std::fs::read_to_string(folder.path().join("new.txt")).expect("it is there"), "x");
}

#[tokio::test]
async fn only_granted_variables_of_the_environment_are_seen() {
    let (runtime, _folder) = runtime();
    let grants = Grants::default().env("CARGO_MANIFEST_DIR");
    let files = runtime.load_with(plugin_path("hostile-files"), grants, Limits::default()).await.expect("it loads");
    let env = async |name: &str| files.call_json("env", &json!([name])).await.expect("an answer");
    assert_eq!(env("CARGO_MANIFEST_DIR").await, json!(std::env::var("CARGO_MANIFEST_DIR").ok()));
    assert_eq!(env("PATH").await, json!(null));
}

#[tokio::test]
async fn an_import_that_was_not_granted_is_refused_at_load() {
    let (runtime, _folder) = runtime();
    let error = runtime.load(plugin_path("hostile-network")).await.expect_err("it is refused");
    match &error {
        Error::Engine(error) => {
            assert!(matches!(**error, belljar::engine::Error::ImportNotGranted { .. }), "{error}");
            assert!(error.to_string().contains("belljar:plugin/http"), "{error}");
            assert!(error.to_string().contains("http = ["), "{error}");
        }
        other => panic!("{other}"),
    }
}
