//! Actors: they keep their state through hibernation, new processes and faults, and call each other.

use std::path::Path;
use std::time::Duration;

use belljar::actor::{ActorError, ActorStatus};
use belljar::{Actor, Durability, Error, Grants, Limits, Runtime, SpawnOptions};
use belljar_tests::{plugin, plugin_path, runtime};
use serde_json::{Value as Json, json};

/// A runtime on a data directory that outlives it.
fn open(folder: &Path) -> Runtime {
    Runtime::builder().data_dir(folder.join("data")).build().expect("a runtime")
}

async fn spawn(runtime: &Runtime, name: &str, from: &str) -> Actor {
    let plugin = plugin(runtime, from).await;
    runtime.actors().spawn(name, &plugin, SpawnOptions::default()).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn teller(runtime: &Runtime, name: &str) -> Actor {
    let grants = Grants::default().actor("*");
    let plugin = runtime.load_with(plugin_path("teller"), grants, Limits::default()).await.expect("it loads");
    runtime.actors().spawn(name, &plugin, SpawnOptions::default()).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn call(actor: &Actor, method: &str, arguments: Json) -> Result<Json, Error> {
    actor.call_json(method, arguments).submit().json().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_goes_on_where_it_was_in_every_new_process() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let runtime = open(folder.path());
        let counter = spawn(&runtime, "visits", "counter").await;
        assert_eq!(call(&counter, "add", json!([5])).await.expect("a sum"), json!(5));
    }
    for round in 1..=3 {
        let runtime = open(folder.path());
        let counter = runtime.actors().get("visits").await.expect("it is kept");
        assert_eq!(call(&counter, "add", json!([1])).await.expect("a sum"), json!(5 + round));
        if round == 2 {
            counter.hibernate().await.expect("it sleeps");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_given_to_init_once() {
    let (runtime, _folder) = runtime();
    let counter = plugin(&runtime, "counter").await;
    let options = SpawnOptions::default().config(r#"{"start": 100}"#);
    let actor = runtime.actors().spawn("a", &counter, options).await.expect("it begins");
    assert_eq!(call(&actor, "get", json!([])).await.expect("a sum"), json!(100));
    let refused = runtime.actors().spawn("b", &counter, SpawnOptions::default().config("nonsense")).await;
    assert!(matches!(refused, Err(Error::Actor(ActorError::InitRefused { .. }))), "{refused:?}");
    let left = runtime.actors().get("b").await;
    assert!(matches!(left, Err(Error::Actor(ActorError::Unknown { .. }))), "{left:?}");
    let taken = runtime.actors().spawn("a", &counter, SpawnOptions::default()).await;
    assert!(matches!(taken, Err(Error::Actor(ActorError::NameTaken { .. }))), "{taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_caller_are_worked_on_in_order() {
    let (runtime, _folder) = runtime();
    let counter = spawn(&runtime, "a", "counter").await;
    let results: Vec<_> = (0..200).map(|_| counter.call("add").arg(1).submit()).collect();
    for (before, result) in results.iter().enumerate() {
        assert_eq!(result.get::<i64>().await.expect("a sum"), before as i64 + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_undoes_its_message_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = open(folder.path());
    let hostile = spawn(&runtime, "h", "hostile-actor").await;
    assert_eq!(call(&hostile, "add", json!([7])).await.expect("a sum"), json!(7));
    for method in ["panic-after", "allocate-after", "recurse-after", "log-flood-after"] {
        let error = call(&hostile, method, json!([1000])).await.expect_err("it faults");
        assert!(error.fault().is_some(), "{method}: {error}");
        assert_eq!(call(&hostile, "get", json!([])).await.expect("a sum"), json!(7), "{method}");
    }
    let refused = call(&hostile, "refuse-after", json!([3])).await.expect("an error is an answer");
    assert!(refused.get("error").is_some(), "{refused}");
    assert_eq!(call(&hostile, "get", json!([])).await.expect("a sum"), json!(10));
    let info = hostile.info().await.expect("it tells");
    assert_eq!(info.awake.expect("it is awake").dead_letters.len(), 4);
    drop((hostile, runtime));
    let runtime = open(folder.path());
    let hostile = runtime.actors().get("h").await.expect("it is kept");
    assert_eq!(call(&hostile, "get", json!([])).await.expect("a sum"), json!(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_too_large_undoes_its_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let after = {
        let runtime = open(folder.path());
        let notebook = spawn(&runtime, "n", "notebook").await;
        for _ in 0..17 {
            call(&notebook, "add", json!(["m".repeat(1_000_000)])).await.expect("a count");
        }
        let before = notebook.state_digest().await.expect("it is awake");
        let refused = call(&notebook, "notes", json!([])).await.expect_err("no record holds that");
        assert!(refused.to_string().contains("as an object"), "{refused}");
        assert_eq!(notebook.state_digest().await.expect("it is back"), before);
        assert_eq!(call(&notebook, "add", json!(["last"])).await.expect("a count"), json!(18));
        notebook.state_digest().await.expect("it is awake")
    };
    let runtime = open(folder.path());
    let notebook = runtime.actors().get("n").await.expect("it is kept");
    assert_eq!(notebook.state_digest().await.expect("it wakes"), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn actors_call_each_other_and_a_circle_is_an_error() {
    let (runtime, _folder) = runtime();
    let (a, b) = (spawn(&runtime, "a", "counter").await, spawn(&runtime, "b", "counter").await);
    call(&a, "add", json!([100])).await.expect("a sum");
    let teller_ = teller(&runtime, "t").await;
    let left = call(&teller_, "transfer", json!(["a", "b", 30])).await.expect("it answers");
    assert_eq!(left, json!({"ok": 70}));
    let both = call(&teller_, "balances", json!([["a", "b"]])).await.expect("it answers");
    assert_eq!(both, json!({"ok": [70, 30]}));
    call(&teller_, "pay-out", json!([["a", "b"], 1])).await.expect("it answers");
    while call(&b, "get", json!([])).await.expect("a sum") != json!(31) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    teller(&runtime, "u").await;
    let ring = call(&teller_, "ring", json!([["u", "t"]])).await.expect("it answers");
    assert!(ring["error"].as_str().is_some_and(|error| error.contains("for ever")), "{ring}");
    let line = call(&teller_, "ring", json!([["u"]])).await.expect("it answers");
    assert_eq!(line, json!({"ok": 1}));
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_ring_also_for_an_actor_that_sleeps() {
    let (runtime, _folder) = runtime();
    let teller = teller(&runtime, "t").await;
    call(&teller, "remind", json!(["tea", 200])).await.expect("it answers");
    call(&teller, "remind", json!(["never", 600000])).await.expect("it answers");
    teller.hibernate().await.expect("it sleeps");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let seen = call(&teller, "seen", json!([])).await.expect("it answers");
    assert_eq!(seen["reminders"], json!(["tea"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_draws_other_random_numbers_and_a_wake_up_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let (runs_on, digest) = {
        let runtime = open(folder.path());
        let ledger = spawn(&runtime, "l", "ledger").await;
        call(&ledger, "simulate", json!([10])).await.expect("a sum");
        let fork = ledger.fork("f").await.expect("it forks");
        let same = ledger.fork("g").await.expect("it forks");
        assert_eq!(
            call(&fork, "digest", json!([])).await.expect("a digest"),
            call(&same, "digest", json!([])).await.expect("a digest")
        );
        let sums = [
            call(&ledger, "simulate", json!([10])).await.expect("a sum"),
            call(&fork, "simulate", json!([10])).await.expect("a sum"),
            call(&same, "simulate", json!([10])).await.expect("a sum"),
        ];
        assert!(sums[0] != sums[1] && sums[1] != sums[2] && sums[0] != sums[2], "{sums:?}");
        ledger.checkpoint().await.expect("a checkpoint");
        let generation = ledger.checkpoints().await.expect("a list")[0].generation;
        let sum = call(&ledger, "simulate", json!([5])).await.expect("a sum");
        ledger.restore(generation).await.expect("it goes back");
        let again = call(&ledger, "simulate", json!([5])).await.expect("a sum");
        assert_ne!(sum, again, "a restore by hand is another incarnation");
        (call(&ledger, "simulate", json!([3])).await.expect("a sum"), ledger.state_digest().await.expect("a digest"))
    };
    let runtime = open(folder.path());
    let ledger = runtime.actors().get("l").await.expect("it is kept");
    call(&ledger, "summary", json!([])).await.expect("it wakes");
    assert_ne!(ledger.state_digest().await.expect("a digest"), digest, "a call may change the stack");
    assert!(runs_on.is_number());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_gives_the_same_memory_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let digest = {
        let runtime = open(folder.path());
        let ledger = spawn(&runtime, "l", "ledger").await;
        for round in 0..20 {
            call(&ledger, "simulate", json!([round])).await.expect("a sum");
            call(&ledger, "post", json!(["cash", 1.5, "interest"])).await.expect("a sum");
        }
        ledger.state_digest().await.expect("a digest")
    };
    let runtime = open(folder.path());
    let ledger = runtime.actors().get("l").await.expect("it is kept");
    assert_eq!(ledger.state_digest().await.expect("a digest"), digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_sent_twice_under_one_id_is_carried_out_once() {
    let folder = tempfile::tempdir().expect("a folder");
    for _ in 0..2 {
        let runtime = open(folder.path());
        let counter = match runtime.actors().get("c").await {
            Ok(counter) => counter,
            Err(_) => spawn(&runtime, "c", "counter").await,
        };
        for _ in 0..3 {
            assert_eq!(counter.call("add").arg(5).id("invoice-7").submit().get::<i64>().await.expect("a sum"), 5);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_actor_takes_no_calls_until_it_is_started() {
    let (runtime, _folder) = runtime();
    let counter = spawn(&runtime, "c", "counter").await;
    call(&counter, "add", json!([5])).await.expect("a sum");
    counter.stop().await.expect("it stops");
    let refused = call(&counter, "get", json!([])).await;
    assert!(matches!(refused, Err(Error::Actor(ActorError::NotRunning { .. }))), "{refused:?}");
    assert_eq!(counter.info().await.expect("it is listed").status, ActorStatus::Stopped);
    counter.start().await.expect("it starts");
    assert_eq!(call(&counter, "get", json!([])).await.expect("a sum"), json!(5));
    counter.remove().await.expect("it is removed");
    let gone = runtime.actors().get("c").await;
    assert!(matches!(gone, Err(Error::Actor(ActorError::Unknown { .. }))), "{gone:?}");
    spawn(&runtime, "c", "counter").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_to_an_actor_that_is_being_stopped_learn_that_it_was() {
    let (runtime, _folder) = runtime();
    let counter = spawn(&runtime, "c", "counter").await;
    // It has calls to answer first, so the orders after the one to stop come while it does.
    let calls: Vec<_> = (0..500).map(|_| counter.call("add").arg(1).submit()).collect();
    let (stopped, checkpointed, again) = tokio::join!(counter.stop(), counter.checkpoint(), counter.stop());
    stopped.expect("it stops");
    let is_stopped =
        |error: &Error| matches!(error, Error::Actor(ActorError::NotRunning { status, .. }) if status == "stopped");
    assert!(checkpointed.as_ref().is_err_and(is_stopped), "{checkpointed:?}");
    assert!(again.is_ok() || again.as_ref().is_err_and(is_stopped), "{again:?}");
    for call in calls {
        call.get::<i64>().await.expect("it was sent before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volatile_actor_is_called_with_rust_types() {
    let (runtime, _folder) = runtime();
    let counter = plugin(&runtime, "counter").await;
    let options = SpawnOptions::default().durability(Durability::Volatile);
    let actor = runtime.actors().spawn("v", &counter, options).await.expect("it begins");
    for n in 1..=10_i64 {
        let (sum,): (i64,) = actor.call_typed("add", (1_i64,)).await.expect("a sum");
        assert_eq!(sum, n);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_exchanged_for_another_version_that_takes_its_state_over() {
    let (runtime, _folder) = runtime();
    let notebook = spawn(&runtime, "n", "notebook").await;
    call(&notebook, "add", json!(["milk"])).await.expect("a count");
    let newer = plugin(&runtime, "notebook-v2").await;
    notebook.migrate(&newer).await.expect("it migrates");
    let notes = call(&notebook, "notes", json!([])).await.expect("notes");
    assert!(notes.to_string().contains("milk"), "{notes}");
    let counter = plugin(&runtime, "counter").await;
    let refused = notebook.migrate(&counter).await;
    assert!(matches!(refused, Err(Error::Actor(ActorError::CannotMigrate { .. }))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_actor_is_kept_by_its_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let sum = {
        let runtime = open(folder.path());
        let ballast = spawn(&runtime, "b", "ballast").await;
        call(&ballast, "fill", json!([8, 1])).await.expect("a size");
        ballast.checkpoint().await.expect("a checkpoint");
        for seed in 0..12 {
            call(&ballast, "touch", json!([10, seed])).await.expect("pages");
            ballast.checkpoint().await.expect("a checkpoint");
        }
        call(&ballast, "touch", json!([10, 99])).await.expect("pages");
        call(&ballast, "sum", json!([])).await.expect("a sum")
    };
    let runtime = open(folder.path());
    let ballast = runtime.actors().get("b").await.expect("it is kept");
    assert_eq!(call(&ballast, "sum", json!([])).await.expect("a sum"), sum);
}
