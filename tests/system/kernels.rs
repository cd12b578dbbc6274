//! Kernels of plugins' own on the compute device: buffers that are a part of an actor's state, and kernels that end badly.
//! Where there is no Vulkan driver, each test says that it was skipped.

use belljar::{Actor, Durability, Error, Grants, Limits, Runtime, SpawnOptions};
use belljar_tests::{plugin_path, runtime_with_device};
use serde_json::{Value as Json, json};

/// Adds to every number how many invocations there are before it.
const COUNT: &str = "
    @group(0) @binding(0) var<storage, read_write> numbers: array<u32>;
    @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) at: vec3<u32>) { numbers[at.x] += at.x; }";

/// Never ends.
const ENDLESS: &str = "
    @group(0) @binding(0) var<storage, read_write> numbers: array<u32>;
    @compute @workgroup_size(1) fn main() { loop { numbers[0] += 1u; if numbers[1] == 1234567u { break; } } }";

async fn bench(runtime: &Runtime, name: &str, durability: Durability) -> Result<Actor, Error> {
    let grants = Grants::default().compute();
    let plugin = runtime.load_with(plugin_path("workbench"), grants, Limits::default()).await?;
    runtime.actors().spawn(name, &plugin, SpawnOptions::default().durability(durability)).await
}

async fn call(actor: &Actor, method: &str, arguments: Json) -> Result<Json, Error> {
    actor.call_json(method, arguments).submit().json().await
}

/// What a call comes to that goes well.
async fn good(actor: &Actor, method: &str, arguments: Json) -> Json {
    let answer = call(actor, method, arguments).await.expect("it answers");
    answer.get("ok").unwrap_or_else(|| panic!("{method}: {answer}")).clone()
}

async fn numbers(actor: &Actor) -> Json {
    good(actor, "get", json!([])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buffer_is_a_part_of_an_actors_state() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let Some(runtime) = runtime_with_device(folder.path()).await else { return };
        let actor = bench(&runtime, "bench", Durability::Checkpoint).await.expect("it begins");
        good(&actor, "put", json!([[10, 20, 30, 40]])).await;
        good(&actor, "run", json!([COUNT, 1])).await;
        assert_eq!(numbers(&actor).await, json!([10, 21, 32, 43]));
        let usage = actor.info().await.expect("it is there").awake.expect("it is awake").compute;
        assert_eq!((usage.dispatches, usage.memory_bytes, usage.device_bytes_written), (1, 16, 16), "{usage:?}");
        let generation = actor.checkpoint().await.expect("it is taken").generation;
        good(&actor, "leave", json!([COUNT, 1])).await;
        assert_eq!(numbers(&actor).await, json!([10, 22, 34, 46]));
        let fork = actor.fork("fork").await.expect("it begins");
        actor.restore(generation).await.expect("it goes back");
        assert_eq!(numbers(&actor).await, json!([10, 21, 32, 43]));
        assert_eq!(numbers(&fork).await, json!([10, 22, 34, 46]));
        good(&fork, "run", json!([COUNT, 1])).await;
        fork.hibernate().await.expect("it sleeps");
        assert_eq!(numbers(&fork).await, json!([10, 23, 36, 49]));
    }
    let runtime = runtime_with_device(folder.path()).await.expect("there was a device");
    let actor = runtime.actors().get("bench").await.expect("it is kept");
    assert_eq!(numbers(&actor).await, json!([10, 21, 32, 43]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_need_not_come_to_the_same_twice_is_not_journaled() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Runtime::builder().data_dir(folder.path().join("data")).build().expect("a runtime");
    let refused = bench(&runtime, "bench", Durability::Journal).await.map(drop).expect_err("it cannot be replayed");
    assert!(refused.to_string().contains("--durability checkpoint"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_that_never_ends_is_an_error_and_nobody_elses() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(runtime) = runtime_with_device(folder.path()).await else { return };
    let hostile = bench(&runtime, "hostile", Durability::Volatile).await.expect("it begins");
    let other = bench(&runtime, "other", Durability::Volatile).await.expect("it begins");
    for actor in [&hostile, &other] {
        good(actor, "put", json!([[1, 2, 3, 4]])).await;
    }
    let answer = call(&hostile, "run", json!([ENDLESS, 1])).await.expect("it answers");
    assert!(answer["error"].get("out-of-fuel").is_some(), "{answer}");
    good(&other, "run", json!([COUNT, 1])).await;
    assert_eq!(numbers(&other).await, json!([1, 3, 5, 7]));
    good(&hostile, "put", json!([[5, 6, 7, 8]])).await;
    good(&hostile, "run", json!([COUNT, 1])).await;
    assert_eq!(numbers(&hostile).await, json!([5, 7, 9, 11]));
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_a_call_leaves_to_the_host_fails_the_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(runtime) = runtime_with_device(folder.path()).await else { return };
    let actor = bench(&runtime, "bench", Durability::Checkpoint).await.expect("it begins");
    good(&actor, "put", json!([[1, 2, 3, 4]])).await;
    actor.checkpoint().await.expect("it is taken");
    let fault = call(&actor, "leave", json!([ENDLESS, 1])).await.expect_err("it never ends").to_string();
    assert!(fault.contains("fuel"), "{fault}");
    assert_eq!(numbers(&actor).await, json!([1, 2, 3, 4]), "the fault undoes what the call did");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_that_is_no_kernel_is_refused_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(runtime) = runtime_with_device(folder.path()).await else { return };
    let actor = bench(&runtime, "bench", Durability::Volatile).await.expect("it begins");
    good(&actor, "put", json!([[1]])).await;
    let answer = call(&actor, "run", json!(["@compute @workgroup_size(1)\nfn main() { nothing(); }", 1])).await;
    let answer = answer.expect("it answers");
    assert_eq!(answer["error"]["validation"]["position"]["line"], json!(2), "{answer}");
    assert_eq!(numbers(&actor).await, json!([1]));
}
