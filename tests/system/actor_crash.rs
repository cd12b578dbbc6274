//! `kill -9` at random moments of a process with 50 journaled actors that are called, call each other and set timers:
//! every call that was answered is there exactly once, also those between actors, and every timer has rung once.
//!
//! Every call has an id, and the next process sends those again that were not answered. So in the end each of them must
//! have been carried out exactly once, and what every actor should be can be computed from the diary alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use belljar::actor::ActorError;
use belljar::{Actor, Error, Grants, Limits, Runtime, SpawnOptions};
use belljar_tests::{itself, plugin, plugin_path};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::actor_diary::{Diary, Sent, Story};

/// How often the process is killed, unless `BELLJAR_CRASHES` says otherwise.
const CRASHES: u64 = 30;
/// Counters that are only called from outside.
const COUNTERS: u64 = 30;
/// Counters that tellers move money between.
const ACCOUNTS: u64 = 10;
/// Actors that call others and set timers.
const TELLERS: u64 = 10;
/// What an account has at first: more than can be transferred.
const START: i64 = 1_000_000;
/// Calls whose result a teller never takes, in each life of the process: it may have 1,024 of them in all.
const PAY_OUTS: u64 = 2;

const FOLDER: &str = "BELLJAR_TEST_FOLDER";
const LIFE: &str = "BELLJAR_TEST_LIFE";
/// The life that finishes everything.
const LAST_LIFE: u64 = u64::MAX;

/// Numbers that look random and are the same in every run: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn diary_of(folder: &Path) -> PathBuf {
    folder.join("diary")
}

/// The process that is killed.
struct World {
    runtime: Runtime,
    diary: Diary,
}

impl World {
    /// Calls an actor under an id until it answers.
    async fn call(&self, id: &str, call: &Sent) -> Option<Json> {
        let actor = match self.runtime.actors().get(&call.actor).await {
            Ok(actor) => actor,
            Err(error) => {
                self.diary.problem(&format!("{id}: there is no {}: {error}", call.actor));
                return None;
            }
        };
        match actor.call_json(&call.method, call.arguments.clone()).id(id).submit().json().await {
            Ok(result) => {
                self.diary.answered(id, &result);
                Some(result)
            }
            Err(error) => {
                self.diary.problem(&format!("{id}: {call:?} failed: {error:?}"));
                None
            }
        }
    }

    async fn send(&self, id: String, actor: String, method: &str, arguments: Json) -> Option<Json> {
        let call = Sent { actor, method: method.to_owned(), arguments };
        self.diary.sent(&id, &call);
        self.call(&id, &call).await
    }

    /// Begins an actor, unless there is one already.
    async fn spawn(&self, name: &str, from: &str, config: Option<String>) -> Option<Actor> {
        let plugin = match from {
            "teller" => {
                let grants = Grants::default().actor("*");
                self.runtime.load_with(plugin_path(from), grants, Limits::default()).await.expect("it loads")
            }
            _ => plugin(&self.runtime, from).await,
        };
        let mut options = SpawnOptions::default().config(config.unwrap_or_default());
        // Whatever runs when the process is killed is innocent.
        options.message_retries_max = 10_000;
        match self.runtime.actors().spawn(name, &plugin, options).await {
            Ok(actor) => Some(actor),
            Err(Error::Actor(ActorError::NameTaken { .. })) => self.runtime.actors().get(name).await.ok(),
            Err(error) => {
                self.diary.problem(&format!("{name} cannot begin: {error:?}"));
                None
            }
        }
    }

    async fn spawn_all(&self) {
        for at in 0..COUNTERS {
            self.spawn(&format!("counter-{at}"), "counter", None).await;
        }
        for at in 0..ACCOUNTS {
            self.spawn(&format!("account-{at}"), "counter", Some(json!({"start": START}).to_string())).await;
        }
        for at in 0..TELLERS {
            self.spawn(&format!("teller-{at}"), "teller", None).await;
        }
    }

