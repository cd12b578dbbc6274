//! A run without interruption against the same run that goes through a snapshot, a fresh runtime and a restore at every
//! message boundary: the same answers, byte for byte.
//!
//! What depends on time or chance cannot be compared between two actors, because each has its own. There the state of
//! the live actor is compared with that of its replay in a fresh runtime.

use std::path::Path;
use std::process::Stdio;

use belljar::policy::CheckpointPolicy;
use belljar::{Actor, Durability, Runtime, SpawnOptions};
use belljar_tests::{itself, plugin, root};
use serde_json::{Value as Json, json};

const FOLDER: &str = "BELLJAR_TEST_FOLDER";
const CALL: &str = "BELLJAR_TEST_CALL";

type Script = Vec<(&'static str, Json)>;

/// Names that are spoken by the actors' methods.
const NAMES: [&str; 4] = ["ada", "bob", "größe", ""];

fn counter() -> Script {
    (0..12_i64).map(|n| if n % 4 == 3 { ("get", json!([])) } else { ("add", json!([n * n - 20])) }).collect()
}

/// The counters in other languages keep nested collections and floats too.
fn counter_with_tags() -> Script {
    let mut script = counter();
    for n in 0..16_usize {
        let name = NAMES[n % 3];
        script.push(("keep", json!([name, 0.1 * n as f64 - 0.7])));
        if n % 5 == 4 {
            script.push(("kept", json!([name])));
            script.push(("tags", json!([])));
        }
    }
    script
}

fn ledger() -> Script {
    let mut script = Script::new();
    for n in 0..10_usize {
        script.push(("post", json!([NAMES[n % 4], 10.1 + n as f64 / 3.0, NAMES[(n + 1) % 3]])));
        script.push(("transfer", json!([NAMES[n % 4], NAMES[(n + 2) % 4], 1.0 / (n + 1) as f64])));
        script.push(("balance", json!([NAMES[n % 4]])));
        script.push(("paid-for", json!([NAMES[n % 3]])));
        script.push(("summary", json!([])));
    }
    script
}

fn notebook() -> Script {
    (0..12).map(|n| if n % 4 == 3 { ("notes", json!([])) } else { ("add", json!([format!("note {n} ✓")])) }).collect()
}

fn ballast() -> Script {
    let mut script = vec![("fill", json!([2, 9]))];
    for n in 0..8 {
        script.push(("touch", json!([5 * n, n])));
        script.push(("sum", json!([])));
    }
    script.push(("fill", json!([1, 3])));
    script.push(("sum", json!([])));
    script
}

fn hostile() -> Script {
    let mut script = Script::new();
    for n in 0..4 {
        script.push(("add", json!([n])));
        script.push(("refuse-after", json!([n])));
        script.push(("process", json!(["poison"])));
        script.push(("recurse-after", json!([1])));
        script.push(("process", json!(["größe"])));
    }
    script
}

fn open(folder: &Path) -> Runtime {
    Runtime::builder().data_dir(folder.join("data")).build().expect("a runtime")
}

fn never() -> SpawnOptions {
    SpawnOptions::default().checkpoint(CheckpointPolicy::Never)
}

async fn spawn(runtime: &Runtime, from: &str, options: SpawnOptions) -> Actor {
    let plugin = plugin(runtime, from).await;
    let has_init = plugin.component().methods().any(|method| method.name == "init");
    let options = if has_init { options.config(r#"{"start": 3}"#) } else { options };
    runtime.actors().spawn("x", &plugin, options).await.unwrap_or_else(|error| panic!("{from}: {error}"))
}

/// The answer as text: the JSON of a value, or what kind of fault it was.
async fn answer(actor: &Actor, method: &str, arguments: &Json) -> String {
    match actor.call_json(method, arguments.clone()).submit().json().await {
        Ok(value) => value.to_string(),
        Err(error) => match error.fault() {
            Some(fault) => format!("{:?}", std::mem::discriminant(&fault.kind)),
            None => format!("{error:?}"),
        },
    }
}

async fn uninterrupted(from: &str, script: &Script) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = open(folder.path());
    let actor = spawn(&runtime, from, never()).await;
    let mut answers = Vec::new();
    for (method, arguments) in script {
        answers.push(answer(&actor, method, arguments).await);
    }
    answers
}

/// The same, but each message is served by a fresh runtime.
async fn interrupted(from: &str, script: &Script, options: SpawnOptions, hibernate: bool) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    spawn(&open(folder.path()), from, options).await;
    let mut answers = Vec::new();
    for (method, arguments) in script {
        let runtime = open(folder.path());
        let actor = runtime.actors().get("x").await.expect("it is kept");
        answers.push(answer(&actor, method, arguments).await);
        if hibernate {
            actor.hibernate().await.expect("it sleeps");
        }
    }
    answers
}

async fn compare(from: &str, script: Script) {
    let calm = uninterrupted(from, &script).await;
    let snapshotted = interrupted(from, &script, never(), true).await;
    assert_eq!(snapshotted, calm, "{from}, restored from a snapshot before every message");
    let replayed = interrupted(from, &script, never(), false).await;
    assert_eq!(replayed, calm, "{from}, repeated from the journal before every message");
    let checkpointed = interrupted(from, &script, never().durability(Durability::Checkpoint), true).await;
    assert_eq!(checkpointed, calm, "{from}, with checkpoints alone");
    println!("{from}: {} messages", calm.len());
}

/// The same for a plugin whose toolchain may not be installed.
async fn compare_if_built(from: &str, script: Script) {
    if root().join("target/plugins").join(format!("{from}.wasm")).is_file() {
        compare(from, script).await;
    } else {
        println!("SKIPPED: {from} is not built; `cargo xtask plugins --languages` builds it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_goes_on_the_same_in_a_fresh_runtime_for_every_message() {
    compare("counter", counter()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_a_ledger() {
    compare("ledger", ledger()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_a_notebook() {
    compare("notebook", notebook()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_a_large_actor() {
    compare("ballast", ballast()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_an_actor_with_faults() {
    compare("hostile-actor", hostile()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_an_actor_in_c() {
    compare_if_built("counter-c", counter_with_tags()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_an_actor_in_python() {
    compare_if_built("counter-python", counter_with_tags().into_iter().step_by(3).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_an_actor_in_javascript() {
    compare_if_built("counter-js", counter_with_tags().into_iter().step_by(3).collect()).await;
}

/// Time and chance: what a fresh runtime comes to is the very memory that the live actor had.
async fn compare_state(from: &str, script: Script) {
    if !root().join("target/plugins").join(format!("{from}.wasm")).is_file() {
        return println!("SKIPPED: {from} is not built; `cargo xtask plugins --languages` builds it");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut digest = {
        let actor = spawn(&open(folder.path()), from, never()).await;
        actor.state_digest().await.expect("a digest")
    };
    for (at, (method, arguments)) in script.iter().enumerate() {
        let runtime = open(folder.path());
        let actor = runtime.actors().get("x").await.expect("it is kept");
        assert_eq!(actor.state_digest().await.expect("a digest"), digest, "{from}: before message {at}, {method}");
        answer(&actor, method, arguments).await;
        digest = actor.state_digest().await.expect("a digest");
        // Every other time the next runtime has a snapshot, and else a message more to repeat.
        if at % 2 == 0 {
            actor.hibernate().await.expect("it sleeps");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_numbers_and_times_are_the_same_when_they_are_repeated() {
    compare_state("ledger", (0..8).map(|n| ("simulate", json!([n]))).collect()).await;
    for from in ["counter-c", "counter-python", "counter-js"] {
        compare_state(from, vec![("draw-one", json!([])); 4]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process of the test below"]
async fn process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (method, arguments): (String, Json) =
        serde_json::from_str(&std::env::var(CALL).expect("a call")).expect("a call is JSON");
    let actor = open(Path::new(&folder)).actors().get("x").await.expect("it is kept");
    println!("the answer is {}", answer(&actor, &method, &arguments).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_goes_on_the_same_in_a_fresh_process_for_every_message() {
    let script = ledger();
    let calm = uninterrupted("ledger", &script).await;
    let folder = tempfile::tempdir().expect("a folder");
    spawn(&open(folder.path()), "ledger", never()).await;
    for ((method, arguments), calm) in script.iter().zip(calm) {
        let mut process = itself("actor_differential::process");
        process.env(FOLDER, folder.path()).env(CALL, json!([method, arguments]).to_string()).stderr(Stdio::null());
        let output = String::from_utf8(process.output().expect("it runs").stdout).expect("text");
        let answer = output.lines().find_map(|line| line.split_once("the answer is ")).expect("an answer").1;
        assert_eq!(answer, calm, "{method} {arguments}");
    }
}
