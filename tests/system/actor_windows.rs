//! Narrow moments: what an actor was is one thing before and another after, and something happens in between.

use std::path::Path;
use std::time::Duration;

use belljar::policy::CheckpointPolicy;
use belljar::{Actor, Durability, Error, Grants, Limits, Plugin, Runtime, SpawnOptions};
use belljar_tests::{plugin, plugin_path, runtime};
use serde_json::{Value as Json, json};

fn open(folder: &Path) -> Runtime {
    Runtime::builder().data_dir(folder.join("data")).build().expect("a runtime")
}

async fn teller(runtime: &Runtime) -> Plugin {
    let grants = Grants::default().actor("*");
    runtime.load_with(plugin_path("teller"), grants, Limits::default()).await.expect("it loads")
}

async fn spawn(runtime: &Runtime, name: &str, plugin: &Plugin, options: SpawnOptions) -> Actor {
    runtime.actors().spawn(name, plugin, options).await.unwrap_or_else(|error| panic!("{name}: {error}"))
}

async fn call(actor: &Actor, method: &str, arguments: Json) -> Result<Json, Error> {
    actor.call_json(method, arguments).submit().json().await
}

async fn accounts(runtime: &Runtime) -> [Actor; 2] {
    let counter = plugin(runtime, "counter").await;
    let options = || SpawnOptions::default().config(r#"{"start": 100}"#);
    [spawn(runtime, "a", &counter, options()).await, spawn(runtime, "b", &counter, options()).await]
}

async fn sums(accounts: &[Actor; 2]) -> [i64; 2] {
    let mut sums = [0; 2];
    for (sum, account) in sums.iter_mut().zip(accounts) {
        *sum = call(account, "get", json!([])).await.expect("a sum").as_i64().expect("a number");
    }
    sums
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_of_the_same_name_does_not_get_the_answers_of_the_one_before() {
    let (runtime, _folder) = runtime();
    let accounts = accounts(&runtime).await;
    for round in 1..=3 {
        let teller = spawn(&runtime, "t", &teller(&runtime).await, SpawnOptions::default()).await;
        call(&teller, "transfer", json!(["a", "b", 1])).await.expect("it answers");
        teller.remove().await.expect("it is removed");
        assert_eq!(sums(&accounts).await, [100 - round, 100 + round]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volatile_actor_of_another_process_does_not_get_old_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(accounts(&open(folder.path())).await);
    for round in 1..=3 {
        let runtime = open(folder.path());
        let options = SpawnOptions::default().durability(Durability::Volatile);
        let teller = spawn(&runtime, "t", &teller(&runtime).await, options).await;
        call(&teller, "transfer", json!(["a", "b", 1])).await.expect("it answers");
        let accounts =
            [runtime.actors().get("a").await.expect("it is kept"), runtime.actors().get("b").await.expect("kept")];
        assert_eq!(sums(&accounts).await, [100 - round, 100 + round]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_that_falls_back_to_its_checkpoint_does_not_get_answers_to_what_it_forgot() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let runtime = open(folder.path());
        drop(accounts(&runtime).await);
        let options = SpawnOptions::default().durability(Durability::Checkpoint).checkpoint(CheckpointPolicy::Never);
        spawn(&runtime, "t", &teller(&runtime).await, options).await;
    }
    for round in 1..=3 {
        let runtime = open(folder.path());
        let teller = runtime.actors().get("t").await.expect("it is kept");
        call(&teller, "transfer", json!(["a", "b", 1])).await.expect("it answers");
        assert_eq!(call(&teller, "seen", json!([])).await.expect("a report")["transfers"], json!(1), "it forgot");
        let accounts =
            [runtime.actors().get("a").await.expect("it is kept"), runtime.actors().get("b").await.expect("kept")];
        assert_eq!(sums(&accounts).await, [100 - round, 100 + round]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_comes_while_an_actor_falls_asleep_wakes_it() {
    let (runtime, _folder) = runtime();
    let counter = spawn(&runtime, "c", &plugin(&runtime, "counter").await, SpawnOptions::default()).await;
    let sleeper = {
        let counter = counter.clone();
        tokio::spawn(async move {
            for _ in 0..300 {
                counter.hibernate().await.expect("it sleeps, or is awake again already");
                tokio::task::yield_now().await;
            }
        })
    };
    let mut sum = 0;
    while !sleeper.is_finished() {
        sum += 1;
        assert_eq!(call(&counter, "add", json!([1])).await.expect("it wakes"), json!(sum));
    }
    sleeper.await.expect("it has no complaint");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_served_while_a_large_checkpoint_is_written_are_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = {
        let runtime = open(folder.path());
        let options = SpawnOptions::default().checkpoint("every=5".parse().expect("a policy"));
        let ballast = spawn(&runtime, "b", &plugin(&runtime, "ballast").await, options).await;
        for _ in 0..4 {
            call(&ballast, "size", json!([])).await.expect("a size");
        }
        // The fifth call is followed by a checkpoint of 32 MiB, and those after it do not wait for that.
        let fill = ballast.call_json("fill", json!([32, 1])).submit();
        let touches: Vec<_> = (0..2).map(|seed| ballast.call_json("touch", json!([10, seed])).submit()).collect();
        fill.json().await.expect("a size");
        for touch in touches {
            touch.json().await.expect("pages");
        }
        let before = call(&ballast, "sum", json!([])).await.expect("a sum");
        while ballast.checkpoints().await.expect("a list")[0].message != 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        before
    };
    let runtime = open(folder.path());
    let ballast = runtime.actors().get("b").await.expect("it is kept");
    assert_eq!(call(&ballast, "sum", json!([])).await.expect("it wakes"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_a_fault_has_undone_does_not_ring() {
    let (runtime, _folder) = runtime();
    let hostile = spawn(&runtime, "h", &plugin(&runtime, "hostile-actor").await, SpawnOptions::default()).await;
    call(&hostile, "add", json!([5])).await.expect("a sum");
    call(&hostile, "set-timer-after", json!([1, 20])).await.expect_err("it panics");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(call(&hostile, "get", json!([])).await.expect("a sum"), json!(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_ring_for_an_actor_that_was_stopped_and_is_started_again() {
    let (runtime, _folder) = runtime();
    let teller = spawn(&runtime, "t", &teller(&runtime).await, SpawnOptions::default()).await;
    let account = spawn(&runtime, "a", &plugin(&runtime, "counter").await, SpawnOptions::default()).await;
    call(&teller, "remind", json!(["tea", 150])).await.expect("it answers");
    teller.stop().await.expect("it stops");
    tokio::time::sleep(Duration::from_millis(300)).await;
    teller.start().await.expect("it starts");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let info = runtime.actors().list("t", None, 1).await.expect("a list").remove(0);
    assert!(info.awake.is_some_and(|awake| awake.timers == 0), "nobody has called it, and it has rung");
    assert_eq!(call(&teller, "seen", json!([])).await.expect("a report")["reminders"], json!(["tea"]));
    drop(account);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_that_has_just_faulted_is_as_good_as_before() {
    let (runtime, _folder) = runtime();
    let hostile = spawn(&runtime, "h", &plugin(&runtime, "hostile-actor").await, SpawnOptions::default()).await;
    call(&hostile, "add", json!([5])).await.expect("a sum");
    let digest = hostile.state_digest().await.expect("a digest");
    call(&hostile, "panic-after", json!([1])).await.expect_err("it panics");
    assert_eq!(hostile.state_digest().await.expect("it was restored"), digest);
    call(&hostile, "panic-after", json!([1])).await.expect_err("it panics");
    hostile.checkpoint().await.expect("it was restored");
    call(&hostile, "panic-after", json!([1])).await.expect_err("it panics");
    let fork = hostile.fork("f").await.expect("it was restored");
    assert_eq!(call(&fork, "get", json!([])).await.expect("a sum"), json!(5));
}
