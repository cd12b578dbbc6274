//! Stories about the catalog as a whole.

use std::fs;

use serde_json::{Map, Value, json};

use super::fixture::{Fixture, new_item, new_run, step};
use super::*;
use crate::clock::now_ms;
use crate::digest::Digest;

fn fields(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn the_same_command_finds_its_run_and_another_one_does_not() {
    let fixture = Fixture::new();
    let first = fixture.begin("filings:a");
    assert_eq!(first.status, RunStatus::Running);
    assert_eq!(fixture.begin("filings:a"), first);
    assert_ne!(fixture.begin("filings:b").id, first.id);
}

#[test]
fn a_key_does_not_depend_on_the_order_of_parameters() {
    let key = run_key("filings", &json!({"out": "o", "deep": {"x": 1, "y": 2}}));
    let swapped = json!({"deep": {"y": 2, "x": 1}, "out": "o"});
    assert_eq!(run_key("filings", &swapped), key);
    assert_ne!(run_key("filings", &json!({"out": "p"})), key);
    assert_ne!(run_key("other", &swapped), key);
}

#[test]
fn a_finished_run_is_returned_as_it_ended_until_it_is_reopened() {
    let fixture = Fixture::new();
    let run = fixture.begin("k").id;
    let failed = fixture.catalog.finish_run(run, RunOutcome::Failed).unwrap();
    assert!(failed.finished_at_ms.is_some());
    assert_eq!(fixture.begin("k"), failed);

    let edited = Digest::of(b"the edited file");
    let reopened = fixture.catalog.reopen_run(run, "w.toml", edited).unwrap();
    assert_eq!(reopened.status, RunStatus::Running);
    assert_eq!(reopened.finished_at_ms, None);
    assert_eq!(reopened.workflow_digest, edited);
    assert_eq!(fixture.begin("k"), reopened);
}

#[test]
fn a_fresh_run_takes_the_key_and_leaves_the_history() {
    let fixture = Fixture::new();
    let first = fixture.begin("k").id;
    let second = fixture.catalog.new_run(&new_run("k")).unwrap();
    assert_eq!(fixture.begin("k").id, second.id);
    let first = fixture.catalog.run(first).unwrap();
    assert_eq!((first.key, first.status), (None, RunStatus::Interrupted));
}

#[test]
fn runs_are_listed_newest_first_and_filtered() {
    let fixture = Fixture::new();
    let runs = ["a", "b", "c"].map(|key| fixture.begin(key).id);
    fixture.catalog.finish_run(runs[1], RunOutcome::Completed).unwrap();
    let ids = |filter: RunFilter<'_>, limit| -> Vec<RunId> {
        let found = fixture.catalog.runs(&filter, limit).unwrap();
        found.into_iter().map(|run| run.id).collect()
    };
    let running = RunFilter { status: Some(RunStatus::Running), ..RunFilter::default() };
    let other = RunFilter { workflow: Some("other"), ..RunFilter::default() };
    assert_eq!(ids(RunFilter::default(), 2), [runs[2], runs[1]]);
    assert_eq!(ids(running, 10), [runs[2], runs[0]]);
    assert_eq!(ids(other, 10), []);
}

#[test]
fn items_that_are_put_again_keep_what_they_have() {
    let fixture = Fixture::new();
    let run = fixture.begin_with("k", &["XOM", "AAPL"]);
    let done = ItemUpdate { status: Some("completed"), finished: true, ..ItemUpdate::default() };
    fixture.catalog.update_item(run, "XOM", &done).unwrap();
    let again = ["AAPL", "NKE", "XOM"].map(new_item);
    assert_eq!(fixture.catalog.put_items(run, &again).unwrap(), 1);

    let items = fixture.catalog.items(run).unwrap();
    let seen: Vec<_> = items.iter().map(|item| (item.key.as_str(), item.position, item.status.as_str())).collect();
    let expected = [("XOM", 0, "completed"), ("AAPL", 1, "discovered"), ("NKE", 2, "discovered")];
    assert_eq!(seen, expected);
}

#[test]
fn an_item_without_a_key_is_refused_with_all_that_came_with_it() {
    let fixture = Fixture::new();
    let run = fixture.begin("k").id;
    let refused = fixture.catalog.put_items(run, &["AAPL", ""].map(new_item));
    assert!(matches!(refused, Err(StoreError::EmptyItemKey { .. })));
    assert_eq!(fixture.catalog.items(run).unwrap(), []);
}

