//! Actors from the command line, with the real binary: every command is a process of its own, and all of them continue
//! one state.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use belljar::{Durability, Runtime, SpawnOptions};
use belljar_tests::{belljar, plugin, plugin_path};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// A folder with a data directory that commands use.
pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk { folder: tempfile::tempdir().expect("a folder") }
    }

    /// With a counter of this name.
    pub(crate) fn with_counter(name: &str) -> Desk {
        let desk = Desk::new();
        desk.good(&["actor", "spawn", name, "--plugin", &path_of("counter")]);
        desk
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command: Command = belljar();
        command.args(arguments).arg("--data-dir").arg(self.data_dir());
        command.output().expect("it runs")
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?} ended with {:?}: {out}{err}", output.status.code());
        out.trim_end().to_owned()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Json {
        let printed = self.good(&[arguments, &["--json"]].concat());
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{arguments:?}: {error} in {printed}"))
    }

    /// Runs a command that must fail, and returns its exit code and what it told.
    pub(crate) fn bad(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded: {}", text(&output.stdout));
        (output.status.code().expect("an exit code"), text(&output.stderr))
    }

    fn generations(&self, name: &str) -> Vec<u64> {
        let listed = self.json(&["checkpoint", "ls", name]);
        let listed = listed.as_array().expect("a list");
        listed.iter().map(|checkpoint| checkpoint["generation"].as_u64().expect("a number")).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path_of(name: &str) -> String {
    plugin_path(name).display().to_string()
}

#[test]
fn calls_in_three_processes_continue_one_state() {
    let desk = Desk::new();
    let said =
        desk.good(&["actor", "spawn", "visits", "--plugin", &path_of("counter"), "--config", r#"{"start": 100}"#]);
    assert_eq!(said, "visits is an actor of counter (journal)");
    assert_eq!(desk.good(&["actor", "call", "visits", "add(5)"]), "105");
    assert_eq!(desk.good(&["actor", "call", "visits", "add(-7)"]), "98");
    assert_eq!(desk.json(&["actor", "call", "visits", "add", "--args", "[2]"]), json!(100));
}

#[test]
fn a_call_with_an_id_is_carried_out_once() {
    let desk = Desk::with_counter("visits");
    for _ in 0..3 {
        assert_eq!(desk.good(&["actor", "call", "visits", "add(5)", "--call-id", "order-4711"]), "5");
    }
    assert_eq!(desk.good(&["actor", "call", "visits", "get()"]), "5");
}

#[test]
fn what_is_wrong_with_a_command_has_the_code_2_and_names_the_way_out() {
    let desk = Desk::with_counter("visits");
    for (arguments, hint) in [
        (&["actor", "call", "visit", "add(5)"][..], "belljar actor ls"),
        (&["actor", "call", "visits", "ad(5)"], "add, get"),
        (&["actor", "call", "visits", "add(\"five\")"], "quotation marks"),
        (&["actor", "call", "visits", "add(5"], "quotation marks"),
        (&["actor", "spawn", "visits", "--plugin", &path_of("counter")], "another name"),
        (&["actor", "spawn", "not a name", "--plugin", &path_of("counter")], "letters, digits"),
        (&["actor", "spawn", "b", "--plugin", "missing.wasm"], "there is no plugin missing.wasm"),
        (&["actor", "spawn", "b", "--plugin", &path_of("counter"), "--durability", "volatile"], "this command"),
        (&["actor", "fork", "visits", "copy", "--generation", "77"], "belljar checkpoint ls visits"),
        (&["checkpoint", "restore", "visits", "77"], "belljar checkpoint ls visits"),
        (&["checkpoint", "show", "nobody"], "belljar actor ls"),
        (&["checkpoint", "import", "nothing.bundle"], "there is no file nothing.bundle"),
    ] {
        let (code, told) = desk.bad(arguments);
        assert_eq!(code, 2, "{arguments:?}: {told}");
        assert!(told.contains(hint), "{arguments:?}: {told}");
    }
    let nowhere = Desk::new();
    for arguments in [&["actor", "ls"][..], &["actor", "call", "visits", "get()"], &["checkpoint", "gc"]] {
        let (code, told) = nowhere.bad(arguments);
        assert_eq!(code, 2, "{arguments:?}: {told}");
        assert!(told.contains("belljar actor spawn") && !nowhere.data_dir().exists(), "{arguments:?}: {told}");
    }
}

#[test]
fn a_script_gets_one_document_also_of_a_failure() {
    let desk = Desk::with_counter("visits");
    let output = desk.run(&["actor", "call", "visits", "ad(5)", "--json"]);
    let error: Json = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(error["error"]["kind"], "bad_input");
    let output = belljar().args(["call", &path_of("greeter"), "ad(5)", "--json"]).output().expect("it runs");
    let error: Json = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(error["error"]["kind"], "bad_input");
}

#[test]
fn errors_and_faults_of_a_method_end_with_1_and_a_fault_leaves_a_dead_letter() {
    let desk = Desk::new();
    desk.good(&["actor", "spawn", "h", "--plugin", &path_of("hostile-actor")]);
    assert_eq!(desk.good(&["actor", "call", "h", "add(7)"]), "7");

    let (code, told) = desk.bad(&["actor", "call", "h", "refuse-after(3)"]);
    assert_eq!((code, told.starts_with("err(")), (1, true), "{told}");
    let (code, told) = desk.bad(&["actor", "call", "h", "panic-after(1000)"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("h is what it was before the call"), "{told}");
    let output = desk.run(&["actor", "call", "h", "panic-after(1000)", "--json"]);
    let error: Json = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert!(error["error"]["kind"].is_string() && error["error"]["method"] == "panic-after", "{error}");

    assert_eq!(desk.good(&["actor", "call", "h", "get()"]), "10", "an error is an answer, and keeps the state");
    let letters = desk.json(&["actor", "dead-letters", "h"]);
    assert_eq!(letters.as_array().map(Vec::len), Some(2), "{letters}");
    let table = desk.good(&["actor", "dead-letters", "h"]);
    assert!(table.contains("panic-after") && !table.contains("backtrace"), "{table}");
}

#[test]
fn a_stopped_actor_takes_no_calls_until_it_is_started() {
    let desk = Desk::with_counter("visits");
    desk.good(&["actor", "call", "visits", "add(5)"]);
    for end in ["stop", "kill"] {
        assert_eq!(desk.json(&["actor", end, "visits"])["status"], "stopped");
        assert_eq!(desk.json(&["actor", end, "visits"])["status"], "stopped", "a second time is no error");
        let (code, told) = desk.bad(&["actor", "call", "visits", "add(5)"]);
        assert_eq!(code, 2);
        assert!(told.contains("belljar actor start visits"), "{told}");
        assert_eq!(desk.good(&["actor", "start", "visits"]), "visits takes calls");
        assert_eq!(desk.good(&["actor", "call", "visits", "get()"]), "5");
    }
}

#[test]
fn a_removed_actor_is_gone_and_its_name_is_free() {
    let desk = Desk::with_counter("visits");
    desk.good(&["actor", "call", "visits", "add(5)"]);
    assert_eq!(desk.good(&["actor", "rm", "visits"]), "removed visits");
    assert_eq!(desk.bad(&["actor", "call", "visits", "get()"]).0, 2);
    assert_eq!(desk.bad(&["actor", "rm", "visits"]).0, 2);
    desk.good(&["actor", "spawn", "visits", "--plugin", &path_of("counter")]);
    assert_eq!(desk.good(&["actor", "call", "visits", "get()"]), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn actors_are_listed_and_looked_at_beside_the_process_that_has_them() {
    let desk = Desk::new();
    let runtime = Runtime::builder().data_dir(desk.data_dir()).build().expect("a runtime");
    let counter = plugin(&runtime, "counter").await;
    for name in ["a-1", "a-2", "b"] {
        let options = SpawnOptions::default().durability(Durability::Journal);
        runtime.actors().spawn(name, &counter, options).await.expect("it begins");
    }
    let names = |listed: Json| -> Vec<String> {
        let actors = listed["actors"].as_array().expect("a list").clone();
        actors.iter().map(|actor| actor["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(desk.json(&["actor", "ls"])), ["a-1", "a-2", "b"]);
    assert_eq!(names(desk.json(&["actor", "ls", "a-"])), ["a-1", "a-2"]);
    let first = desk.json(&["actor", "ls", "--limit", "1"]);
    assert_eq!((first["is_all"].as_bool(), names(first)), (Some(false), vec!["a-1".to_owned()]));
    let table = desk.good(&["actor", "ls"]);
    assert!(table.contains("counter") && table.contains("optimal") && table.contains("running"), "{table}");
    assert_eq!(desk.generations("b"), [1]);
    assert_eq!(desk.json(&["checkpoint", "verify"])["is_whole"], true);
    desk.good(&["checkpoint", "export", "b", &desk.file("b.bundle"), "--generation", "1"]);

    let (code, told) = desk.bad(&["actor", "call", "b", "get()"]);
    assert_eq!(code, 3, "{told}");
    let (_, told) = desk.bad(&["checkpoint", "export", "b", &desk.file("b.bundle")]);
    assert!(told.contains("--generation"), "{told}");
}

#[test]
fn a_fork_and_a_restore_go_on_from_a_checkpoint_as_new_incarnations() {
    let desk = Desk::with_counter("visits");
    desk.good(&["actor", "call", "visits", "add(5)"]);
    let after_five = desk.generations("visits")[0];
    desk.good(&["actor", "call", "visits", "add(10)"]);

    assert_eq!(desk.json(&["actor", "fork", "visits", "copy"])["incarnation"], 2);
    desk.good(&["actor", "fork", "visits", "early", "--generation", &after_five.to_string()]);
    assert_eq!(desk.good(&["actor", "call", "copy", "add(1)"]), "16");
    assert_eq!(desk.good(&["actor", "call", "early", "add(1)"]), "6");

    // The last of them was taken for the fork, of 15; the two before it are of 15 and of 5.
    let restored = desk.json(&["checkpoint", "restore", "visits", &after_five.to_string()]);
    assert_eq!(restored["incarnation"], 2);
    assert_eq!(desk.good(&["actor", "call", "visits", "get()"]), "5");
}

#[test]
fn a_difference_names_the_pages_and_counts_the_bytes() {
    let desk = Desk::with_counter("visits");
    desk.good(&["actor", "call", "visits", "add(1)"]);
    desk.good(&["actor", "call", "visits", "add(1)"]);
    let generations = desk.generations("visits");
    let (after, before) = (generations[0].to_string(), generations[1].to_string());
    let diff = desk.json(&["checkpoint", "diff", "visits", &before, &after]);
    let memory = &diff["memories"][0];
    let (pages, bytes) = (memory["changed_pages"].as_u64().unwrap(), memory["changed_bytes"].as_u64().unwrap());
    // The sum is one byte; what else there may be is the stack.
    assert!((1..=3).contains(&pages) && (1..=200).contains(&bytes), "{diff}");
    // The page of the sum is the plugin's own before, with data in it, and only the sum is another.
    let first = desk.json(&["checkpoint", "diff", "visits", "1", &before]);
    assert!((1..=200).contains(&first["memories"][0]["changed_bytes"].as_u64().unwrap()), "{first}");
    let same = desk.json(&["checkpoint", "diff", "visits", &after, &after]);
    assert_eq!(same["memories"][0]["changed_bytes"], 0);
    let drawn = desk.good(&["checkpoint", "diff", "visits", &before, &after]);
    assert!(drawn.contains('█') && drawn.contains("pages of 4096 bytes"), "{drawn}");
}

#[test]
fn an_actor_moves_to_another_machine_in_one_file() {
    let (here, there) = (Desk::with_counter("visits"), Desk::new());
    here.good(&["actor", "call", "visits", "add(5)"]);
    let bundle = here.file("visits.bundle");
    here.good(&["checkpoint", "export", "visits", &bundle]);
    here.good(&["actor", "call", "visits", "add(100)"]);

    let imported = there.json(&["checkpoint", "import", &bundle]);
    assert_eq!((&imported["name"], &imported["incarnation"]), (&json!("visits"), &json!(2)));
    assert_eq!(there.good(&["actor", "call", "visits", "add(1)"]), "6");
    let (code, told) = there.bad(&["checkpoint", "import", &bundle]);
    assert_eq!((code, told.contains("--name NEW")), (2, true), "{told}");
    there.good(&["checkpoint", "import", &bundle, "--name", "again"]);
    assert_eq!(there.good(&["actor", "call", "again", "get()"]), "5");
}

#[test]
fn a_damaged_bundle_leaves_nothing_behind() {
    let (here, there) = (Desk::with_counter("visits"), Desk::new());
    let bundle = here.file("visits.bundle");
    here.good(&["checkpoint", "export", "visits", &bundle]);
    let mut bytes = std::fs::read(&bundle).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&bundle, bytes).expect("the file");
    let (code, told) = there.bad(&["checkpoint", "import", &bundle]);
    assert_eq!((code, told.contains("export")), (2, true), "{told}");
    assert_eq!(there.json(&["actor", "ls"])["actors"], json!([]));
}

#[test]
fn an_import_gives_no_grants_unseen() {
    let (here, there) = (Desk::new(), Desk::new());
    // The manifest stands beside the plugin, so the plugin gets a folder of its own.
    let teller = here.file("teller.wasm");
    std::fs::copy(plugin_path("teller"), &teller).expect("the plugin");
    std::fs::write(here.file("teller.toml"), "[grants]\nactors = [\"*\"]\n").expect("the manifest");
    here.good(&["actor", "spawn", "t", "--plugin", &teller]);
    here.good(&["checkpoint", "export", "t", &here.file("t.bundle")]);
    let (code, told) = there.bad(&["checkpoint", "import", &here.file("t.bundle")]);
    assert_eq!((code, told.contains("--grants")), (2, true), "{told}");
    there.good(&["checkpoint", "import", &here.file("t.bundle"), "--grants"]);
}

#[test]
fn an_actor_goes_over_to_the_next_version_of_its_plugin() {
    let desk = Desk::new();
    desk.good(&["actor", "spawn", "notes", "--plugin", &path_of("notebook")]);
    desk.good(&["actor", "call", "notes", "add(\"milk\")"]);
    assert_eq!(desk.json(&["actor", "migrate", "notes", "--plugin", &path_of("notebook-v2")])["plugin"], "notebook-v2");
    let notes = desk.good(&["actor", "call", "notes", "notes()"]);
    assert!(notes.contains("milk"), "{notes}");
    let (code, told) = desk.bad(&["actor", "migrate", "notes", "--plugin", &path_of("counter")]);
    assert_eq!((code, told.contains("durable")), (2, true), "{told}");
}

#[test]
fn garbage_goes_and_what_is_kept_stays() {
    let desk = Desk::new();
    desk.good(&["actor", "spawn", "gone", "--plugin", &path_of("ballast")]);
    desk.good(&["actor", "call", "gone", "fill(4, 7)"]);
    desk.good(&["actor", "spawn", "stays", "--plugin", &path_of("ballast")]);
    desk.good(&["actor", "call", "stays", "fill(4, 8)"]);
    desk.good(&["actor", "spawn", "visits", "--plugin", &path_of("counter")]);
    let sum = desk.good(&["actor", "call", "stays", "sum()"]);
    desk.good(&["actor", "rm", "gone"]);
    desk.good(&["actor", "rm", "visits"]);

    let removed = desk.json(&["checkpoint", "gc"]);
    assert!(removed["pack_bytes_removed"].as_u64().unwrap() >= 4 << 20, "{removed}");
    assert_eq!(removed["plugins_removed"], 1, "the counter's: {removed}");
    let verified = desk.json(&["checkpoint", "verify"]);
    assert_eq!((&verified["is_whole"], &verified["actors"]), (&json!(true), &json!(1)), "{verified}");
    assert_eq!(desk.good(&["actor", "call", "stays", "sum()"]), sum);
}

#[test]
fn damage_is_found_and_named_and_costs_no_state() {
    let desk = Desk::new();
    desk.good(&["actor", "spawn", "big", "--plugin", &path_of("ballast")]);
    desk.good(&["actor", "call", "big", "fill(2, 7)"]);
    let packs: Vec<PathBuf> = files_in(&desk.data_dir().join("actors/packs"));
    let pack = packs.first().expect("a pack");
    let mut bytes = std::fs::read(pack).expect("the pack");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(pack, bytes).expect("the pack");

    let output = desk.run(&["checkpoint", "verify", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let verified: Json = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let damage = verified["damage"].as_array().expect("a list");
    assert!(damage.iter().any(|damage| damage["actor"] == "big"), "{verified}");
    let told = text(&desk.run(&["checkpoint", "verify"]).stdout);
    assert!(told.contains("damaged") && told.contains("big: "), "{told}");
    // The checkpoint before it is whole, and the message after that is repeated.
    assert_eq!(desk.good(&["actor", "call", "big", "size()"]), (2 << 20).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_left_that_ended_early_is_taken_into_a_checkpoint() {
    let desk = Desk::new();
    {
        let runtime = Runtime::builder().data_dir(desk.data_dir()).build().expect("a runtime");
        let counter = plugin(&runtime, "counter").await;
        let actor = runtime.actors().spawn("visits", &counter, SpawnOptions::default()).await.expect("it begins");
        assert_eq!(actor.call("add").arg(5).submit().get::<i64>().await.expect("a sum"), 5);
    }
    assert_eq!(desk.generations("visits"), [1]);
    assert!(desk.good(&["actor", "hibernate", "visits"]).contains("as of its last message"));
    assert_eq!(desk.generations("visits"), [2, 1]);
    assert!(desk.good(&["actor", "hibernate", "visits"]).contains("nothing had to be repeated"));
    assert_eq!(desk.good(&["actor", "call", "visits", "get()"]), "5");
}

#[test]
fn a_checkpoint_is_shown_with_what_it_holds() {
    let desk = Desk::with_counter("visits");
    desk.good(&["actor", "call", "visits", "add(5)", "--call-id", "one"]);
    let shown = desk.json(&["checkpoint", "show", "visits"]);
    assert_eq!((&shown["plugin"], &shown["results"]), (&json!("counter"), &json!(1)), "{shown}");
    assert!(shown["memories"][0]["pages"].as_u64().unwrap() >= 1, "{shown}");
    let first = desk.good(&["checkpoint", "show", "visits", "1"]);
    assert!(first.starts_with("visits, checkpoint 1\n") && first.contains("the first one"), "{first}");
}

#[test]
fn inspect_says_whether_an_actor_keeps_its_memory() {
    let inspect = |name: &str| -> Json {
        let output = belljar().args(["plugin", "inspect", &path_of(name), "--json"]).output().expect("it runs");
        serde_json::from_slice(&output.stdout).expect("one JSON document")
    };
    assert_eq!(inspect("counter")["snapshotable"], true);
    let files = inspect("hostile-files");
    assert_eq!(files["snapshotable"], false);
    assert!(!files["snapshot_obstacles"].as_array().expect("a list").is_empty());
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).expect("the folder");
    files.map(|file| file.expect("a file").path()).collect()
}

#[test]
fn files_go_into_an_actor_and_out_of_it_as_objects() {
    let desk = Desk::new();
    // What it imports has to be granted, by the manifest beside it.
    let plugin = desk.file("warehouse.wasm");
    std::fs::copy(plugin_path("warehouse"), &plugin).expect("a copy");
    let manifest = "[grants]\nactors = [\"*\"]\nhttp = [\"http://127.0.0.1:1\"]\n";
    std::fs::write(desk.file("warehouse.toml"), manifest).expect("it is written");
    desk.good(&["actor", "spawn", "stock", "--plugin", &plugin]);
    let photo: Vec<u8> = (0..200_000_u32).map(|at| (at % 241) as u8).collect();
    std::fs::write(desk.file("photo"), &photo).expect("it is written");
    let store = ["actor", "call", "stock", "store", "--args", r#"["photo"]"#, "--object", &desk.file("photo")];
    assert_eq!(desk.good(&store), "ok(200000)");
    desk.good(&["actor", "call", "stock", r#"fetch("photo")"#, "--output", &desk.file("copy")]);
    assert_eq!(std::fs::read(desk.file("copy")).expect("it is there"), photo);
    let written = desk.json(&["actor", "call", "stock", r#"fetch("photo")"#, "--output", &desk.file("copy")]);
    assert_eq!(written["size_bytes"], 200_000);
    let (code, told) = desk.bad(&["actor", "call", "stock", "store", "--args", r#"["x"]"#, "--object", "/no/such"]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("/no/such"), "{told}");
    let named = ["actor", "call", "stock", "store", "--args", r#"{"name": "x"}"#, "--object", &desk.file("photo")];
    assert!(desk.bad(&named).1.contains("have to be an array"));
    let (code, told) = desk.bad(&["actor", "call", "stock", r#"fetch("nothing")"#, "--output", &desk.file("none")]);
    assert_eq!(code, 1);
    assert!(told.contains("there is no nothing"), "{told}");
    assert!(!Path::new(&desk.file("none")).exists());
}
