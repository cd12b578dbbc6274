//! Plugins in every language have the host compute: they train on its tensors, and run kernels of their own. The host
//! computes, so all of them come to the same numbers.

use belljar::{Actor, Durability, Grants, Limits, Runtime, SpawnOptions};
use belljar_tests::{device, plugin_path, root};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// The same actor in each language.
const ABACI: [&str; 4] = ["abacus", "abacus-c", "abacus-js", "abacus-python"];

/// The actor in one of the languages; none where its toolchain is not installed, which is said.
async fn abacus(runtime: &Runtime, name: &str) -> Option<Actor> {
    let is_in_rust = name == "abacus";
    if !is_in_rust && !root().join("target/plugins").join(format!("{name}.wasm")).is_file() {
        println!("SKIPPED: {name} is not built; `cargo xtask plugins --languages` builds it");
        return None;
    }
    let plugin = runtime.load_with(plugin_path(name), Grants::default().compute(), Limits::default()).await;
    let plugin = plugin.unwrap_or_else(|error| panic!("{name} does not load: {error}"));
    // What a kernel comes to is not replayed.
    let options = SpawnOptions::default().durability(Durability::Checkpoint);
    Some(runtime.actors().spawn(name, &plugin, options).await.expect("it begins"))
}

/// A runtime whose guests run kernels on whatever adapter there is.
fn runtime() -> (Runtime, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Runtime::builder().data_dir(folder.path().join("data")).device(device()).build().expect("a runtime");
    (runtime, folder)
}

async fn call(actor: &Actor, method: &str, arguments: Json) -> Json {
    actor.call_json(method, arguments).submit().json().await.expect("it answers")
}

/// How well the network does after so many more steps.
async fn train(actor: &Actor, steps: u32) -> Json {
    let answer = call(actor, "train", json!([steps])).await;
    answer.get("ok").unwrap_or_else(|| panic!("it failed: {answer}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_comes_to_the_same_in_every_language_to_the_last_bit() {
    let (runtime, _folder) = runtime();
    let mut wanted = None;
    for name in ABACI {
        let Some(actor) = abacus(&runtime, name).await else { continue };
        let mut reached = vec![train(&actor, 0).await, train(&actor, 30).await];
        // Its tensors are a part of its state.
        actor.hibernate().await.expect("it sleeps");
        reached.extend([train(&actor, 70).await, train(&actor, 0).await]);

        let loss = |at: usize| reached[at]["loss"].as_f64().expect("a number");
        assert!(loss(2) < loss(0) / 4.0, "{name}: {reached:?}");
        assert_eq!(reached[2], reached[3], "{name}: to look at the network does not change it");
        assert!(reached[2]["accuracy"].as_f64() > Some(0.98), "{name}: {reached:?}");
        assert_eq!(*wanted.get_or_insert_with(|| reached.clone()), reached, "{name}");
    }
}

/// How many steps a number takes to 1, as the plugins' world says it.
fn collatz(mut number: u32) -> u32 {
    let mut steps = 0;
    while number > 1 {
        let next = if number.is_multiple_of(2) {
            Some(number / 2)
        } else {
            number.checked_mul(3).and_then(|n| n.checked_add(1))
        };
        match next {
            Some(next) => number = next,
            None => return u32::MAX,
        }
        steps += 1;
    }
    steps
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_counts_right_in_every_language() {
    // More than one workgroup, and no whole number of them; and a way of 524 steps that needs all 32 bits.
    let numbers: Vec<u32> = (0..1000).chain([837_799, 0x5555_5554, 0x5555_5555, 0x5555_5556, u32::MAX]).collect();
    let wanted: Vec<u32> = numbers.iter().copied().map(collatz).collect();
    assert!(wanted.contains(&524) && wanted.contains(&u32::MAX));
    let (runtime, _folder) = runtime();
    for name in ABACI {
        let Some(actor) = abacus(&runtime, name).await else { continue };
        let answer = call(&actor, "collatz", json!([numbers])).await;
        if let Some(why) = answer["error"].get("no-adapter") {
            println!("SKIPPED: {name} ran no kernel, because there is no adapter: {why}");
            continue;
        }
        assert_eq!(answer, json!({ "ok": wanted }), "{name}");
        // The kernel is built once, and a part of the actor's state.
        actor.hibernate().await.expect("it sleeps");
        assert_eq!(call(&actor, "collatz", json!([[27, 97]])).await, json!({ "ok": [111, 118] }), "{name}");
        assert_eq!(call(&actor, "collatz", json!([[]])).await, json!({ "ok": [] }), "{name}");
    }
}