#[test]
fn a_step_is_recorded_with_what_it_changes_about_its_item() {
    let fixture = Fixture::new();
    let catalog = &fixture.catalog;
    let run = fixture.begin_with("k", &["AAPL"]);
    let key = step(run, "AAPL", "find");
    let inputs = Digest::of(b"inputs");
    let started = ItemUpdate { status: Some("downloading_sec_filing"), ..ItemUpdate::default() };
    assert_eq!(catalog.step_started(key, Some(inputs), "worker-0", &started).unwrap(), 1);
    let running = catalog.item(run, "AAPL").unwrap().unwrap();
    assert_eq!(running.status, "downloading_sec_filing");

    let object = Digest::of(b"filing");
    let completed = ItemUpdate {
        status: Some("sec_filing_downloaded"),
        record: fields(json!({"sec_filing_path": "f.txt", "metadata": {"bytes": 6}})),
        ..ItemUpdate::default()
    };
    let output = json!({"belljar-object": 1});
    catalog.step_completed(key, &output, &[object], &completed).unwrap();

    let stored = catalog.step(key).unwrap().unwrap();
    assert_eq!(stored.state, StepState::Completed);
    assert_eq!(stored.output, Some(output));
    assert_eq!(stored.objects, [object]);
    assert_eq!(stored.inputs_digest, Some(inputs));
    assert_eq!(stored.worker.as_deref(), Some("worker-0"));
    let item = catalog.item(run, "AAPL").unwrap().unwrap();
    assert_eq!(item.status, "sec_filing_downloaded");
    assert_eq!(item.record["sec_filing_path"], "f.txt");
    assert_eq!(item.finished_at_ms, None);

    let more = ItemUpdate { record: fields(json!({"metadata": {"facts": 2}})), ..ItemUpdate::default() };
    catalog.update_item(run, "AAPL", &more).unwrap();
    let record = catalog.item(run, "AAPL").unwrap().unwrap().record;
    let merged = fields(json!({"sec_filing_path": "f.txt", "metadata": {"facts": 2}}));
    assert_eq!(record, merged);
}

#[test]
fn a_completion_that_cannot_be_recorded_whole_leaves_no_trace() {
    let fixture = Fixture::new();
    let run = fixture.begin_with("k", &["AAPL"]);
    let key = step(run, "AAPL", "find");
    let nothing = ItemUpdate::default();
    fixture.catalog.step_started(key, None, "w", &nothing).unwrap();
    // The record is checked after the step's row was changed, in the same transaction.
    let large = ItemUpdate { record: fields(json!({"text": "x".repeat(JSON_BYTES_MAX)})), ..ItemUpdate::default() };
    let refused = fixture.catalog.step_completed(key, &Value::Null, &[], &large);
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
    let state = fixture.catalog.step(key).unwrap().unwrap().state;
    assert_eq!(state, StepState::Running);
}

#[test]
fn only_a_running_step_can_end() {
    let fixture = Fixture::new();
    let catalog = &fixture.catalog;
    let run = fixture.begin_with("k", &["AAPL"]);
    let key = step(run, "AAPL", "find");
    let nothing = ItemUpdate::default();
    let never_started = catalog.step_completed(key, &Value::Null, &[], &nothing);
    assert!(matches!(never_started, Err(StoreError::UnknownRecord { .. })));
    catalog.step_started(key, None, "w", &nothing).unwrap();
    catalog.step_completed(key, &json!(1), &[], &nothing).unwrap();
    let late = catalog.step_failed(key, "too late", &nothing);
    assert!(matches!(late, Err(StoreError::UnknownRecord { .. })));
    assert_eq!(catalog.step(key).unwrap().unwrap().output, Some(json!(1)));
}

#[test]
fn names_that_the_catalog_does_not_have_are_named_in_the_error() {
    let fixture = Fixture::new();
    let catalog = &fixture.catalog;
    let run = fixture.begin("k").id;
    let nothing = ItemUpdate::default();
    let no_item = catalog.step_started(step(run, "AAPL", "find"), None, "w", &nothing);
    assert_eq!(no_item.unwrap_err().to_string(), format!("the catalog has no item `AAPL` in run {run}"));
    let no_run = catalog.put_items(RunId(77), &[new_item("AAPL")]);
    assert_eq!(no_run.unwrap_err().to_string(), "the catalog has no run 77");
    assert!(catalog.finish_run(RunId(77), RunOutcome::Failed).is_err());
    assert_eq!(catalog.item(run, "AAPL").unwrap(), None);
}

