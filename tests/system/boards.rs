//! Boards that the host keeps for an actor: a part of its state like its memory, whatever becomes of it.

use std::path::Path;
use std::time::Duration;

use belljar::actor::ImportOptions;
use belljar::{Actor, Durability, Error, Grants, Limits, Plugin, Runtime, SpawnOptions};
use belljar_tests::{item, plugin_path, report, run_workflow, runtime};
use serde_json::{Value as Json, json};

/// A runtime on a data directory that outlives it.
fn open(folder: &Path) -> Runtime {
    Runtime::builder().data_dir(folder.join("data")).build().expect("a runtime")
}

async fn load(runtime: &Runtime, limits: Limits) -> Result<Plugin, Error> {
    runtime.load_with(plugin_path("life"), Grants::default().compute(), limits).await
}

async fn game(runtime: &Runtime, name: &str, config: Json, options: SpawnOptions) -> Actor {
    let plugin = load(runtime, Limits::default()).await.expect("it loads");
    runtime.actors().spawn(name, &plugin, options.config(config.to_string())).await.expect("it begins")
}

async fn call(actor: &Actor, method: &str, arguments: Json) -> Result<Json, Error> {
    actor.call_json(method, arguments).submit().json().await
}

async fn step(actor: &Actor, generations: u64) -> Json {
    let answer = call(actor, "step", json!([generations])).await.expect("it answers");
    answer["ok"].clone()
}

async fn summary(actor: &Actor) -> Json {
    call(actor, "summary", json!([])).await.expect("it answers")["ok"].clone()
}

fn soup() -> Json {
    json!({ "width": 100, "height": 70, "seed": 7, "ages": true })
}

