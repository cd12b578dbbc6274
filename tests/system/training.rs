//! Networks that actors train on the host's tensors: a part of their state like their memory, whatever becomes of the
//! instance or of the process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use belljar::{Actor, Durability, Grants, Limits, Runtime, SpawnOptions};
use belljar_tests::{itself, plugin_path, runtime, runtime_with_device};
use serde_json::{Value as Json, json};

const FOLDER: &str = "BELLJAR_TEST_FOLDER";

/// Steps of a training that is killed on the way.
const STEPS: u64 = 24;
/// After how many steps of its own each process is killed, with more on the way.
const KILLED_AFTER: [usize; 4] = [2, 5, 1, 4];
/// Every how many steps a checkpoint is asked for.
const CHECKPOINT_EVERY: u64 = 3;

/// A runtime on a data directory that outlives it.
fn open(folder: &Path) -> Runtime {
    Runtime::builder().data_dir(folder.join("data")).build().expect("a runtime")
}

/// A network that is trained in no time.
fn small() -> Json {
    json!({ "batch": 16, "channels": 4, "hidden": 32, "learning_rate": 0.003 })
}

/// A network of 8,714,000 numbers, of which Adam keeps two each: over 100 MB of tensors.
fn large() -> Json {
    json!({ "batch": 2, "channels": 4, "hidden": 16_700 })
}

async fn trainer(runtime: &Runtime, name: &str, config: Json, durability: Durability) -> Actor {
    let grants = Grants::default().compute();
    let plugin = runtime.load_with(plugin_path("trainer"), grants, Limits::default()).await.expect("it loads");
    let options = SpawnOptions::default().durability(durability).config(config.to_string());
    runtime.actors().spawn(name, &plugin, options).await.expect("it begins")
}

async fn call(actor: &Actor, method: &str, arguments: Json) -> Json {
    let answer = actor.call_json(method, arguments).submit().json().await.expect("it answers");
    answer.get("ok").unwrap_or_else(|| panic!("{method} failed: {answer}")).clone()
}

async fn train(actor: &Actor, steps: u64) -> Json {
    call(actor, "train", json!([steps])).await
}