#[test]
fn a_failed_item_goes_on_where_it_stopped_after_a_reset() {
    let fixture = Fixture::new();
    let catalog = &fixture.catalog;
    let run = fixture.begin_with("k", &["AAPL"]);
    let nothing = ItemUpdate::default();
    let [find, extract, save] = ["find", "extract", "save"].map(|name| step(run, "AAPL", name));
    catalog.step_started(find, None, "w", &nothing).unwrap();
    catalog.step_completed(find, &json!("f"), &[], &nothing).unwrap();
    catalog.step_started(extract, None, "w", &nothing).unwrap();
    let failure =
        ItemUpdate { status: Some("error"), error_message: Some("no table"), finished: true, ..ItemUpdate::default() };
    catalog.step_failed(extract, "no table", &failure).unwrap();
    catalog.step_skipped(save, "extract failed").unwrap();
    let failed = catalog.item(run, "AAPL").unwrap().unwrap();
    assert_eq!(failed.error_message.as_deref(), Some("no table"));
    assert!(failed.finished_at_ms.is_some());

    let reset = catalog.reset_item(run, "AAPL", "sec_filing_downloaded").unwrap();
    assert_eq!(reset, 2);
    let item = catalog.item(run, "AAPL").unwrap().unwrap();
    assert_eq!(item.status, "sec_filing_downloaded");
    assert_eq!((item.error_message, item.finished_at_ms), (None, None));
    let states: Vec<_> = catalog.steps(run).unwrap().into_iter().map(|s| s.state).collect();
    let pending = StepState::Pending;
    assert_eq!(states, [StepState::Completed, pending, pending]);
    assert_eq!(catalog.step_started(extract, None, "w", &nothing).unwrap(), 2);
}

#[test]
fn a_killed_process_leaves_an_interrupted_run_that_resumes() {
    let fixture = Fixture::new();
    let run = fixture.begin_with("k", &["AAPL"]);
    let nothing = ItemUpdate::default();
    let (find, extract) = (step(run, "AAPL", "find"), step(run, "AAPL", "extract"));
    fixture.catalog.step_started(find, None, "w", &nothing).unwrap();
    fixture.catalog.step_completed(find, &json!("f"), &[], &nothing).unwrap();
    fixture.catalog.step_started(extract, None, "w", &nothing).unwrap();

    let fixture = fixture.reopened();
    assert_eq!(fixture.catalog.run(run).unwrap().status, RunStatus::Interrupted);
    assert_eq!(fixture.catalog.step(find).unwrap().unwrap().state, StepState::Completed);
    assert_eq!(fixture.catalog.step(extract).unwrap().unwrap().state, StepState::Pending);
    let resumed = fixture.begin("k");
    assert_eq!((resumed.id, resumed.status), (run, RunStatus::Running));
}

#[test]
fn a_second_catalog_of_the_same_process_interrupts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = crate::DataDir::open(folder.path()).unwrap();
    let first = Catalog::open(&data_dir).unwrap();
    let run = first.begin_or_resume_run(&new_run("k")).unwrap();
    let second = Catalog::open(&data_dir).unwrap();
    assert_eq!(second.run(run.id).unwrap().status, RunStatus::Running);
}

#[test]
fn a_run_that_its_user_stops_is_interrupted_and_others_go_on() {
    let fixture = Fixture::new();
    let stopped = fixture.begin_with("k", &["AAPL"]);
    let other = fixture.begin("other").id;
    let key = step(stopped, "AAPL", "find");
    fixture.catalog.step_started(key, None, "w", &ItemUpdate::default()).unwrap();
    let run = fixture.catalog.interrupt_run(stopped).unwrap();
    assert_eq!(run.status, RunStatus::Interrupted);
    assert_eq!(fixture.catalog.step(key).unwrap().unwrap().state, StepState::Pending);
    assert_eq!(fixture.catalog.run(other).unwrap().status, RunStatus::Running);
}

