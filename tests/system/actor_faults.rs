//! Messages that harm the actor, or the process: they end as dead letters, their effect is undone, and what waits behind
//! them is served in order.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use belljar::actor::ActorError;
use belljar::{Actor, Error, Grants, Limits, Runtime, RuntimeEvent, SpawnOptions};
use belljar_tests::{itself, plugin, plugin_path, runtime};
use serde_json::{Value as Json, json};

const FOLDER: &str = "BELLJAR_TEST_FOLDER";

async fn hostile(runtime: &Runtime, limits: Limits) -> Actor {
    let plugin = runtime.load_with(plugin_path("hostile-actor"), Grants::default(), limits).await.expect("it loads");
    runtime.actors().spawn("h", &plugin, SpawnOptions::default()).await.expect("it begins")
}

async fn call(actor: &Actor, method: &str, arguments: Json) -> Result<Json, Error> {
    actor.call_json(method, arguments).submit().json().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_is_a_dead_letter_and_the_rest_is_served_in_order() {
    let (runtime, _folder) = runtime();
    let hostile = hostile(&runtime, Limits::default()).await;
    let words = ["one", "two", "poison", "three", "poison", "four"];
    let calls: Vec<_> = words.iter().map(|word| hostile.call("process").arg(word).submit()).collect();
    let mut sums = Vec::new();
    for call in &calls {
        sums.push(call.get::<i64>().await.ok());
    }
    assert_eq!(sums, [Some(3), Some(6), None, Some(11), None, Some(15)]);
    let letters = hostile.info().await.expect("it is awake").awake.expect("it is awake").dead_letters;
    let letters: Vec<_> = letters.iter().map(|letter| (letter.sequence, letter.arguments.as_str())).collect();
    assert_eq!(letters, [(3, r#"["poison"]"#), (5, r#"["poison"]"#)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_stops_a_call_its_effect_is_undone_and_the_actor_serves_on() {
    let (runtime, _folder) = runtime();
    let limits = Limits { deadline_ms: 300, memory_bytes_max: 16 << 20, ..Limits::default() };
    let hostile = hostile(&runtime, limits).await;
    assert_eq!(call(&hostile, "add", json!([5])).await.expect("a sum"), json!(5));
    for method in ["panic-after", "spin-after", "allocate-after", "recurse-after", "log-flood-after"] {
        let fault = call(&hostile, method, json!([100])).await.expect_err(method);
        assert!(fault.fault().is_some(), "{method}: {fault:?}");
        assert_eq!(call(&hostile, "get", json!([])).await.expect("a sum"), json!(5), "after {method}");
    }
    let refused = call(&hostile, "refuse-after", json!([2])).await.expect("an error is an answer");
    assert_eq!(refused, json!({"error": "refused at 7"}));
    assert_eq!(call(&hostile, "get", json!([])).await.expect("a sum"), json!(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_has_no_effect_and_is_no_fault_of_the_actor() {
    let (runtime, _folder) = runtime();
    let plugin = plugin(&runtime, "hostile-actor").await;
    let options = SpawnOptions { restarts_max: 1, ..SpawnOptions::default() };
    let hostile = runtime.actors().spawn("h", &plugin, options).await.expect("it begins");
    for _ in 0..4 {
        let spinning = hostile.call("spin-after").arg(100).submit();
        tokio::time::sleep(Duration::from_millis(30)).await;
        spinning.cancel();
        assert_eq!(call(&hostile, "get", json!([])).await.expect("a sum"), json!(0));
    }
}

/// A process that dies when its actor says its first line: whatever it had written before is all there is.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process of the test below"]
async fn process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let runtime = open(Path::new(&folder));
    let mut events = runtime.events();
    std::thread::spawn(move || {
        // Whoever cannot keep up with the lines, which a flood of them sees to, has missed some.
        while matches!(events.blocking_recv(), Ok(event) if !matches!(event, RuntimeEvent::Log { .. })) {}
        // Time for what was noted of the message to reach the disk, which others use too: it goes on as long as the
        // process.
        std::thread::sleep(Duration::from_secs(2));
        std::process::abort();
    });
    let hostile = runtime.actors().get("h").await.expect("it is kept");
    call(&hostile, "log-flood-after", json!([100])).await.ok();
}

fn open(folder: &Path) -> Runtime {
    Runtime::builder().data_dir(folder.join("data")).build().expect("a runtime")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_the_process_again_and_again_becomes_a_dead_letter() {
    let folder = tempfile::tempdir().expect("a folder");
    let retries = {
        let runtime = open(folder.path());
        let limits = Limits { log_lines_per_second_max: u32::MAX, ..Limits::default() };
        let hostile = hostile(&runtime, limits).await;
        call(&hostile, "add", json!([5])).await.expect("a sum");
        SpawnOptions::default().message_retries_max
    };
    // The first process takes the message, and the others find it; each also brings one of its own, which it never
    // comes to.
    for life in 0..=retries {
        let mut child = itself("actor_faults::process");
        let ended = child.env(FOLDER, folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(!ended.expect("it runs").success(), "life {life} went on");
    }
    let runtime = open(folder.path());
    let hostile = runtime.actors().get("h").await.expect("it is kept");
    assert_eq!(call(&hostile, "add", json!([1])).await.expect("it serves"), json!(6));
    let letters = hostile.info().await.expect("it is awake").awake.expect("it is awake").dead_letters;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!((letters[0].method.as_str(), letters[0].arguments.as_str()), ("log-flood-after", "[100]"));
    assert!(letters[0].reason.contains("died"), "{letters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_with_too_many_faults_in_a_row_is_given_up_until_it_is_started() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let runtime = open(folder.path());
        let plugin = plugin(&runtime, "hostile-actor").await;
        let options = SpawnOptions { restarts_max: 2, ..SpawnOptions::default() };
        let hostile = runtime.actors().spawn("h", &plugin, options).await.expect("it begins");
        call(&hostile, "add", json!([5])).await.expect("a sum");
        for _ in 0..3 {
            call(&hostile, "panic-after", json!([1])).await.expect_err("it panics");
        }
        let refused = call(&hostile, "get", json!([])).await;
        assert!(matches!(refused, Err(Error::Actor(ActorError::NotRunning { .. }))), "{refused:?}");
    }
    let runtime = open(folder.path());
    let hostile = runtime.actors().get("h").await.expect("it is kept");
    let refused = call(&hostile, "get", json!([])).await;
    assert!(matches!(refused, Err(Error::Actor(ActorError::NotRunning { .. }))), "{refused:?}");
    hostile.start().await.expect("it starts");
    assert_eq!(call(&hostile, "get", json!([])).await.expect("a sum"), json!(5));
}
