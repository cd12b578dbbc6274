//! What another process finds while one writes, and what the next one finds after it was killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use belljar_store::{
    Catalog, DataDir, Digest, DurableObjects, ItemUpdate, NewItem, NewRun, ObjectLimits, ObjectStore, RunFilter,
    RunStatus, StepKey, StepState, StoreError,
};
use serde_json::{Value, json};

/// Names the data directory to the process that is going to be killed.
const DATA_DIR: &str = "BELLJAR_STORE_TEST_DATA_DIR";
const READY: &str = "ready to be killed";

#[test]
fn a_killed_writer_leaves_a_directory_that_the_next_one_goes_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_process_that_is_killed", "--ignored", "--nocapture"])
        .env(DATA_DIR, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(victim.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap().contains(READY)));

    let locked = DataDir::open(folder.path()).unwrap_err();
    assert!(matches!(locked, StoreError::Locked { pid, .. } if pid == Some(victim.id())));
    let reader = DataDir::open_read_only(folder.path()).unwrap();
    assert!(reader.has_writer().unwrap());
    assert_eq!(the_run(&Catalog::open(&reader).unwrap()), RunStatus::Running);

    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(!reader.has_writer().unwrap());
    assert_eq!(the_run(&Catalog::open(&reader).unwrap()), RunStatus::Running);
    drop(reader);

    let data_dir = DataDir::open(folder.path()).unwrap();
    let catalog = Catalog::open(&data_dir).unwrap();
    assert_eq!(the_run(&catalog), RunStatus::Interrupted);
    let run = catalog.runs(&RunFilter::default(), 1).unwrap().remove(0);
    let states: Vec<_> = catalog.steps(run.id).unwrap().into_iter().map(|step| (step.step, step.state)).collect();
    let expected = [("find".to_owned(), StepState::Completed), ("extract".to_owned(), StepState::Pending)];
    assert_eq!(states, expected);

    let objects = DurableObjects::open(&data_dir).unwrap();
    let named = catalog.referenced_objects().unwrap();
    assert_eq!(objects.retain(|digest| named.contains(digest)).unwrap(), 1);
    assert_eq!(objects.get(&Digest::of(b"a filing")).unwrap(), b"a filing");

    assert_eq!(spill_files(&data_dir.spill_dir()), 1);
    let _store = ObjectStore::new(ObjectLimits::default(), data_dir.spill_dir()).unwrap();
    assert_eq!(spill_files(&data_dir.spill_dir()), 0);
}

fn the_run(catalog: &Catalog) -> RunStatus {
    let runs = catalog.runs(&RunFilter::default(), 10).unwrap();
    assert_eq!(runs.len(), 1);
    runs[0].status
}

fn spill_files(directory: &Path) -> usize {
    let files = std::fs::read_dir(directory).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".spill")).count()
}

/// Completes one step, starts another, leaves an object that nothing names and a spill file, and waits
/// for its end.
#[test]
#[ignore = "the other process of the test above, which starts it"]
fn the_process_that_is_killed() {
    let Some(path) = std::env::var_os(DATA_DIR) else {
        return;
    };
    let data_dir = DataDir::open(path).unwrap();
    let catalog = Catalog::open(&data_dir).unwrap();
    let run = catalog
        .begin_or_resume_run(&NewRun {
            key: "filings",
            workflow: "filings",
            workflow_path: "filings.toml",
            workflow_digest: Digest::of(b""),
            params: &json!({}),
        })
        .unwrap()
        .id;
    let item = NewItem { key: "AAPL", value: &Value::Null, status: "discovered" };
    catalog.put_items(run, &[item]).unwrap();
    let [find, extract] = ["find", "extract"].map(|step| StepKey { run, item: "AAPL", step });
    let nothing = ItemUpdate::default();
    let objects = DurableObjects::open(&data_dir).unwrap();
    catalog.step_started(find, None, "worker-0", &nothing).unwrap();
    let filing = objects.put(b"a filing").unwrap();
    catalog.step_completed(find, &Value::Null, &[filing], &nothing).unwrap();
    catalog.step_started(extract, None, "worker-0", &nothing).unwrap();
    objects.put(b"facts that no record names yet").unwrap();

    let limits = ObjectLimits { memory_bytes_max: 1, ..ObjectLimits::default() };
    let store = ObjectStore::new(limits, data_dir.spill_dir()).unwrap();
    let _held = [store.put(vec![1]).unwrap(), store.put(vec![2]).unwrap()];

    println!("{READY}");
    // Longer than any test waits; a victim whose killer has died ends by itself.
    thread::sleep(Duration::from_secs(60));
}