#[test]
fn steps_outside_of_for_each_belong_to_the_run_itself() {
    let fixture = Fixture::new();
    let run = fixture.begin_with("k", &["AAPL"]);
    let key = step(run, RUN_ITEM, "summary");
    let gathered = ItemUpdate { record: fields(json!({"facts": 9})), ..ItemUpdate::default() };
    fixture.catalog.step_started(key, None, "w", &ItemUpdate::default()).unwrap();
    fixture.catalog.step_completed(key, &json!(9), &[], &gathered).unwrap();
    let record = fixture.catalog.item(run, RUN_ITEM).unwrap().unwrap().record;
    assert_eq!(record, fields(json!({"facts": 9})));
    assert_eq!(fixture.catalog.items(run).unwrap().len(), 1);
}

#[test]
fn a_reader_sees_what_was_committed_beside_the_writer_and_changes_nothing() {
    let fixture = Fixture::new();
    let run = fixture.begin("k").id;
    let reader = fixture.reader();
    assert_eq!(reader.run(run).unwrap().status, RunStatus::Running);
    fixture.catalog.finish_run(run, RunOutcome::Completed).unwrap();
    assert_eq!(reader.run(run).unwrap().status, RunStatus::Completed);
    let refused = reader.begin_or_resume_run(&new_run("k"));
    assert!(matches!(refused, Err(StoreError::ReadOnly { .. })));

    let fixture = fixture.reopened();
    assert_eq!(fixture.reader().run(run).unwrap().status, RunStatus::Completed);
}

#[test]
fn a_reader_without_a_catalog_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let _writer = crate::DataDir::open(folder.path()).unwrap();
    let reader = crate::DataDir::open_read_only(folder.path()).unwrap();
    let missing = Catalog::open(&reader).unwrap_err();
    assert!(matches!(missing, StoreError::NoCatalog { .. }));
}

#[test]
fn a_catalog_of_a_newer_build_is_refused() {
    let fixture = Fixture::new();
    {
        let connection = fixture.catalog.lock();
        connection.pragma_update(None, "user_version", 99).unwrap();
    }
    let reader = crate::DataDir::open_read_only(fixture.path()).unwrap();
    let refused = Catalog::open(&reader).unwrap_err();
    assert!(matches!(refused, StoreError::Version { found: 99, .. }));
    let writer = fixture.catalog.data_dir.clone();
    let refused = Catalog::open(&writer).unwrap_err();
    assert!(refused.to_string().contains("catalog.sqlite has format 99"));
}

#[test]
fn a_file_that_is_no_database_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = crate::DataDir::open(folder.path()).unwrap();
    fs::write(data_dir.catalog_path(), [b'x'; 4096]).unwrap();
    let damaged = Catalog::open(&data_dir).unwrap_err();
    assert!(matches!(damaged, StoreError::Catalog { .. }));
    assert!(damaged.to_string().contains("catalog.sqlite"));
}

#[test]
fn old_runs_go_with_all_that_they_name() {
    let fixture = Fixture::new();
    let catalog = &fixture.catalog;
    let object = Digest::of(b"old");
    let old = fixture.begin_with("old", &["AAPL"]);
    let key = step(old, "AAPL", "find");
    catalog.step_started(key, None, "w", &ItemUpdate::default()).unwrap();
    catalog.step_completed(key, &Value::Null, &[object], &ItemUpdate::default()).unwrap();
    let interrupted = fixture.begin("interrupted").id;
    catalog.interrupt_run(interrupted).unwrap();
    assert_eq!(catalog.delete_finished_before(now_ms() + 1_000).unwrap(), 0);

    catalog.finish_run(old, RunOutcome::Completed).unwrap();
    assert!(catalog.referenced_objects().unwrap().contains(&object));
    assert_eq!(catalog.delete_finished_before(now_ms() - 60_000).unwrap(), 0);
    assert_eq!(catalog.delete_finished_before(now_ms() + 1_000).unwrap(), 1);
    assert!(catalog.referenced_objects().unwrap().is_empty());
    assert_eq!(catalog.step(key).unwrap(), None);
    assert!(catalog.run(interrupted).is_ok());
}

#[test]
fn records_are_json_in_snake_case() {
    let fixture = Fixture::new();
    let run = fixture.begin("k");
    let shown = serde_json::to_value(&run).unwrap();
    assert_eq!(shown["id"], json!(run.id.0));
    assert_eq!(shown["status"], "running");
    assert_eq!(shown["workflow_digest"], run.workflow_digest.to_string());
    assert_eq!(shown["finished_at_ms"], Value::Null);
}
