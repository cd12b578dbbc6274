//! A workflow is checked whole before anything runs, and each problem names its line and the remedy.

use std::path::Path;

use belljar::workflow::{Report, RunOptions, Workflow, WorkflowError, plan, run};
use belljar::{Error, Runtime};
use belljar_tests::{plugin_path, runtime};
use serde_json::json;

/// Writes a workflow that calls the greeter, and plans it.
async fn try_plan(runtime: &Runtime, folder: &Path, text: &str) -> Result<belljar::workflow::Plan, WorkflowError> {
    let text = text.replace("GREETER", &plugin_path("greeter").display().to_string());
    let workflow = Workflow::parse(&folder.join("test.toml"), &text)?;
    plan(runtime, &workflow, &RunOptions::default()).await.map_err(|error| match error {
        Error::Workflow(error) => (*error).clone(),
        other => panic!("{other}"),
    })
}

async fn run_text(runtime: &Runtime, folder: &Path, text: &str) -> Report {
    let plan = try_plan(runtime, folder, text).await.expect("it is right");
    run(runtime, plan, std::sync::Arc::new(())).await.expect("it runs")
}

async fn problem(text: &str) -> String {
    let (runtime, folder) = runtime();
    try_plan(&runtime, folder.path(), text).await.err().expect("it is wrong").to_string()
}

#[tokio::test]
async fn what_is_not_toml_or_not_known_is_shown_in_its_line() {
    assert!(problem("name = \"x\"\nsteps = [").await.contains("test.toml:2"));
    let unknown = problem("name = \"x\"\n[steps.a]\nplugin = \"p\"\nfunction = \"f\"\nretires = 3\n").await;
    assert!(unknown.contains("retires") && unknown.contains("retries"), "{unknown}");
}

#[tokio::test]
async fn a_binding_of_the_wrong_type_names_both_types() {
    let text = r#"
name = "x"
[steps.greet]
plugin = "GREETER"
function = "hello"
with = { name = "you" }
[steps.sum]
plugin = "GREETER"
function = "add"
with = { a = 1, b = "${steps.greet}" }
"#;
    let problem = problem(text).await;
    assert!(problem.contains("test.toml:10"), "{problem}");
    assert!(problem.contains("expected u32") && problem.contains("string"), "{problem}");
}

#[tokio::test]
async fn all_problems_are_told_at_once() {
    let text = r#"
name = "x"
[steps.a]
plugin = "missing.wasm"
function = "hello"
[steps.b]
plugin = "GREETER"
function = "helo"
[steps.c]
plugin = "GREETER"
function = "add"
with = { a = 1, c = 2 }
[steps.d]
plugin = "GREETER"
function = "hello"
with = { name = "x" }
needs = ["e"]
timeout = "soon"
"#;
    let problem = problem(text).await;
    for part in ["missing.wasm", "`helo`", "hello, add", "no `b: u32`", "no parameter `c`", "`soon`"] {
        assert!(problem.contains(part), "{part} is missing in {problem}");
    }
}

#[tokio::test]
async fn steps_that_need_each_other_are_a_circle() {
    let text = r#"
name = "x"
[steps.a]
plugin = "GREETER"
function = "hello"
with = { name = "${steps.b}" }
[steps.b]
plugin = "GREETER"
function = "hello"
with = { name = "${steps.a}" }
"#;
    assert!(problem(text).await.contains("circle"));
}

#[tokio::test]
async fn a_workflow_without_items_runs_its_steps_once_in_the_order_of_their_needs() {
    let (runtime, folder) = runtime();
    let text = r#"
name = "sums"
[steps.total]
plugin = "GREETER"
function = "add"
with = { a = "${steps.left}", b = "${steps.right}" }
[steps.left]
plugin = "GREETER"
function = "add"
with = { a = 1, b = 2 }
[steps.right]
plugin = "GREETER"
function = "add"
with = { a = 30, b = 4 }
"#;
    let report = run_text(&runtime, folder.path(), text).await;
    assert_eq!(report.outputs["total"], json!(37));
}

#[tokio::test]
async fn a_step_that_fails_is_tried_again_as_often_as_it_says() {
    let (runtime, folder) = runtime();
    let text = format!(
        r#"
name = "retries"
[for_each]
values = ["one"]
[steps.spin]
plugin = "{}"
function = "spin"
timeout = "30ms"
retries = 2
backoff = "1ms"
"#,
        plugin_path("hostile").display()
    );
    let report = run_text(&runtime, folder.path(), &text).await;
    let item = &report.items[0];
    assert_eq!((item.status.as_str(), item.steps[0].attempts), ("error", 3));
    assert!(item.error_message.as_ref().is_some_and(|error| error.contains("deadline of 30 ms")), "{item:?}");
}

#[tokio::test]
async fn an_item_whose_steps_run_side_by_side_is_completed_when_the_last_is() {
    let (runtime, folder) = runtime();
    let text = r#"
name = "diamond"
[for_each]
values = ["one", "two"]
[steps.start]
plugin = "GREETER"
function = "add"
with = { a = 1, b = 1 }
[steps.left]
plugin = "GREETER"
function = "add"
with = { a = "${steps.start}", b = 1 }
status = { done = "left is done" }
[steps.right]
plugin = "GREETER"
function = "add"
with = { a = "${steps.start}", b = 2 }
status = { done = "right is done" }
"#;
    let report = run_text(&runtime, folder.path(), text).await;
    assert!(report.items.iter().all(|item| item.status == "completed"), "{report:?}");
    assert_eq!(report.status, belljar::store::RunStatus::Completed);
}

#[tokio::test]
async fn an_item_stays_failed_when_a_step_beside_the_failed_one_completes_later() {
    let (runtime, folder) = runtime();
    let text = format!(
        r#"
name = "one fails"
[for_each]
values = ["one"]
[steps.bad]
plugin = "{hostile}"
function = "panic"
with = {{ message = "no" }}
[steps.good]
plugin = "{hostile}"
function = "well-behaved"
with = {{ n = 3000000 }}
status = {{ done = "good is done" }}
"#,
        hostile = plugin_path("hostile").display()
    );
    let report = run_text(&runtime, folder.path(), &text).await;
    assert_eq!(report.items[0].status, "error");
    assert_eq!(report.status, belljar::store::RunStatus::Failed);
}
