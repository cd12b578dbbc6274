//! Objects of actors: they are as durable as the actor that holds them, and what came over HTTP is not asked for twice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use belljar::actor::ImportOptions;
use belljar::{Actor, Durability, Error, Grants, Limits, Plugin, Runtime, SpawnOptions};
use belljar_tests::server::{Reply, serve};
use belljar_tests::{plugin_path, runtime};
use serde_json::{Value as Json, json};

/// A runtime on a data directory that outlives it.
fn open(folder: &Path) -> Runtime {
    Runtime::builder().data_dir(folder.join("data")).build().expect("a runtime")
}

async fn load(runtime: &Runtime, origin: &str, limits: Limits) -> Plugin {
    let grants = Grants::default().actor("*").http(origin);
    runtime.load_with(plugin_path("warehouse"), grants, limits).await.expect("it loads")
}

async fn warehouse(runtime: &Runtime, name: &str, options: SpawnOptions) -> Actor {
    let plugin = load(runtime, "http://127.0.0.1:1", Limits::default()).await;
    runtime.actors().spawn(name, &plugin, options).await.expect("it begins")
}

async fn call(actor: &Actor, method: &str, arguments: Json) -> Result<Json, Error> {
    actor.call_json(method, arguments).submit().json().await
}

async fn read(actor: &Actor, name: &str) -> Json {
    call(actor, "read", json!([name])).await.expect("it answers")
}

