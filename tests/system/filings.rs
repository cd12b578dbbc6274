//! The main job, end to end through the command line, on the sample filings that ship with the project.

use std::path::{Path, PathBuf};
use std::process::Command;

use belljar_tests::{belljar, copy_folder, item, report, run_workflow, sample_filings};
use serde_json::json;

/// A call of the workflow on the samples, with its state in `data` and its files in `out` of this folder.
fn run_samples(folder: &Path) -> Command {
    let set = [("filings", sample_filings()), ("out", folder.join("out"))];
    run_workflow("filings.toml", &folder.join("data"), &set.each_ref().map(|(name, path)| (*name, path.as_path())))
}

/// An inbox with a file for ACME in this folder, and where files are moved from there.
fn inbox(folder: &Path) -> (PathBuf, PathBuf) {
    let (inputs, processing) = (folder.join("inputs"), folder.join("processing"));
    std::fs::create_dir(&inputs).expect("a folder");
    std::fs::write(inputs.join("acme.json"), r#"{"ticker": "ACME"}"#).expect("a file");
    (inputs, processing)
}

#[test]
fn every_company_ends_as_a_parquet_file_and_the_run_is_summed_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let output = run_samples(folder.path()).output().expect("it runs");
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(report["status"], "completed");
    for ticker in ["ACME", "BOLT", "CORA", "DYNE"] {
        let item = item(&report, ticker);
        assert_eq!(item["status"], "completed");
        let facts = item["record"]["facts"].as_u64().expect("facts are counted");
        assert!(facts > 0, "{item}");
        assert!(out.join(format!("{ticker}.parquet")).is_file());
    }
    assert_eq!(report["outputs"]["report"]["tickers"], 4);
    assert_eq!(report["stats"]["total_processed"], 4);
    let modes: Vec<&str> =
        ["ACME", "CORA"].iter().filter_map(|ticker| item(&report, ticker)["record"]["mode"].as_str()).collect();
    assert!(modes.contains(&"inline-xbrl"), "{modes:?}");
}

#[test]
fn some_companies_can_be_picked_and_the_newest_filing_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run_samples(folder.path()).args(["--set", "tickers=ACME"]).output().expect("it runs");
    let report = report(&output);
    assert_eq!(report["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(item(&report, "ACME")["record"]["accession"], "9990000001-23-000019");
}

#[test]
fn a_second_run_has_nothing_to_do_and_a_fresh_one_does_all_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, out, audit) = (folder.path().join("data"), folder.path().join("out"), folder.path().join("audit"));
    let filings = sample_filings();
    let set = [("filings", filings.as_path()), ("out", &out), ("audit", &audit)];
    let calls = || std::fs::read_to_string(audit.join("runs.log")).expect("a log").lines().count();
    run_workflow("filings.toml", &data, &set).output().expect("it runs");
    let once = calls();
    let again = report(&run_workflow("filings.toml", &data, &set).output().expect("it runs"));
    assert_eq!((calls(), again["resumed"].clone()), (once, json!(true)), "nothing ran twice");
    run_workflow("filings.toml", &data, &set).arg("--fresh").output().expect("it runs");
    assert_eq!(calls(), 2 * once);
}