    /// Counts until it is killed.
    async fn count(&self, life: u64, counter: u64) {
        for round in 0.. {
            self.send(format!("count-{life}-{counter}-{round}"), format!("counter-{counter}"), "add", json!([1])).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Gives a teller work until it is killed.
    async fn work(&self, life: u64, teller: u64) {
        let mut dice = Dice(life * TELLERS + teller);
        let mut pay_outs = 0;
        for round in 0.. {
            let account = |dice: &mut Dice| format!("account-{}", dice.below(ACCOUNTS));
            let (method, arguments) = match dice.below(8) {
                0..4 => {
                    let (from, to) = (account(&mut dice), account(&mut dice));
                    ("transfer", json!([from, to, 1 + dice.below(9)]))
                }
                4 if pay_outs < PAY_OUTS => {
                    pay_outs += 1;
                    ("pay-out", json!([[account(&mut dice), account(&mut dice)], 1]))
                }
                // Upwards only, or two tellers might wait for each other.
                5 if teller + 2 < TELLERS => {
                    ("ring", json!([[format!("teller-{}", teller + 1), format!("teller-{}", teller + 2)]]))
                }
                6 => ("answering", json!([[account(&mut dice), account(&mut dice)], dice.below(3)])),
                _ => ("remind", json!([format!("{life}-{teller}-{round}"), dice.below(200)])),
            };
            self.send(format!("{method}-{life}-{teller}-{round}"), format!("teller-{teller}"), method, arguments).await;
        }
    }

    /// Puts actors to sleep and takes checkpoints, in between everything else.
    async fn disturb(&self, life: u64) {
        let mut dice = Dice(life ^ 0xd157);
        loop {
            let name = match dice.below(3) {
                0 => format!("counter-{}", dice.below(COUNTERS)),
                1 => format!("account-{}", dice.below(ACCOUNTS)),
                _ => format!("teller-{}", dice.below(TELLERS)),
            };
            let Ok(actor) = self.runtime.actors().get(&name).await else { continue };
            let done = match dice.below(2) {
                0 => actor.hibernate().await,
                _ => actor.checkpoint().await.map(drop),
            };
            if let Err(error) = done {
                self.diary.problem(&format!("{name} cannot be kept: {error:?}"));
            }
            tokio::time::sleep(Duration::from_millis(dice.below(20))).await;
        }
    }

    /// Begins an actor and a fork of an earlier one.
    async fn begin(&self, life: u64) {
        let at = |name: &str| Sent { actor: format!("{name}-{life}"), method: name.to_owned(), arguments: json!([]) };
        self.diary.sent(&format!("born-{life}"), &at("born"));
        let config = json!({"start": START + life as i64}).to_string();
        if let Some(born) = self.spawn(&format!("born-{life}"), "counter", Some(config)).await {
            self.diary.answered(&format!("born-{life}"), &json!(null));
            self.diary.sent(&format!("fork-{life}"), &at("fork"));
            match born.fork(&format!("fork-{life}")).await {
                Ok(_) => self.diary.answered(&format!("fork-{life}"), &json!(null)),
                Err(error) => self.diary.problem(&format!("fork-{life}: {error:?}")),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process of the test below"]
async fn process() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let life: u64 = std::env::var(LIFE).expect("a life").parse().expect("a number");
    let before = Story::read(&diary_of(&folder));
    let runtime = Runtime::builder().data_dir(folder.join("data")).build().expect("a runtime");
    let world = Arc::new(World { runtime, diary: Diary::open(&diary_of(&folder)) });
    world.spawn_all().await;
    let mut tasks = JoinSet::new();
    for (id, call) in before.open_calls().filter(|(_, call)| !["born", "fork"].contains(&call.method.as_str())) {
        let (world, id, call) = (world.clone(), id.clone(), call.clone());
        tasks.spawn(async move { drop(world.call(&id, &call).await) });
    }
    if life == LAST_LIFE {
        tasks.join_all().await;
        // The last timers ring.
        tokio::time::sleep(Duration::from_millis(400)).await;
        return world.runtime.actors().hibernate_all().await;
    }
    for counter in 0..COUNTERS {
        let world = world.clone();
        tasks.spawn(async move { world.count(life, counter).await });
    }
    for teller in 0..TELLERS {
        let world = world.clone();
        tasks.spawn(async move { world.work(life, teller).await });
    }
    let (begin, disturb) = (world.clone(), world.clone());
    tasks.spawn(async move { begin.begin(life).await });
    tasks.spawn(async move { disturb.disturb(life).await });
    println!("ready");
    tasks.join_all().await;
}

fn start(folder: &Path, life: u64) -> Child {
    itself("actor_crash::process")
        .env(FOLDER, folder)
        .env(LIFE, life.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

fn wait(child: Child) {
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the actors should be, from what was sent.
#[derive(Debug, Default)]
struct Expected {
    values: BTreeMap<String, i64>,
    tellers: BTreeMap<String, Desk>,
}

#[derive(Debug, Default, PartialEq)]
struct Desk {
    transfers: u64,
    rings: u64,
    reminders: BTreeSet<String>,
}

impl Expected {
    fn of(story: &Story) -> Expected {
        let mut expected = Expected::default();
        for at in 0..ACCOUNTS {
            expected.values.insert(format!("account-{at}"), START);
        }
        for (id, call) in &story.sent {
            let arguments = &call.arguments;
            let text = |json: &Json| json.as_str().expect("a name").to_owned();
            let desk = expected.tellers.entry(call.actor.clone()).or_default();
            match call.method.as_str() {
                "add" => *expected.values.entry(call.actor.clone()).or_default() += 1,
                "transfer" => {
                    let amount = arguments[2].as_i64().expect("an amount");
                    desk.transfers += 1;
                    *expected.values.entry(text(&arguments[0])).or_default() -= amount;
                    *expected.values.entry(text(&arguments[1])).or_default() += amount;
                }
                "pay-out" => {
                    for account in arguments[0].as_array().expect("accounts") {
                        *expected.values.entry(text(account)).or_default() += 1;
                    }
                }
                "ring" => {
                    desk.rings += 1;
                    for teller in arguments[0].as_array().expect("a path") {
                        expected.tellers.entry(text(teller)).or_default().rings += 1;
                    }
                }
                "remind" => assert!(desk.reminders.insert(text(&arguments[0])), "{id} has a name of its own"),
                _ => {}
            }
        }
        expected.tellers.retain(|name, _| name.starts_with("teller"));
        expected
    }
}

async fn get(runtime: &Runtime, name: &str, method: &str) -> Result<Json, Error> {
    runtime.actors().get(name).await?.call(method).submit().json().await
}

/// Compares what the actors are with what was sent.
async fn check(folder: &Path) -> Story {
    let story = Story::read(&diary_of(folder));
    assert!(story.problems.is_empty(), "{:#?}", story.problems);
    let expected = Expected::of(&story);
    let runtime = Runtime::builder().data_dir(folder.join("data")).build().expect("a runtime");
    for (name, value) in &expected.values {
        assert_eq!(get(&runtime, name, "get").await.expect("a value"), json!(value), "{name}");
    }
    for (name, desk) in &expected.tellers {
        let seen = get(&runtime, name, "seen").await.expect("a report");
        let rung: Vec<String> = serde_json::from_value(seen["reminders"].clone()).expect("names");
        let reminders: BTreeSet<String> = rung.iter().cloned().collect();
        assert_eq!(rung.len(), reminders.len(), "a timer of {name} has rung twice: {rung:?}");
        let number = |key: &str| seen[key].as_u64().expect("a number");
        assert_eq!(Desk { transfers: number("transfers"), rings: number("rings"), reminders }, *desk, "{name}");
        assert_eq!(number("refused"), 0, "{name}");
    }
    // Each count was answered with a number of its own.
    let mut counted: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for (id, call) in story.calls_of("add") {
        let sum = story.answered[id].as_i64().expect("a sum");
        assert!(counted.entry(&call.actor).or_default().insert(sum), "{id}: {sum} was counted twice");
    }
    for (kind, id, call) in
        ["born", "fork"].iter().flat_map(|kind| story.calls_of(kind).map(move |(id, call)| (kind, id, call)))
    {
        let life: i64 = call.actor.trim_start_matches(kind).trim_start_matches('-').parse().expect("a life");
        match get(&runtime, &call.actor, "get").await {
            Ok(value) => assert_eq!(value, json!(START + life), "{}", call.actor),
            Err(Error::Actor(ActorError::Unknown { .. })) if !story.answered.contains_key(id) => {}
            Err(error) => panic!("{}: {error:?}", call.actor),
        }
    }
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_actors_lose_nothing_and_repeat_nothing_however_often_the_process_is_killed() {
    let crashes: u64 = std::env::var("BELLJAR_CRASHES").ok().map_or(CRASHES, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let started = Instant::now();
    wait(start(folder.path(), LAST_LIFE));
    let calm = started.elapsed();
    let mut dice = Dice(7);
    for life in 0..crashes {
        let mut child = start(folder.path(), life);
        let before = calm.mul_f64(dice.below(1_000) as f64 / 1_000.0);
        std::thread::sleep(before + Duration::from_millis(dice.below(400)));
        let ended = child.try_wait().expect("it can be asked");
        child.kill().expect("it is killed");
        let output = child.wait_with_output().expect("it is gone");
        assert!(ended.is_none(), "life {life} ended by itself: {}", String::from_utf8_lossy(&output.stderr));
        let problems = Story::read(&diary_of(folder.path())).problems;
        assert!(problems.is_empty(), "after {life} lives: {problems:#?}");
    }
    wait(start(folder.path(), LAST_LIFE));
    let story = check(folder.path()).await;
    println!(
        "{crashes} kills in {:.0?}, {} calls, of which {} had been answered before the end",
        started.elapsed(),
        story.sent.len(),
        story.answered.len()
    );
}
