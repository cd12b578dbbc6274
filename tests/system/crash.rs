//! `kill -9` at random moments of the main job: the same command goes on where it stopped, no completed step runs
//! twice, and the files in the end are those of an undisturbed run.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use belljar_tests::{belljar, report, run_workflow, sample_filings};
use serde_json::Value as Json;

/// How often the run is killed.
const KILLS: u32 = 10;

/// The steps that the catalog calls completed, as `function item`.
fn completed(data: &Path) -> Vec<(String, String)> {
    let output = belljar().args(["status", "1", "--json", "--data-dir"]).arg(data).output().expect("it runs");
    let Ok(status) = serde_json::from_slice::<Json>(&output.stdout) else {
        return Vec::new(); // Killed before there was a run.
    };
    let mut completed = Vec::new();
    for item in status["items"].as_array().into_iter().flatten() {
        for step in item["steps"].as_array().into_iter().flatten().filter(|step| step["state"] == "completed") {
            let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
            completed.push((text(&step["step"]), text(&item["key"])));
        }
    }
    completed
}

/// How often each function ran for each ticker, as the plugins themselves logged it.
fn calls(audit: &Path) -> HashMap<(String, String), usize> {
    let mut calls = HashMap::new();
    for line in std::fs::read_to_string(audit.join("runs.log")).unwrap_or_default().lines() {
        let (function, ticker) = line.split_once(' ').expect("a line has two words");
        *calls.entry((function.to_owned(), ticker.to_owned())).or_default() += 1;
    }
    calls
}

fn files(out: &Path) -> HashMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(out).expect("the folder can be read").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| (entry.file_name().into_string().expect("a name"), std::fs::read(entry.path()).expect("a file")))
        .collect()
}

#[test]
fn a_run_that_is_killed_ten_times_loses_nothing_and_repeats_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let filings = sample_filings();
    let command = |data: &str, out: &str| -> Command {
        let (audit, out) = (at(&format!("{out}-audit")), at(out));
        run_workflow("filings.toml", &at(data), &[("filings", &filings), ("out", &out), ("audit", &audit)])
    };
    let started = std::time::Instant::now();
    let calm = report(&command("calm-data", "calm").output().expect("it runs"));
    let whole = started.elapsed();
    assert_eq!(calm["status"], "completed");

    let mut known: HashMap<(String, String), usize> = HashMap::new();
    for kill in 0..KILLS {
        let mut child = command("data", "out").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        // Spread over the time of a whole run, in an order that is not that of time.
        std::thread::sleep(whole * (kill * 7 % KILLS) / KILLS + Duration::from_millis(u64::from(kill)));
        child.kill().expect("it is killed");
        child.wait().expect("it is gone");
        let calls = calls(&at("out-audit"));
        for (step, count) in &known {
            assert_eq!(calls.get(step), Some(count), "{step:?} was completed and ran again");
        }
        for step in completed(&at("data")) {
            // The plugins log their own function's name, which is the step's.
            known.insert(step.clone(), calls.get(&step).copied().unwrap_or_default());
        }
    }
    let output = command("data", "out").output().expect("it runs");
    let end = report(&output);
    assert_eq!((output.status.code(), &end["status"]), (Some(0), &Json::from("completed")), "{end}");
    let calls = calls(&at("out-audit"));
    for (step, count) in &known {
        assert_eq!(calls.get(step), Some(count), "{step:?} was completed and ran again");
    }
    assert_eq!(files(&at("out")), files(&at("calm")), "the files are those of an undisturbed run");
}