#[test]
fn an_inbox_of_json_files_is_worked_through_and_each_file_is_moved() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inputs, processing) = inbox(folder.path());
    std::fs::write(inputs.join("bolt.json"), "ticker: BOLT").expect("a file");
    std::fs::write(inputs.join("evil.json"), r#"{"ticker": "../../etc/passwd"}"#).expect("a file");
    let (data, out, filings) = (folder.path().join("data"), folder.path().join("out"), sample_filings());
    let set = [("inputs", inputs.as_path()), ("processing", &processing), ("filings", &filings), ("out", &out)];
    let output = run_workflow("filings-inbox.toml", &data, &set).output().expect("it runs");
    let first = report(&output);
    assert_eq!(output.status.code(), Some(1), "two of three fail");
    let acme = item(&first, "acme.json");
    assert_eq!(acme["status"], "completed");
    assert!(processing.join("acme.json").is_file() && !inputs.join("acme.json").exists());
    for bad in ["bolt.json", "evil.json"] {
        assert_eq!(item(&first, bad)["status"], "error");
        assert!(inputs.join(bad).is_file(), "{bad} stays where it was");
    }
    assert!(item(&first, "bolt.json")["error_message"].as_str().is_some_and(|error| error.contains("JSON")), "{first}");

    // The file is corrected; the same command tries the failed item again, and only that one.
    std::fs::write(inputs.join("bolt.json"), r#"{"ticker": "BOLT"}"#).expect("a file");
    let second = report(&run_workflow("filings-inbox.toml", &data, &set).output().expect("it runs"));
    assert_eq!(item(&second, "bolt.json")["status"], "completed");
    assert_eq!(second["stats"]["total_processed"], 2, "bolt.json and evil.json were tried again, acme.json was not");
}

#[test]
fn a_step_can_be_run_alone_and_later_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    let filings = folder.path().join("filings");
    copy_folder(&sample_filings().join("ACME"), &filings.join("ACME"));
    let set = [("filings", filings.as_path()), ("out", &out)];
    let only = report(&run_workflow("filings.toml", &data, &set).args(["--only", "find"]).output().expect("it runs"));
    assert_eq!(item(&only, "ACME")["status"], "sec_filing_downloaded");
    assert!(!out.join("ACME.parquet").exists());
    let rest = report(&run_workflow("filings.toml", &data, &set).output().expect("it runs"));
    assert_eq!(item(&rest, "ACME")["status"], "completed");
    let attempts = |report: &serde_json::Value, step: &str| {
        let steps = item(report, "ACME")["steps"].as_array().expect("steps").clone();
        steps.iter().find(|its| its["step"] == step).expect("the step")["attempts"].clone()
    };
    assert_eq!(attempts(&rest, "find"), 1, "find did not run again");
    let from =
        report(&run_workflow("filings.toml", &data, &set).args(["--from", "extract"]).output().expect("it runs"));
    assert_eq!(
        (attempts(&from, "find"), attempts(&from, "extract"), attempts(&from, "save")),
        (json!(1), json!(2), json!(2))
    );
}

#[test]
fn a_dry_run_runs_nothing_and_says_what_would_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let output = run_samples(folder.path()).arg("--dry-run").output().expect("it runs");
    let plan = report(&output);
    assert_eq!(plan["items"].as_array().map(Vec::len), Some(4));
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(4));
    assert!(!out.join("ACME.parquet").exists());
    // And the status of a data directory in which nothing ran is empty.
    let status =
        belljar().args(["status", "--json", "--data-dir"]).arg(folder.path().join("data")).output().expect("it runs");
    assert_eq!(status.status.code(), Some(0), "{}", String::from_utf8_lossy(&status.stderr));
}

#[test]
fn steps_that_are_to_run_again_stay_so_when_the_run_stops_in_between() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    let filings = sample_filings();
    let set = [("filings", filings.as_path()), ("out", &out)];
    run_workflow("filings.toml", &data, &set).output().expect("it runs");
    // As a process that is killed after the first of the steps would leave it.
    run_workflow("filings.toml", &data, &set)
        .args(["--from", "extract", "--only", "extract"])
        .output()
        .expect("it runs");
    let rest = report(&run_workflow("filings.toml", &data, &set).output().expect("it runs"));
    let item = item(&rest, "ACME");
    assert_eq!(item["status"], "completed");
    let attempts: Vec<_> =
        item["steps"].as_array().expect("steps").iter().map(|step| step["attempts"].clone()).collect();
    assert_eq!(attempts, [json!(1), json!(2), json!(2)], "find, extract, save");
}

#[test]
fn a_step_whose_needs_have_not_run_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run_samples(folder.path()).args(["--only", "save"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let error = item(&report(&output), "ACME")["error_message"].as_str().expect("an error").to_owned();
    assert!(error.contains("needs find and extract"), "{error}");
}

#[test]
fn items_whose_source_has_moved_on_still_belong_to_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inputs, processing) = inbox(folder.path());
    let (data, out, filings) = (folder.path().join("data"), folder.path().join("out"), sample_filings());
    let set = [("inputs", inputs.as_path()), ("processing", &processing), ("filings", &filings), ("out", &out)];
    run_workflow("filings-inbox.toml", &data, &set).args(["--only", "claim"]).output().expect("it runs");
    assert!(!inputs.join("acme.json").exists(), "the file was moved, and the inbox is empty");
    let output = run_workflow("filings-inbox.toml", &data, &set).output().expect("it runs");
    assert_eq!(item(&report(&output), "acme.json")["status"], "completed");
}

#[test]
fn a_dry_run_makes_no_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let output = run_samples(folder.path()).arg("--dry-run").output().expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    assert!(!out.exists());
}