/// What a game comes to that nothing happens to.
async fn undisturbed(generations: u64) -> Json {
    let (runtime, _folder) = runtime();
    let actor = game(&runtime, "undisturbed", soup(), SpawnOptions::default().durability(Durability::Volatile)).await;
    step(&actor, generations).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_goes_on_after_every_end_of_its_instance() {
    let wanted = undisturbed(50).await;
    for durability in [Durability::Journal, Durability::Checkpoint] {
        let folder = tempfile::tempdir().expect("a folder");
        game(&open(folder.path()), "game", soup(), SpawnOptions::default().durability(durability)).await;
        for round in 1..=10 {
            let runtime = open(folder.path());
            let actor = runtime.actors().get("game").await.expect("it is kept");
            assert_eq!(step(&actor, 5).await["generation"], json!(5 * round), "{durability}");
            match (durability, round % 3) {
                // What is in the journal is repeated.
                (Durability::Journal, 0) => {}
                (_, 1) => actor.hibernate().await.expect("it sleeps"),
                _ => drop(actor.checkpoint().await.expect("it is taken")),
            }
        }
        let runtime = open(folder.path());
        let actor = runtime.actors().get("game").await.expect("it is kept");
        assert_eq!(summary(&actor).await, wanted, "{durability}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_comes_to_the_same_boards() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = {
        let runtime = open(folder.path());
        let actor = game(&runtime, "game", soup(), SpawnOptions::default()).await;
        step(&actor, 3).await;
        actor.checkpoint().await.expect("it is taken");
        step(&actor, 4).await;
        actor.state_digest().await.expect("it is awake")
    };
    let runtime = open(folder.path());
    let actor = runtime.actors().get("game").await.expect("it is kept");
    assert_eq!(actor.state_digest().await.expect("it is awake"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn forks_restores_and_copies_have_boards_of_their_own() {
    let (folder, elsewhere) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let runtime = open(folder.path());
    let actor = game(&runtime, "game", soup(), SpawnOptions::default()).await;
    let at_10 = step(&actor, 10).await;
    let generation = actor.checkpoint().await.expect("it is taken").generation;
    let fork = actor.fork("fork").await.expect("it begins");
    let at_20 = step(&actor, 10).await;
    assert_eq!(summary(&fork).await, at_10);
    assert_eq!(step(&fork, 10).await, at_20);

    actor.restore(generation).await.expect("it goes back");
    assert_eq!(summary(&actor).await, at_10);

    let file = folder.path().join("game.actor");
    runtime.actors().kept().expect("kept").export("game", None, &file).expect("it is written");
    let there = open(elsewhere.path());
    let options = ImportOptions { with_grants: true, ..ImportOptions::default() };
    let copy = there.actors().import(&file, options).await.expect("it begins");
    assert_eq!(step(&copy, 10).await, at_20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_past_its_deadline_leaves_the_board_as_it_was() {
    let (runtime, _folder) = runtime();
    for durability in [Durability::Journal, Durability::Checkpoint] {
        let limits = Limits { deadline_ms: 300, ..Limits::default() };
        let plugin = load(&runtime, limits).await.expect("it loads");
        let options = SpawnOptions::default().durability(durability).config(json!({ "size": 2000 }).to_string());
        let actor = runtime.actors().spawn(&format!("{durability}"), &plugin, options).await.expect("it begins");
        let before = step(&actor, 1).await;
        actor.checkpoint().await.expect("it is taken");

        let fault = call(&actor, "step", json!([1_000_000_000_000_u64])).await.expect_err("nobody waits that long");

        assert!(fault.to_string().contains("300"), "{fault}");
        assert_eq!(summary(&actor).await, before);
        assert_eq!(step(&actor, 1).await["generation"], json!(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boards_have_a_limit_and_need_a_grant() {
    let (runtime, _folder) = runtime();
    let refused = runtime.load_with(plugin_path("life"), Grants::default(), Limits::default()).await;
    let refused = refused.map(drop).expect_err("it may not compute");
    assert!(refused.to_string().contains("automaton") && refused.to_string().contains("compute = true"), "{refused}");

    let limits = Limits { compute_bytes_max: 100_000, ..Limits::default() };
    let plugin = load(&runtime, limits).await.expect("it loads");
    let options = |size: u32| SpawnOptions::default().config(json!({ "size": size }).to_string());
    let error = runtime.actors().spawn("large", &plugin, options(2000)).await.map(drop).expect_err("it is too large");
    assert!(error.to_string().contains("100000"), "{error}");
    let small = runtime.actors().spawn("small", &plugin, options(100)).await.expect("it begins");
    assert_eq!(step(&small, 1).await["generation"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_is_returned_only_as_far_as_one_call_may_return() {
    let (runtime, _folder) = runtime();
    let plugin =
        load(&runtime, Limits { host_call_bytes_max: 1_000_000, ..Limits::default() }).await.expect("it loads");
    for (size, is_returned) in [(100, true), (3_000, false)] {
        let options = SpawnOptions::default().config(json!({ "size": size, "history": 0 }).to_string());
        let actor = runtime.actors().spawn(&format!("{size}"), &plugin, options).await.expect("it begins");
        let state = call(&actor, "state", json!([null])).await.expect("it answers");
        assert_eq!(state.get("ok").is_some(), is_returned, "{size}");
        assert!(is_returned || state["error"].to_string().contains("1000000"), "{size}");
        assert_eq!(step(&actor, 1).await["generation"], json!(1));
    }
}

/// Spinning neighbours with large boards, more than there are processors, do not keep a small game waiting for as long as
/// their own steps take.
#[tokio::test(flavor = "multi_thread")]
async fn games_take_turns() {
    let (runtime, _folder) = runtime();
    let volatile = || SpawnOptions::default().durability(Durability::Volatile);
    let small = game(&runtime, "small", json!({ "size": 300, "history": 0 }), volatile()).await;
    let mut busy = Vec::new();
    for neighbour in 0..2 * std::thread::available_parallelism().expect("some").get() + 1 {
        let config = json!({ "size": 4000, "history": 0 });
        let large = game(&runtime, &format!("large-{neighbour}"), config, volatile()).await;
        busy.push(large.call_json("step", json!([1_000_000_000_000_u64])).submit());
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..20 {
        step(&small, 100).await;
    }
    assert_eq!(summary(&small).await["generation"], json!(2000));
    for busy in busy {
        busy.cancel();
        busy.json().await.expect_err("it was cancelled");
    }
}

#[test]
fn a_workflow_plays_a_game_of_each_seed_and_all_engines_come_to_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let play = |engine: &str| {
        let seeds = ["5", "6"].join(",");
        let set = [("seeds", Path::new(&seeds)), ("generations", Path::new("70")), ("engine", Path::new(engine))];
        let output = run_workflow("life.toml", &folder.path().join(engine), &set).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report = report(&output);
        ["5", "6"].map(|seed| item(&report, seed)["record"].clone())
    };
    let by_host = play("host");
    assert_eq!(by_host[0]["generation"], json!(70));
    assert_ne!(by_host[0]["hash"], by_host[1]["hash"]);
    assert_eq!(by_host, play("simd"));
}
