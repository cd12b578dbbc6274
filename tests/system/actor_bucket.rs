//! Actors go from machine to machine through a bucket, with the real binary: each data directory stands for a machine,
//! and a folder for the bucket.

use belljar_tests::plugin_path;
use serde_json::json;

use crate::actor_cli::Desk;

/// A bucket that machines share, gone with the folder.
fn bucket() -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}", folder.path().display());
    (url, folder)
}

#[test]
fn an_actor_goes_on_elsewhere_and_its_old_machine_cannot_overwrite_it() {
    let (url, _folder) = bucket();
    let (here, there) = (Desk::with_counter("visits"), Desk::new());
    here.good(&["actor", "call", "visits", "add(5)"]);
    let said = here.good(&["checkpoint", "push", "visits", "--to", &url]);
    assert!(said.starts_with("visits as of message 2 is checkpoint 1 in file://"), "{said}");

    let said = there.good(&["checkpoint", "pull", "visits", "--from", &url]);
    assert!(said.contains("as incarnation 2") && said.contains("owns it"), "{said}");
    assert_eq!(there.good(&["actor", "call", "visits", "add(2)"]), "7");
    there.good(&["checkpoint", "push", "visits", "--to", &url]);

    here.good(&["actor", "call", "visits", "add(100)"]);
    let (code, told) = here.bad(&["checkpoint", "push", "visits", "--to", &url]);
    assert_eq!(code, 2);
    assert!(told.contains("belongs to another owner since lease 2"), "{told}");
    let third = Desk::new();
    third.good(&["checkpoint", "pull", "visits", "--from", &url]);
    assert_eq!(third.good(&["actor", "call", "visits", "get()"]), "7");
    assert_eq!(
        there.bad(&["checkpoint", "push", "visits", "--to", &url]).0,
        2,
        "the second owner is an old one now too"
    );
}

#[test]
fn a_restored_actor_is_still_its_own_and_another_of_its_name_is_not() {
    let (url, _folder) = bucket();
    let desk = Desk::with_counter("visits");
    desk.good(&["checkpoint", "push", "visits", "--to", &url]);
    desk.good(&["actor", "call", "visits", "add(5)"]);
    desk.good(&["checkpoint", "restore", "visits", "1"]);
    desk.good(&["checkpoint", "push", "visits", "--to", &url]);
    desk.good(&["actor", "rm", "visits"]);
    let other = Desk::with_counter("visits");
    assert!(
        other.bad(&["checkpoint", "push", "visits", "--to", &url]).1.contains("belongs to another owner since lease 1")
    );
}

#[test]
fn what_has_not_changed_is_not_pushed_again_and_all_are_pushed_together() {
    let (url, _folder) = bucket();
    let (here, there) = (Desk::with_counter("a"), Desk::with_counter("b"));
    for name in ["b", "c"] {
        here.good(&["actor", "fork", "a", name]);
    }
    there.good(&["checkpoint", "push", "b", "--to", &url]);
    let output = here.run(&["checkpoint", "push", "--all", "--to", &url, "--json"]);
    assert_eq!(output.status.code(), Some(1), "one of them is another's");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let pushed: Vec<_> = report["pushed"].as_array().expect("a list").iter().map(|pushed| &pushed["name"]).collect();
    assert_eq!(pushed, ["a", "c"]);
    assert_eq!(report["failed"][0]["name"], "b");
    let again = here.json(&["checkpoint", "push", "c", "--to", &url]);
    assert_eq!(
        (&again["pushed"][0]["uploaded_bytes"], &again["pushed"][0]["checkpoint"]["number"]),
        (&json!(0), &json!(1))
    );
    here.good(&["actor", "call", "c", "add(1)"]);
    assert_eq!(here.json(&["checkpoint", "push", "c", "--to", &url])["pushed"][0]["checkpoint"]["number"], 2);
}

#[test]
fn a_copy_leaves_the_actor_to_its_owner() {
    let (url, _folder) = bucket();
    let desk = Desk::with_counter("visits");
    desk.good(&["actor", "call", "visits", "add(5)"]);
    desk.good(&["checkpoint", "push", "visits", "--to", &url]);
    let (code, told) = desk.bad(&["checkpoint", "pull", "visits", "--from", &url]);
    assert_eq!((code, told.contains("--as NEW")), (2, true), "{told}");
    desk.good(&["checkpoint", "pull", "visits", "--from", &url, "--as", "copy"]);
    assert_eq!(desk.good(&["actor", "call", "copy", "get()"]), "5");
    desk.good(&["actor", "call", "visits", "add(1)"]);
    desk.good(&["checkpoint", "push", "visits", "--to", &url]);
    desk.good(&["checkpoint", "push", "copy", "--to", &url]);
    let older = Desk::new();
    older.good(&["checkpoint", "pull", "visits", "--from", &url, "--number", "1"]);
    assert_eq!(older.good(&["actor", "call", "visits", "get()"]), "5");
}