/// Which weights the network has, to the last bit.
async fn fingerprint(actor: &Actor) -> Json {
    call(actor, "fingerprint", json!([])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_learns_and_comes_to_the_same_whatever_trains_beside_it() {
    let (runtime, _folder) = runtime();
    let alone = trainer(&runtime, "alone", small(), Durability::Volatile).await;
    let first = train(&alone, 1).await;
    let last = train(&alone, 24).await;
    assert_eq!(last["step"], json!(25));
    let loss = |progress: &Json| progress["loss"].as_f64().expect("a number");
    assert!(loss(&last) < loss(&first) / 2.0, "{last} after {first}");

    let wanted = fingerprint(&alone).await;
    let mut beside = Vec::new();
    for name in ["one", "two", "three"] {
        beside.push(trainer(&runtime, name, small(), Durability::Volatile).await);
    }
    let together = beside.into_iter().map(|actor| {
        tokio::spawn(async move {
            train(&actor, 25).await;
            fingerprint(&actor).await
        })
    });
    for other in together.collect::<Vec<_>>() {
        assert_eq!(other.await.expect("it is trained"), wanted, "it depends on what else runs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_goes_on_after_every_end_of_its_instance() {
    let (undisturbed, _folder) = runtime();
    let undisturbed = trainer(&undisturbed, "undisturbed", small(), Durability::Volatile).await;
    train(&undisturbed, 30).await;
    let wanted = fingerprint(&undisturbed).await;
    for durability in [Durability::Journal, Durability::Checkpoint] {
        let folder = tempfile::tempdir().expect("a folder");
        trainer(&open(folder.path()), "training", small(), durability).await;
        for round in 1..=10 {
            let runtime = open(folder.path());
            let actor = runtime.actors().get("training").await.expect("it is kept");
            assert_eq!(train(&actor, 3).await["step"], json!(3 * round), "{durability}");
            match (durability, round % 3) {
                // What is in the journal is repeated.
                (Durability::Journal, 0) => {}
                (_, 1) => actor.hibernate().await.expect("it sleeps"),
                _ => drop(actor.checkpoint().await.expect("it is taken")),
            }
        }
        let runtime = open(folder.path());
        let actor = runtime.actors().get("training").await.expect("it is kept");
        assert_eq!(fingerprint(&actor).await, wanted, "{durability}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forks_and_restores_have_tensors_of_their_own() {
    let (runtime, _folder) = runtime();
    let actor = trainer(&runtime, "training", small(), Durability::Journal).await;
    train(&actor, 5).await;
    let (at_5, generation) = (fingerprint(&actor).await, actor.checkpoint().await.expect("it is taken").generation);
    let fork = actor.fork("fork").await.expect("it begins");
    train(&actor, 5).await;
    let at_10 = fingerprint(&actor).await;
    assert_eq!(fingerprint(&fork).await, at_5);
    train(&fork, 5).await;
    assert_eq!(fingerprint(&fork).await, at_10);
    actor.restore(generation).await.expect("it goes back");
    assert_eq!(fingerprint(&actor).await, at_5);
}

/// A network for a device that may be a processor in disguise.
fn tiny(engine: &str) -> Json {
    json!({ "batch": 8, "channels": 2, "hidden": 8, "learning_rate": 0.003, "engine": engine })
}

async fn dispatches(actor: &Actor) -> u64 {
    actor.info().await.expect("it is there").awake.expect("it is awake").compute.dispatches
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_on_the_device_learns_as_on_the_processors_and_goes_on_from_its_checkpoints() {
    let folder = tempfile::tempdir().expect("a folder");
    let wanted = {
        let Some(runtime) = runtime_with_device(folder.path()).await else { return };
        let on_processors = trainer(&runtime, "processors", tiny("cpu"), Durability::Volatile).await;
        let on_device = trainer(&runtime, "device", tiny("device"), Durability::Checkpoint).await;
        for round in 0..3 {
            let [ours, theirs] = [train(&on_device, 2).await, train(&on_processors, 2).await];
            let [ours, theirs] = [ours, theirs].map(|progress| progress["loss"].as_f64().expect("a number"));
            assert!((ours - theirs).abs() < 1e-3 * theirs, "{ours} and {theirs} in round {round}");
            assert_eq!(dispatches(&on_processors).await, 0);
            assert!(dispatches(&on_device).await > 0, "round {round} was not computed on the device");
            let before = fingerprint(&on_device).await;
            on_device.hibernate().await.expect("it sleeps");
            assert_eq!(fingerprint(&on_device).await, before, "round {round}");
        }
        on_device.checkpoint().await.expect("it is taken");
        fingerprint(&on_device).await
    };
    let runtime = runtime_with_device(folder.path()).await.expect("there was a device");
    let actor = runtime.actors().get("device").await.expect("it is kept");
    assert_eq!(fingerprint(&actor).await, wanted);
    train(&actor, 1).await;
    assert!(dispatches(&actor).await > 0, "the engine is a part of the state");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_journaled_is_not_computed_on_the_device() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(runtime) = runtime_with_device(folder.path()).await else { return };
    let grants = Grants::default().compute();
    let plugin = runtime.load_with(plugin_path("trainer"), grants, Limits::default()).await.expect("it loads");
    let options = SpawnOptions::default().durability(Durability::Journal).config(tiny("device").to_string());
    let refused = runtime.actors().spawn("device", &plugin, options).await.map(drop).expect_err("it is refused");
    assert!(refused.to_string().contains("--durability checkpoint"), "{refused}");

    // Nobody named this, so there is nothing to refuse.
    let actor = trainer(&runtime, "auto", tiny("auto"), Durability::Journal).await;
    train(&actor, 2).await;
    assert_eq!(dispatches(&actor).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tensors_need_a_grant_and_have_a_limit() {
    let (runtime, _folder) = runtime();
    let refused = runtime.load_with(plugin_path("trainer"), Grants::default(), Limits::default()).await;
    let refused = refused.map(drop).expect_err("it may not compute").to_string();
    assert!(refused.contains("tensor") && refused.contains("compute = true"), "{refused}");

    let limits = Limits { compute_bytes_max: 8_000_000, ..Limits::default() };
    let plugin =
        runtime.load_with(plugin_path("trainer"), Grants::default().compute(), limits).await.expect("it loads");
    let spawn = |name: &'static str, config: Json| {
        let options = SpawnOptions::default().config(config.to_string());
        let (actors, plugin) = (runtime.actors(), plugin.clone());
        async move { actors.spawn(name, &plugin, options).await }
    };
    let error = spawn("large", large()).await.map(drop).expect_err("it is too large").to_string();
    assert!(error.contains("8000000"), "{error}");
    let small = spawn("small", small()).await.expect("it begins");
    assert_eq!(train(&small, 1).await["step"], json!(1));
}

/// The process that is killed: it trains step by step, and prints each.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "another test starts it"]
async fn process() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("a folder"));
    let runtime = open(&folder);
    let actor = runtime.actors().get("training").await.expect("it is kept");
    loop {
        let step = train(&actor, 1).await["step"].as_u64().expect("a number");
        println!("\nstep {step}");
        if step % CHECKPOINT_EVERY == 0 {
            actor.checkpoint().await.expect("it is taken");
        }
    }
}

/// Waits until the process has trained so many steps, kills it, and says where it was.
fn kill_after(steps: usize, mut process: Child) -> u64 {
    let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let step = lines.filter_map(|line| line.strip_prefix("step ")?.parse().ok()).nth(steps - 1);
    process.kill().expect("it is killed");
    process.wait().expect("it is gone");
    step.expect("the process trains until it is killed")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_with_100_mb_of_tensors_that_is_killed_goes_on_to_the_last_bit() {
    let (runtime, _folder) = runtime();
    let undisturbed = trainer(&runtime, "undisturbed", large(), Durability::Journal).await;
    let mut wanted = Json::Null;
    for _ in 0..STEPS {
        wanted = train(&undisturbed, 1).await;
    }
    assert!(wanted["tensor-bytes"].as_u64() > Some(100_000_000), "{wanted}");
    let weights = fingerprint(&undisturbed).await;
    for durability in [Durability::Journal, Durability::Checkpoint] {
        let folder = tempfile::tempdir().expect("a folder");
        trainer(&open(folder.path()), "training", large(), durability).await;
        for steps in KILLED_AFTER {
            let process = itself("training::process").env(FOLDER, folder.path()).stdout(Stdio::piped()).spawn();
            let step = kill_after(steps, process.expect("it starts"));
            assert!(step < STEPS, "it was to be killed on the way");
        }
        let runtime = open(folder.path());
        let actor = runtime.actors().get("training").await.expect("it is kept");
        let mut step = call(&actor, "progress", json!([])).await["step"].as_u64().expect("a number");
        assert!(step > 0, "{durability}");
        let mut reached = Json::Null;
        while step < STEPS {
            reached = train(&actor, 1).await;
            step += 1;
        }
        assert_eq!(reached, wanted, "{durability}");
        assert_eq!(fingerprint(&actor).await, weights, "{durability}");
    }
}
