//! A storage that fails or tears the Nth operation, for every N of a whole scenario, and then loses what was not synced:
//! what was acknowledged is there exactly once, and a process that meets a passing fault serves again.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use belljar::actor::ActorError;
use belljar::store::{CrashDamage, Fault, FaultyStorage};
use belljar::{Actor, Error, Grants, Limits, Runtime, SpawnOptions};
use belljar_tests::{plugin, plugin_path};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

/// How often a step is tried again after the fault has gone.
const TRIES_MAX: usize = 20;
/// How many runs go on at the same time.
const RUNS_AT_ONCE: usize = 3;

/// Something that is done once, however often it is tried.
#[derive(Clone, Debug)]
enum Step {
    Spawn {
        name: &'static str,
        plugin: &'static str,
        config: &'static str,
    },
    Call {
        actor: &'static str,
        method: &'static str,
        arguments: Json,
    },
    Checkpoint(&'static str),
    Hibernate(&'static str),
    Fork {
        from: &'static str,
        name: &'static str,
    },
    /// Goes back to the newest checkpoint, as another incarnation.
    Restore(&'static str),
    Migrate {
        name: &'static str,
        plugin: &'static str,
    },
}

fn call(actor: &'static str, method: &'static str, arguments: Json) -> Step {
    Step::Call { actor, method, arguments }
}

/// Two accounts, a teller who moves money between them, an actor that is too large for a record, and two that give each
/// other objects.
fn scenario() -> Vec<Step> {
    let start = r#"{"start": 100}"#;
    vec![
        Step::Spawn { name: "a", plugin: "counter", config: start },
        Step::Spawn { name: "b", plugin: "counter", config: start },
        Step::Spawn { name: "t", plugin: "teller", config: "" },
        call("a", "add", json!([1])),
        call("t", "transfer", json!(["a", "b", 10])),
        Step::Checkpoint("a"),
        call("t", "remind", json!(["tea", 0])),
        Step::Hibernate("b"),
        call("t", "transfer", json!(["b", "a", 5])),
        call("t", "pay-out", json!([["a", "b"], 2])),
        Step::Hibernate("t"),
        Step::Checkpoint("b"),
        call("t", "transfer", json!(["a", "b", 1])),
        Step::Spawn { name: "g", plugin: "counter", config: r#"{"start": 7}"# },
        Step::Fork { from: "g", name: "f" },
        call("f", "add", json!([1])),
        Step::Restore("g"),
        call("g", "add", json!([2])),
        Step::Spawn { name: "n", plugin: "notebook", config: "" },
        call("n", "add", json!(["milk"])),
        Step::Migrate { name: "n", plugin: "notebook-v2" },
        Step::Spawn { name: "large", plugin: "ballast", config: "" },
        call("large", "fill", json!([1, 5])),
        Step::Checkpoint("large"),
        call("large", "touch", json!([150, 1])),
        Step::Checkpoint("large"),
        call("large", "touch", json!([150, 2])),
        Step::Checkpoint("large"),
        call("large", "touch", json!([150, 3])),
        call("b", "add", json!([3])),
        Step::Spawn { name: "w", plugin: "warehouse", config: "" },
        Step::Spawn { name: "v", plugin: "warehouse", config: "" },
        call("w", "write", json!(["note", "an object"])),
        call("w", "give", json!(["v", "note"])),
        Step::Hibernate("w"),
        call("v", "write", json!(["more", "another one"])),
        call("w", "take", json!(["v", "more"])),
        call("v", "discard", json!(["more"])),
    ]
}

fn open(folder: &Path, storage: &FaultyStorage) -> Result<Runtime, Error> {
    Runtime::builder().data_dir(folder.join("data")).actor_storage(Arc::new(storage.clone())).build()
}

async fn load(runtime: &Runtime, name: &str) -> belljar::Plugin {
    match name {
        "teller" | "warehouse" => {
            let grants = Grants::default().actor("*").http("http://127.0.0.1:1");
            runtime.load_with(plugin_path(name), grants, Limits::default()).await.expect("it loads")
        }
        _ => plugin(runtime, name).await,
    }
}

async fn actor(runtime: &Runtime, name: &str) -> Result<Actor, Error> {
    runtime.actors().get(name).await
}

/// Does a step, under an id if it is a call.
async fn take(runtime: &Runtime, at: usize, step: &Step) -> Result<(), Error> {
    match step {
        Step::Spawn { name, plugin, config } => {
            let plugin = load(runtime, plugin).await;
            once(runtime.actors().spawn(name, &plugin, SpawnOptions::default().config(*config)).await)
        }
        Step::Call { actor: name, method, arguments } => {
            let actor = actor(runtime, name).await?;
            let call = actor.call_json(method, arguments.clone()).id(format!("step-{at}"));
            let result = call.submit().json().await?;
            assert!(result.get("error").is_none(), "{step:?} gave {result}");
            Ok(())
        }
        Step::Checkpoint(name) => actor(runtime, name).await?.checkpoint().await.map(drop),
        Step::Hibernate(name) => actor(runtime, name).await?.hibernate().await,
        Step::Restore(name) => {
            let actor = actor(runtime, name).await?;
            let newest = actor.checkpoints().await?[0].generation;
            actor.restore(newest).await
        }
        Step::Migrate { name, plugin } => actor(runtime, name).await?.migrate(&load(runtime, plugin).await).await,
        Step::Fork { from, name } => once(actor(runtime, from).await?.fork(name).await),
    }
}

/// Who begins an actor again learns that it has begun.
fn once(begun: Result<Actor, Error>) -> Result<(), Error> {
    match begun {
        Err(Error::Actor(ActorError::NameTaken { .. })) => Ok(()),
        other => other.map(drop),
    }
}

/// Takes the steps from `first` on, in order, each until it is acknowledged or was tried so often. Returns the first
/// that was not.
async fn take_all(runtime: &Runtime, steps: &[Step], first: usize, tries_max: usize) -> Option<(usize, Error)> {
    for (at, step) in steps.iter().enumerate().skip(first) {
        let mut tries = 1;
        while let Err(error) = take(runtime, at, step).await {
            if tries == tries_max {
                return Some((at, error));
            }
            tries += 1;
        }
    }
    None
}

/// What is seen from outside when every step was taken exactly once.
async fn look(runtime: &Runtime) -> Result<Json, Error> {
    let get = async |name: &str, method: &str| -> Result<Json, Error> {
        actor(runtime, name).await?.call(method).submit().json().await
    };
    let read = async |name: &str, object: &str| -> Result<Json, Error> {
        actor(runtime, name).await?.call("read").arg(object).submit().json().await
    };
    Ok(json!({
        "a": get("a", "get").await?,
        "b": get("b", "get").await?,
        "f": get("f", "get").await?,
        "g": get("g", "get").await?,
        "large": get("large", "sum").await?,
        "notes": get("n", "notes").await?,
        "teller": get("t", "seen").await?,
        "given": read("v", "note").await?,
        "taken": read("w", "more").await?,
    }))
}

/// The same, once the money that was sent without waiting has arrived, and the timer has rung.
async fn look_until(runtime: &Runtime, wanted: &Json, context: &str) {
    let mut seen = Json::Null;
    for _ in 0..200 {
        seen = match look(runtime).await {
            Ok(seen) => seen,
            // The fault may hit the looking, too.
            Err(error) if error.is_retryable() => continue,
            Err(error) => panic!("{context}: {error:?}"),
        };
        if seen == *wanted {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{context}: {seen} instead of {wanted}");
}

/// A run without a fault: what is seen after it, and how many operations it took.
async fn calm_run() -> (Json, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let (storage, steps) = (FaultyStorage::new(), scenario());
    let runtime = open(folder.path(), &storage).expect("a runtime");
    let failed = take_all(&runtime, &steps, 0, 1).await;
    assert!(failed.is_none(), "{failed:?}");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let seen = look(&runtime).await.expect("all answer");
    assert_eq!((&seen["a"], &seen["b"], &seen["f"], &seen["g"]), (&json!(97), &json!(111), &json!(8), &json!(9)));
    assert_eq!(seen["teller"]["reminders"], json!(["tea"]));
    assert_eq!((&seen["given"], &seen["taken"]), (&json!({ "ok": "an object" }), &json!({ "ok": "another one" })));
    (seen, storage.operations())
}

/// One run with a fault, and what follows.
async fn run_with(fault: Fault, damage: CrashDamage, wanted: &Json) {
    let context = format!("{fault:?}, {damage:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let (storage, steps) = (FaultyStorage::new(), scenario());
    storage.set_fault(Some(fault));
    let mut first = 0;
    // The very first operations are those of opening.
    if let Ok(runtime) = open(folder.path(), &storage) {
        let tries_max = if fault.lasting { 1 } else { TRIES_MAX };
        let failed = take_all(&runtime, &steps, 0, tries_max).await;
        assert!(
            failed.is_none() || fault.lasting,
            "{context}: {failed:?}, which is step {:?}",
            steps[failed.as_ref().map_or(0, |(at, _)| *at)]
        );
        first = failed.map_or(steps.len(), |(at, _)| at);
        if !fault.lasting {
            look_until(&runtime, wanted, &format!("{context}, in the same process")).await;
        }
    }
    let disk = storage.crash(damage);
    let runtime = open(folder.path(), &disk).unwrap_or_else(|error| panic!("{context}: {error:?}"));
    let failed = take_all(&runtime, &steps, first, 1).await;
    assert!(failed.is_none(), "{context}, in the next process: {failed:?}");
    look_until(&runtime, wanted, &format!("{context}, in the next process")).await;
}

/// All these runs, some at a time.
async fn run_all(runs: Vec<(Fault, CrashDamage)>, wanted: &Json) {
    let mut going = JoinSet::new();
    for (fault, damage) in runs {
        while going.len() >= RUNS_AT_ONCE {
            going.join_next().await.expect("some are going").expect("it went well");
        }
        let wanted = wanted.clone();
        going.spawn(async move { run_with(fault, damage, &wanted).await });
    }
    while let Some(run) = going.join_next().await {
        run.expect("it went well");
    }
}

/// Every operation fails once, and the process goes on.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_operation_fails_once_nothing_is_lost_and_the_process_serves_again() {
    let (wanted, operations) = calm_run().await;
    let mut runs = Vec::new();
    for operation in 0..operations {
        let error = if operation % 2 == 0 { ErrorKind::StorageFull } else { ErrorKind::Other };
        let fault = Fault { operation, error, torn: operation % 3 != 0, lasting: false };
        runs.push((fault, CrashDamage::LoseUnsynced));
    }
    run_all(runs, &wanted).await;
    println!("{operations} operations that fail once");
}

/// Every operation is the last that is tried before the power is gone.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_operation_is_the_last_one_the_next_process_goes_on() {
    let (wanted, operations) = calm_run().await;
    let mut runs = Vec::new();
    for operation in 0..operations {
        let fault = Fault { operation, error: ErrorKind::Other, torn: operation % 2 == 0, lasting: true };
        let damage = if operation % 3 == 0 { CrashDamage::LoseUnsynced } else { CrashDamage::KeepSome(operation) };
        runs.push((fault, damage));
    }
    run_all(runs, &wanted).await;
    println!("{operations} operations at which the power goes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing_damages_nothing_and_serves_again_when_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = FaultyStorage::new();
    let runtime = open(folder.path(), &storage).expect("a runtime");
    let counter = load(&runtime, "counter").await;
    let teller = load(&runtime, "teller").await;
    for name in ["a", "b"] {
        runtime.actors().spawn(name, &counter, SpawnOptions::default()).await.expect("it begins");
    }
    let t = runtime.actors().spawn("t", &teller, SpawnOptions::default()).await.expect("it begins");
    let a = actor(&runtime, "a").await.expect("it is there");
    for round in 0..3_i64 {
        storage.set_capacity(Some(storage.used_bytes() + 1_500 + 700 * round as u64));
        let mut open = Vec::new();
        for at in 0..40 {
            let (add, transfer) = (format!("add-{round}-{at}"), format!("transfer-{round}-{at}"));
            if let Err(error) = a.call("add").arg(2).id(add).submit().json().await {
                assert!(error.is_retryable(), "{error:?}");
                open.push(at);
            }
            if let Err(error) = t.call("transfer").arg("a").arg("b").arg(1).id(transfer).submit().json().await {
                assert!(error.is_retryable(), "{error:?}");
            }
        }
        assert!(!open.is_empty(), "the disk was never full");
        let refused = t.checkpoint().await.expect_err("there is no room");
        assert!(refused.is_retryable(), "{refused:?}");
        storage.set_capacity(None);
        for at in 0..40 {
            let (add, transfer) = (format!("add-{round}-{at}"), format!("transfer-{round}-{at}"));
            a.call("add").arg(2).id(add).submit().json().await.expect("there is room again");
            let moved = t.call("transfer").arg("a").arg("b").arg(1).id(transfer).submit().json().await;
            assert!(moved.expect("there is room again")["ok"].is_i64());
        }
        for (name, sum) in [("a", 40), ("b", 40)] {
            let sum = sum * (round + 1);
            let seen = actor(&runtime, name).await.expect("it is there").call("get").submit().json().await;
            assert_eq!(seen.expect("a sum"), json!(sum), "{name}");
        }
        t.checkpoint().await.expect("there is room again");
    }
    drop((a, t, counter, teller, runtime));
    let disk = storage.crash(CrashDamage::LoseUnsynced);
    let runtime = open(folder.path(), &disk).expect("a runtime");
    for name in ["a", "b"] {
        let seen = actor(&runtime, name).await.expect("it is kept").call("get").submit().json().await;
        assert_eq!(seen.expect("a sum"), json!(120), "{name}");
    }
}