/// 200 kB that differ from page to page.
fn large() -> String {
    (0..20_000).map(|at| format!("fact {at:04}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_go_in_and_out_and_outlive_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let large = large();
    {
        let runtime = open(folder.path());
        let stock = warehouse(&runtime, "stock", SpawnOptions::default()).await;
        let object = runtime.put(&large).expect("there is room");
        let size: u64 = stock.call("store").arg("large").object(&object).submit().get().await.expect("it is stored");
        assert_eq!(size, large.len() as u64);
        call(&stock, "write", json!(["small", "ten facts"])).await.expect("it is written");
        assert_eq!(*stock.call("fetch").arg("large").submit().bytes().await.expect("bytes"), *large.as_bytes());
    }
    for round in 0..3 {
        let runtime = open(folder.path());
        let stock = runtime.actors().get("stock").await.expect("it is kept");
        // What one actor returns can be passed on by reference, to a task's or another actor's method.
        let fetched = stock.call("fetch").arg("large").submit();
        let name = format!("copy-{round}");
        stock.call("store").arg(&name).object(&fetched).submit().get::<u64>().await.expect("it is stored");
        assert_eq!(read(&stock, &name).await, json!({ "ok": large }));
        assert_eq!(read(&stock, "small").await, json!({ "ok": "ten facts" }));
        match round {
            0 => stock.hibernate().await.expect("it sleeps"),
            1 => drop(stock.checkpoint().await.expect("it is taken")),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_another_call_is_passed_by_reference_and_waited_for() {
    let (runtime, _folder) = runtime();
    let [from, to] = ["from", "to"].map(|name| warehouse(&runtime, name, SpawnOptions::default()));
    let (from, to) = (from.await, to.await);
    from.call("write").arg("note").arg("milk").submit().get::<u64>().await.expect("it is written");
    let fetched = from.call("fetch").arg("note").submit();
    let stored = to.call("store").arg("note").object(&fetched).submit();
    assert_eq!(stored.get::<u64>().await.expect("it is stored"), 4);
    // A value that is no object is put in place as it is.
    let text = from.call("read").arg("note").submit();
    assert_eq!(to.call("write").arg("text").object(&text).submit().get::<u64>().await.expect("it is written"), 4);
    assert_eq!(read(&to, "text").await, json!({ "ok": "milk" }));
    let missing = from.call("fetch").arg("nothing").submit();
    let error = to.call("store").arg("x").object(&missing).submit().json().await.expect_err("there is none");
    assert!(error.to_string().contains("there is no nothing"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn actors_give_each_other_objects_whatever_they_keep() {
    let (runtime, _folder) = runtime();
    let levels = [Durability::Journal, Durability::Checkpoint, Durability::Volatile];
    let mut all = Vec::new();
    for level in levels {
        all.push(warehouse(&runtime, &level.to_string(), SpawnOptions::default().durability(level)).await);
    }
    for (at, one) in all.iter().enumerate() {
        let name = format!("of-{at}");
        call(one, "write", json!([name, format!("text of {at}")])).await.expect("it is written");
        for other in all.iter().filter(|other| other.name() != one.name()) {
            let given = call(one, "give", json!([other.name(), name])).await.expect("it is given");
            assert!(given["ok"].is_u64(), "{given}");
            let taken = call(other, "take", json!([one.name(), name])).await.expect("it is taken");
            assert!(taken["ok"].is_u64(), "{taken}");
            assert_eq!(read(other, &name).await, json!({ "ok": format!("text of {at}") }));
        }
    }
    for kept in &all[..2] {
        kept.hibernate().await.expect("it sleeps");
        assert_eq!(call(kept, "names", json!([])).await.expect("names"), json!(["of-0", "of-1", "of-2"]));
        assert_eq!(read(kept, "of-2").await, json!({ "ok": "text of 2" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_comes_to_the_same_objects() {
    let folder = tempfile::tempdir().expect("a folder");
    let digest = {
        let runtime = open(folder.path());
        let stock = warehouse(&runtime, "stock", SpawnOptions::default()).await;
        let other = warehouse(&runtime, "other", SpawnOptions::default()).await;
        for at in 0..5 {
            let object = runtime.put(format!("object {at}")).expect("there is room");
            stock.call("store").arg(format!("o{at}")).object(&object).submit().get::<u64>().await.expect("stored");
        }
        call(&stock, "give", json!(["other", "o1"])).await.expect("it is given");
        call(&other, "write", json!(["back", "from the other"])).await.expect("it is written");
        call(&stock, "take", json!(["other", "back"])).await.expect("it is taken");
        call(&stock, "discard", json!(["o0"])).await.expect("it is discarded");
        call(&stock, "waste", json!([100])).await.expect("it is wasted");
        stock.state_digest().await.expect("a digest")
    };
    let runtime = open(folder.path());
    let stock = runtime.actors().get("stock").await.expect("it is kept");
    assert_eq!(stock.state_digest().await.expect("a digest"), digest);
    assert_eq!(read(&stock, "back").await, json!({ "ok": "from the other" }));
    assert_eq!(read(&stock, "o4").await, json!({ "ok": "object 4" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_kept_while_a_checkpoint_or_a_message_names_it() {
    let (runtime, _folder) = runtime();
    let stock = warehouse(&runtime, "stock", SpawnOptions::default()).await;
    let large = large();
    call(&stock, "write", json!(["large", large])).await.expect("it is written");
    let with_it = stock.checkpoint().await.expect("it is taken").generation;
    call(&stock, "discard", json!(["large"])).await.expect("it is discarded");
    stock.hibernate().await.expect("it sleeps");
    runtime.actors().collect_garbage().await.expect("it goes well");
    let back = stock.fork_from(with_it, "back").await.expect("it is forked");
    assert_eq!(read(&back, "large").await, json!({ "ok": large }));
    // In checkpoints that are not kept any more, and in what is replayed for none that is.
    runtime.actors().get("back").await.expect("it is there").remove().await.expect("it is removed");
    for at in 0..4 {
        call(&stock, "write", json!(["small", format!("text {at}")])).await.expect("it is written");
        stock.checkpoint().await.expect("it is taken");
    }
    let collected = runtime.actors().collect_garbage().await.expect("it goes well");
    assert!(collected.pack_bytes_removed > 10_000, "{collected:?}");
    assert_eq!(read(&stock, "small").await, json!({ "ok": "text 3" }));
    assert!(runtime.actors().kept().expect("kept").verify(|_| ()).expect("it is read").is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_under_two_names_are_freed_twice() {
    let (runtime, _folder) = runtime();
    for level in [Durability::Journal, Durability::Volatile] {
        let stock = warehouse(&runtime, &level.to_string(), SpawnOptions::default().durability(level)).await;
        for name in ["a", "b"] {
            call(&stock, "write", json!([name, "the same"])).await.expect("it is written");
        }
        call(&stock, "discard", json!(["a"])).await.expect("it is discarded");
        if level == Durability::Journal {
            stock.hibernate().await.expect("it sleeps");
        }
        assert_eq!(read(&stock, "b").await, json!({ "ok": "the same" }));
        assert_eq!(call(&stock, "discard", json!(["b"])).await.expect("it is discarded"), json!({ "ok": null }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forks_bundles_and_stored_results_have_their_objects() {
    let (source, target) = (runtime(), runtime());
    let stock = warehouse(&source.0, "stock", SpawnOptions::default()).await;
    call(&stock, "write", json!(["note", "milk"])).await.expect("it is written");
    let fetch = || stock.call("fetch").arg("note").id("fetch-1").submit();
    assert_eq!(&*fetch().bytes().await.expect("bytes"), b"milk");
    stock.hibernate().await.expect("it sleeps");
    assert_eq!(&*fetch().bytes().await.expect("the same bytes"), b"milk");
    let fork = stock.fork("fork").await.expect("it is forked");
    assert_eq!(read(&fork, "note").await, json!({ "ok": "milk" }));
    let file = source.1.path().join("stock.belljar");
    source.0.actors().kept().expect("kept").export("stock", None, &file).expect("it is written");
    let options = ImportOptions { with_grants: true, ..ImportOptions::default() };
    let imported = target.0.actors().import(&file, options).await.expect("it is read");
    assert_eq!(read(&imported, "note").await, json!({ "ok": "milk" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replay_asks_of_http_was_asked_before() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let origin = serve(move |path| {
        let nth = count.fetch_add(1, Ordering::SeqCst);
        let status = if path == "gone" { "404 Not Found" } else { "200 OK" };
        Reply { status, location: None, body: format!("answer {nth} to {path}").into_bytes() }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let digest = {
        let runtime = open(folder.path());
        let plugin = load(&runtime, &origin, Limits::default()).await;
        let stock = runtime.actors().spawn("stock", &plugin, SpawnOptions::default()).await.expect("it begins");
        for path in ["a", "gone", "b"] {
            call(&stock, "download", json!([path, format!("{origin}/{path}")])).await.expect("it answers");
        }
        let refused = call(&stock, "download", json!(["c", "http://127.0.0.1:2/c"])).await.expect("it answers");
        assert!(refused["error"].as_str().is_some_and(|text| text.contains("granted")), "{refused}");
        stock.state_digest().await.expect("a digest")
    };
    let runtime = open(folder.path());
    let stock = runtime.actors().get("stock").await.expect("it is kept");
    assert_eq!(stock.state_digest().await.expect("a digest"), digest);
    assert_eq!(read(&stock, "b").await, json!({ "ok": "answer 2 to b" }));
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_that_holds_too_many_objects_is_as_before_the_message() {
    let (runtime, _folder) = runtime();
    let plugin = load(&runtime, "http://127.0.0.1:1", Limits { objects_held_max: 2, ..Limits::default() }).await;
    let stock = runtime.actors().spawn("stock", &plugin, SpawnOptions::default()).await.expect("it begins");
    for name in ["a", "b"] {
        call(&stock, "write", json!([name, format!("text {name}")])).await.expect("it is written");
    }
    let object = runtime.put("one too many").expect("there is room");
    let refused = stock.call("store").arg("c").object(&object).submit().json().await.expect_err("it is full");
    assert!(refused.to_string().contains("objects"), "{refused}");
    assert_eq!(call(&stock, "names", json!([])).await.expect("names"), json!(["a", "b"]));
    call(&stock, "discard", json!(["a"])).await.expect("it is discarded");
    assert_eq!(stock.call("store").arg("c").object(&object).submit().get::<u64>().await.expect("there is room"), 12);
}