#[test]
fn a_pull_gives_no_grants_unseen_and_takes_nothing_over_then() {
    let (url, _folder) = bucket();
    let (here, there) = (Desk::new(), Desk::new());
    let teller = here.file("teller.wasm");
    std::fs::copy(plugin_path("teller"), &teller).expect("the plugin");
    std::fs::write(here.file("teller.toml"), "[grants]\nactors = [\"*\"]\n").expect("the manifest");
    here.good(&["actor", "spawn", "t", "--plugin", &teller]);
    here.good(&["checkpoint", "push", "t", "--to", &url]);
    let (code, told) = there.bad(&["checkpoint", "pull", "t", "--from", &url]);
    assert_eq!((code, told.contains("--with-grants")), (2, true), "{told}");
    assert_eq!(there.json(&["actor", "ls"])["actors"], json!([]));
    here.good(&["actor", "hibernate", "t"]);
    here.good(&["checkpoint", "push", "t", "--to", &url]);
    there.good(&["checkpoint", "pull", "t", "--from", &url, "--with-grants"]);
}

#[test]
fn a_bucket_is_listed_and_cleared() {
    let (url, _folder) = bucket();
    let desk = Desk::with_counter("visits");
    assert!(desk.good(&["checkpoint", "ls", "--from", &url]).starts_with("no actors in file://"));
    desk.good(&["checkpoint", "push", "visits", "--to", &url]);
    desk.good(&["actor", "call", "visits", "add(5)"]);
    desk.good(&["checkpoint", "push", "visits", "--to", &url]);
    let listed = desk.json(&["checkpoint", "ls", "--from", &url]);
    let newest = &listed["actors"][0]["checkpoints"][0];
    assert_eq!(
        (&listed["actors"][0]["name"], &newest["number"], &newest["lease"]),
        (&json!("visits"), &json!(2), &json!(1))
    );
    let lines = |arguments: &[&str]| desk.good(arguments).lines().count();
    let of_all = lines(&["checkpoint", "ls", "--from", &url]);
    assert_eq!(lines(&["checkpoint", "ls", "visits", "--from", &url]), of_all + 1, "of one, all checkpoints");
    assert_eq!(desk.json(&["checkpoint", "gc", "--from", &url])["checkpoints"], 0, "all of it is young or needed");
    assert!(desk.good(&["checkpoint", "rm", "visits", "--from", &url]).starts_with("removed visits from file://"));
    let (code, told) = desk.bad(&["checkpoint", "rm", "visits", "--from", &url]);
    assert_eq!((code, told.contains("has no actor `visits`")), (2, true), "{told}");
}

#[test]
fn what_is_wrong_with_a_bucket_has_the_code_2_and_leaves_nothing_behind() {
    let (url, _folder) = bucket();
    let desk = Desk::new();
    for (from, hint) in [
        ("visits", "s3://bucket/prefix"),
        ("file:///not/there", "create it first"),
        ("s3://key:secret@bucket", "AWS_ACCESS_KEY_ID"),
        (url.as_str(), "has no actor `visits`"),
    ] {
        let (code, told) = desk.bad(&["checkpoint", "pull", "visits", "--from", from]);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains(hint) && !told.contains("secret"), "{told}");
    }
    assert!(!desk.data_dir().exists());
}

#[test]
fn a_bucket_that_cannot_be_used_stops_the_push_of_all_before_anything_is_done() {
    let (url, folder) = bucket();
    let desk = Desk::with_counter("a");
    desk.good(&["actor", "fork", "a", "b"]);
    let (code, told) = desk.bad(&["checkpoint", "gc", "--from", &url]);
    assert_eq!((code, told.contains("belljar checkpoint ls --from URL")), (2, true), "{told}");
    assert!(folder.path().read_dir().expect("a folder").next().is_none(), "nothing is made where nothing was");

    std::fs::write(folder.path().join("belljar-bucket"), "damaged").expect("a damaged mark");
    let checkpoints = || desk.json(&["checkpoint", "ls", "a"]).as_array().map(Vec::len);
    let before = checkpoints();
    let output = desk.run(&["checkpoint", "push", "--all", "--to", &url, "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!((&report["pushed"], &report["failed"]), (&json!([]), &json!([])));
    assert_eq!(report["error"]["kind"], "cannot_go_on");
    assert_eq!(checkpoints(), before, "no checkpoint is taken for nothing");

    std::fs::remove_file(folder.path().join("belljar-bucket")).expect("no mark");
    desk.good(&["checkpoint", "push", "--all", "--to", &url]);
    desk.good(&["checkpoint", "gc", "--from", &url, "--take-over"]);
}

#[test]
fn a_push_of_all_tells_of_one_that_failed_as_of_every_failure() {
    let (url, _folder) = bucket();
    let (here, there) = (Desk::with_counter("a"), Desk::with_counter("a"));
    there.good(&["checkpoint", "push", "a", "--to", &url]);
    let output = here.run(&["checkpoint", "push", "--all", "--to", &url, "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let failed = &report["failed"][0];
    assert_eq!((&failed["name"], &failed["kind"]), (&json!("a"), &json!("bad_input")));
    assert!(failed["message"].as_str().expect("a message").contains("belljar actor rm a"), "{failed}");
}

#[test]
fn a_pull_that_cannot_begin_leaves_the_actor_to_its_owner() {
    let (url, _folder) = bucket();
    let (here, there) = (Desk::with_counter("visits"), Desk::with_counter("visits"));
    here.good(&["checkpoint", "push", "visits", "--to", &url]);
    assert_eq!(there.bad(&["checkpoint", "pull", "visits", "--from", &url]).0, 2, "the name is taken there");
    assert_eq!(there.json(&["checkpoint", "ls", "--from", &url])["actors"][0]["lease"], 1);
    here.good(&["actor", "call", "visits", "add(1)"]);
    here.good(&["checkpoint", "push", "visits", "--to", &url]);
}
