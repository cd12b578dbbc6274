//! Flipped bits and cut files in a small log of actors: an actor answers rightly, from an earlier checkpoint and the
//! messages since, or gives a typed error. It never has another state.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use belljar::store::{ActorLog, FaultyStorage, IndexPlace, RecordKind, Storage};
use belljar::{Error, Runtime, SpawnOptions};
use belljar_tests::plugin;
use serde_json::{Value as Json, json};

/// Bytes of a record around its payload, at most: its header, and what it tells the index.
const AROUND_PAYLOAD_BYTES: u64 = 128;

/// A storage with a history, its folder, and what its actor should say.
struct Specimen {
    folder: tempfile::TempDir,
    storage: FaultyStorage,
    actor: &'static str,
    method: &'static str,
    wanted: Json,
}

/// How a damaged storage was met.
#[derive(Default, Debug)]
struct Tally {
    right: usize,
    refused: usize,
}

fn open(folder: &Path, storage: &FaultyStorage) -> Result<Runtime, Error> {
    Runtime::builder().data_dir(folder.join("data")).actor_storage(Arc::new(storage.clone())).build()
}

/// A counter with three checkpoints and messages between them and after the last.
async fn counter() -> Specimen {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = FaultyStorage::new();
    {
        let runtime = open(folder.path(), &storage).expect("a runtime");
        let options =
            SpawnOptions::default().config(r#"{"start": 1000}"#).checkpoint(belljar::policy::CheckpointPolicy::Never);
        let counter =
            runtime.actors().spawn("c", &plugin(&runtime, "counter").await, options).await.expect("it begins");
        for round in 0..3 {
            for n in 0..3 {
                counter.call("add").arg(10 * round + n).submit().json().await.expect("a sum");
            }
            if round < 2 {
                counter.checkpoint().await.expect("a checkpoint");
            }
        }
        // A frame that nothing follows may have been torn by a crash, and what nobody may rely on is dropped in
        // silence. So something follows.
        spawn_witness(&runtime).await;
    }
    Specimen { folder, storage, actor: "c", method: "get", wanted: json!(1000 + 3 * 30 + 9) }
}

async fn spawn_witness(runtime: &Runtime) {
    let plugin = plugin(runtime, "counter").await;
    runtime.actors().spawn("witness", &plugin, SpawnOptions::default()).await.expect("it begins");
}

/// An actor whose checkpoints lie in packs, each the difference to the one before.
async fn ballast() -> Specimen {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = FaultyStorage::new();
    let wanted = {
        let runtime = open(folder.path(), &storage).expect("a runtime");
        let options = SpawnOptions::default().checkpoint(belljar::policy::CheckpointPolicy::Never);
        let ballast =
            runtime.actors().spawn("b", &plugin(&runtime, "ballast").await, options).await.expect("it begins");
        ballast.call_json("fill", json!([1, 7])).submit().json().await.expect("a size");
        for seed in 0..3 {
            ballast.checkpoint().await.expect("a checkpoint");
            ballast.call_json("touch", json!([100, seed])).submit().json().await.expect("pages");
        }
        ballast.call("sum").submit().json().await.expect("a sum")
    };
    Specimen { folder, storage, actor: "b", method: "sum", wanted }
}

impl Specimen {
    /// Asks the actor of a damaged copy.
    async fn ask(&self, storage: &FaultyStorage) -> Result<Json, Error> {
        let runtime = open(self.folder.path(), storage)?;
        runtime.actors().get(self.actor).await?.call(self.method).submit().json().await
    }

    /// Damages a copy of a file and asks the actor.
    async fn with(&self, tally: &mut Tally, path: &Path, what: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let copy = self.storage.copy();
        copy.damage(path, change).expect("the file is there");
        match self.ask(&copy).await {
            Ok(answer) => {
                assert_eq!(answer, self.wanted, "{what} of {}", path.display());
                tally.right += 1;
            }
            Err(error) => {
                // Whoever reads it learns which file or actor it is about.
                let text = error.to_string();
                assert!(text.contains(".seg") || text.contains(".pack") || text.contains('`'), "{what}: {text}");
                tally.refused += 1;
            }
        }
    }

    fn files(&self, folder: &str) -> Vec<(PathBuf, usize)> {
        let names = self.storage.list(Path::new(folder)).expect("the folder is there");
        let with_size = |name: String| {
            let path = Path::new(folder).join(name);
            let size_bytes = self.storage.open(&path).and_then(|file| file.size_bytes()).expect("the file is there");
            (path, size_bytes as usize)
        };
        names.into_iter().map(with_size).filter(|(_, size_bytes)| *size_bytes > 0).collect()
    }

    /// Where the newest checkpoint is: its file, first byte and end.
    fn newest_checkpoint(&self) -> (PathBuf, usize, usize) {
        let log = ActorLog::open_read_only(Arc::new(self.storage.copy()), &IndexPlace::Memory).expect("a log");
        let actor = log.find(self.actor).expect("the index is good").expect("the actor is there").id;
        let mut history = log.history(actor).expect("a history").map(|record| record.expect("a record"));
        let newest = history.find(|record| record.kind == RecordKind::Checkpoint).expect("a checkpoint");
        let path = PathBuf::from(format!("actors/log/{:016x}.seg", newest.position.segment));
        let end = newest.position.offset + newest.payload.len() as u64 + AROUND_PAYLOAD_BYTES;
        (path, newest.position.offset as usize, end as usize)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_anywhere_in_the_newest_checkpoint_costs_no_state() {
    let specimen = counter().await;
    let (path, first, end) = specimen.newest_checkpoint();
    let mut tally = Tally::default();
    for at in first..end {
        let bit = 1 << (at % 8);
        specimen.with(&mut tally, &path, &format!("bit {bit} at {at}"), |bytes| bytes[at] ^= bit).await;
    }
    println!("{} bytes of a checkpoint: {tally:?}", end - first);
    assert_eq!(tally.refused, 0, "the checkpoint before it and the messages since are good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_or_a_cut_in_the_log_gives_no_wrong_state() {
    let specimen = counter().await;
    let mut tally = Tally::default();
    for (path, size_bytes) in specimen.files("actors/log") {
        for at in (0..size_bytes).step_by(37) {
            let bit = 1 << (at / 37 % 8);
            specimen.with(&mut tally, &path, &format!("bit {bit} at {at}"), |bytes| bytes[at] ^= bit).await;
        }
        let found = specimen.storage.copy();
        found.damage(&path, |bytes| bytes.truncate(40)).expect("the file is there");
        specimen.ask(&found).await.expect_err("a log without its beginning has no actors");
    }
    println!("bits of the log: {tally:?}");
    assert!(tally.right > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_or_a_cut_in_a_pack_costs_no_state() {
    let specimen = ballast().await;
    let packs = specimen.files("actors/packs");
    assert!(packs.len() > 1, "{packs:?}");
    // All later checkpoints are differences to the first, which is the largest.
    let largest = packs.iter().map(|(_, size_bytes)| *size_bytes).max();
    let (mut of_largest, mut of_others) = (Tally::default(), Tally::default());
    for (path, size_bytes) in packs {
        let tally = if Some(size_bytes) == largest { &mut of_largest } else { &mut of_others };
        for at in [0, 1, 40, 100, size_bytes / 3, size_bytes / 2, size_bytes - 40, size_bytes - 1] {
            specimen.with(tally, &path, &format!("a bit at {at}"), |bytes| bytes[at] ^= 4).await;
            specimen.with(tally, &path, &format!("what follows {at}"), |bytes| bytes.truncate(at)).await;
        }
    }
    println!("the pack that all build on: {of_largest:?}; the others: {of_others:?}");
    assert_eq!(of_others.refused, 0, "an earlier checkpoint and the messages since are good");
}
