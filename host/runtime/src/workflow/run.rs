//! The work of a run: items in parallel, the steps of each as soon as what they need is there, every outcome
//! durable before the next step sees it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use belljar_store::{Digest, ItemUpdate, NewItem, RUN_ITEM, Run, RunId, RunOutcome, StepKey, StepState, StoreError};
use futures_util::stream::{self, FuturesUnordered, StreamExt as _};
use serde_json::{Map, Value as Json};
use tokio::sync::Mutex;

use super::counts::Counts;
use super::inputs::{Outputs, inputs_digest};
use super::plan::{Plan, is_over};
use super::records::{Live, Records};
use super::report::{ItemReport, Observer, Report, RunEvent, StepReport};
use super::step::Step;
use super::template::Reference;
use crate::task::Input;
use crate::{Error, Runtime};

/// The status of an item of which nothing is done.
const DISCOVERED: &str = "discovered";
/// The status of an item of which everything is done.
const COMPLETED: &str = "completed";
/// The status of an item that failed.
const ERROR: &str = "error";
/// The longest wait between two attempts of a step: 30 s.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Runs a plan, or goes on with it where an earlier process stopped. A step that completed does not run again; an
/// item that failed is tried again from its last completed step.
///
/// # Errors
///
/// [`Error::Store`] when state cannot be kept: the run stops then, and can be resumed. What goes wrong in a step is
/// no error here; it stands in the [`Report`].
pub async fn run(runtime: &Runtime, mut plan: Plan, observer: Arc<dyn Observer>) -> Result<Report, Error> {
    let started = Instant::now();
    let active = runtime.runs().start(plan.key()).await?;
    plan.steps.iter_mut().try_for_each(Step::prepare)?;
    let (run, before) = begin(&plan).await?;
    let records = plan.records.clone();
    let work = Work { run: run.id, records: records.clone(), observer, counts: Counts::new(plan.workers), plan };
    work.reset_unfinished(&before).await?;
    work.tell_start(&before.completed);
    let resumed = before.resumed;
    let outputs_of_items = work.run_items(before.completed).await?;
    let once_failed = work.run_once_steps(outputs_of_items).await?;
    let report = work.finish(once_failed, resumed, started).await?;
    drop(active);
    if let Some(_paused) = runtime.runs().pause() {
        records.collect_garbage().await?;
    }
    Ok(report)
}

/// What earlier processes have done of a run.
struct Before {
    resumed: bool,
    /// Outputs of completed steps, by item and step.
    completed: HashMap<String, Outputs>,
    /// Steps that failed, by item.
    failed: HashMap<String, Vec<String>>,
    /// The items that they took in, with their statuses.
    items: HashMap<String, String>,
}

/// Begins the run of this call, a new one or the earlier one, and takes back the steps that are to run again.
async fn begin(plan: &Plan) -> Result<(Run, Before), Error> {
    let (key, params) = (plan.key(), plan.params_json());
    let (workflow, path, digest) = (plan.workflow.clone(), plan.workflow_path.clone(), plan.workflow_digest);
    let (items, fresh) = (plan.items.clone(), plan.fresh);
    let again: Vec<String> = plan.again.iter().cloned().collect();
    plan.records
        .with(move |catalog| {
            let new = belljar_store::NewRun {
                key: &key,
                workflow: &workflow,
                workflow_path: &path,
                workflow_digest: digest,
                params: &params,
            };
            let mut run = if fresh { catalog.new_run(&new)? } else { catalog.begin_or_resume_run(&new)? };
            if is_over(run.status) {
                run = catalog.reopen_run(run.id, &path, digest)?;
            }
            if !again.is_empty() {
                catalog.restart_steps(run.id, &again)?;
            }
            let mut before = Before {
                resumed: false,
                completed: HashMap::new(),
                failed: HashMap::new(),
                items: catalog.items(run.id)?.into_iter().map(|item| (item.key, item.status)).collect(),
            };
            for step in catalog.steps(run.id)? {
                before.resumed = true;
                match step.state {
                    StepState::Completed => {
                        let outputs = before.completed.entry(step.item).or_default();
                        outputs.insert(step.step, step.output.unwrap_or_default());
                    }
                    StepState::Failed => before.failed.entry(step.item).or_default().push(step.step),
                    _ => {}
                }
            }
            let values: Vec<Json> = items.iter().map(|item| item.as_str().into()).collect();
            let new_items: Vec<NewItem<'_>> =
                items.iter().zip(&values).map(|(key, value)| NewItem { key, value, status: DISCOVERED }).collect();
            catalog.put_items(run.id, &new_items)?;
            Ok((run, before))
        })
        .await
}

/// A run at work.
struct Work {
    plan: Plan,
    run: RunId,
    records: Records,
    observer: Arc<dyn Observer>,
    counts: Counts,
}

/// One step of one item, about to run.
struct Job<'a> {
    item: &'a str,
    worker: &'a str,
    step: &'a Step,
    /// Its inputs, or why they cannot be had.
    inputs: Result<Vec<Json>, String>,
    /// The outputs that are there, for its record.
    known: Outputs,
    /// The digest of its inputs.
    digest: Option<Digest>,
    live: Live,
    progress: &'a Progress,
}

/// How far the steps of one item are. Steps that run at the same time record their ends one after the other, so that
/// the item's status is that of the last one, and stays an error once one has failed.
struct Progress {
    /// How many completed, and whether one failed.
    ended: Mutex<(usize, bool)>,
    total: usize,
}

/// What a step's end means for its item.
enum StepEnd {
    Completed(Json, Live),
    Failed(String),
}

impl Work {
    fn item_steps(&self) -> impl Iterator<Item = &Step> {
        self.plan.steps.iter().filter(|step| !step.once)
    }

    fn is_done(&self, outputs: Option<&Outputs>) -> bool {
        self.item_steps().all(|step| outputs.is_some_and(|outputs| outputs.contains_key(&step.name)))
    }

    /// Puts items that a process left in between, or that failed, back to what is really done of them. Where only
    /// some steps are to run, a failure of another one stays.
    async fn reset_unfinished(&self, before: &Before) -> Result<(), Error> {
        let only = &self.plan.only;
        let stays_failed = |item: &str| {
            let failed = before.failed.get(item).map(Vec::as_slice).unwrap_or_default();
            !only.is_empty() && failed.iter().any(|step| !only.contains(step))
        };
        let mut resets = vec![(RUN_ITEM.to_owned(), DISCOVERED.to_owned())];
        for (item, status) in &before.items {
            let outputs = before.completed.get(item);
            let steps = self.item_steps().map(|step| (step.name.as_str(), step.status_done.as_deref()));
            let right = if self.is_done(outputs) { COMPLETED } else { status_after(steps, outputs) };
            if status != right && !stays_failed(item) {
                resets.push((item.clone(), right.to_owned()));
            }
        }
        let run = self.run;
        self.records
            .with(move |catalog| {
                resets.iter().try_for_each(|(item, status)| {
                    catalog.reset_item(run, item, status)?;
                    if status == COMPLETED {
                        catalog.update_item(run, item, &ItemUpdate { finished: true, ..ItemUpdate::default() })?;
                    }
                    Ok(())
                })
            })
            .await
    }

    fn tell_start(&self, completed: &HashMap<String, Outputs>) {
        let steps: Vec<String> = self.plan.steps.iter().map(|step| step.name.clone()).collect();
        let items_done = self.plan.items.iter().filter(|item| self.is_done(completed.get(*item))).count();
        let items = self.plan.items.len();
        self.observer.event(RunEvent::Started { run: self.run, items, items_done, steps: &steps });
    }

    /// Runs the items and returns the outputs of all that are completed, in the order of the items.
    async fn run_items(&self, mut completed: HashMap<String, Outputs>) -> Result<Vec<(String, Outputs)>, Error> {
        let items = self.plan.items.iter().enumerate();
        let jobs: Vec<(usize, &String, Outputs)> =
            items.map(|(at, item)| (at, item, completed.remove(item).unwrap_or_default())).collect();
        let mut ends = stream::iter(jobs)
            .map(|(at, item, outputs)| async move {
                let outputs =
                    if self.is_done(Some(&outputs)) { Some(outputs) } else { self.run_item(item, outputs).await? };
                Ok::<_, Error>((at, item, outputs))
            })
            .buffer_unordered(self.plan.workers);
        let mut finished = Vec::new();
        while let Some(end) = ends.next().await {
            if let (at, item, Some(outputs)) = end? {
                finished.push((at, item.clone(), outputs));
            }
        }
        finished.sort_by_key(|(at, ..)| *at);
        Ok(finished.into_iter().map(|(_, item, outputs)| (item, outputs)).collect())
    }

    /// Runs one item on a worker; its outputs if it is completed.
    async fn run_item(&self, item: &str, outputs: Outputs) -> Result<Option<Outputs>, Error> {
        let (at, worker) = self.counts.take_worker();
        let steps: Vec<&Step> = self.item_steps().collect();
        let end = self.run_steps(item, &worker, &steps, outputs, &[]).await;
        let failed = !matches!(&end, Ok(Ok(_)));
        self.counts.return_worker(at, failed);
        let end = end?;
        self.counts.item_ended(failed);
        self.observer.event(RunEvent::ItemFinished { item, error: end.as_ref().err().map(String::as_str) });
        Ok(end.ok().filter(|outputs| self.is_done(Some(outputs))))
    }

    /// Runs the steps that belong to no item. Returns whether one failed.
    async fn run_once_steps(&self, items: Vec<(String, Outputs)>) -> Result<bool, Error> {
        let steps: Vec<&Step> = self.plan.steps.iter().filter(|step| step.once).collect();
        if items.is_empty() && !self.plan.items.is_empty() {
            // Without a completed item there is nothing to sum up, which is a failure only of who asked for it.
            let wanted: Vec<&&Step> = steps.iter().filter(|step| self.plan.only.contains(&step.name)).collect();
            for step in &wanted {
                let (step, error) = (step.name.as_str(), Some("no item is completed yet"));
                self.observer.event(RunEvent::StepFinished { item: RUN_ITEM, step, error, duration: Duration::ZERO });
            }
            return Ok(!wanted.is_empty());
        }
        if steps.is_empty() {
            return Ok(false);
        }
        // A step that runs once is done only if it completed with the same inputs: more items may have completed.
        let mut outputs = Outputs::new();
        for step in &steps {
            if !step.needs.iter().all(|need| outputs.contains_key(need) || steps.iter().all(|its| its.name != *need)) {
                continue; // What it needs has to run again, and so has it.
            }
            let Ok(inputs) = self.plan.inputs(step, "", &outputs, &items) else { continue };
            let (run, name) = (self.run, step.name.clone());
            let earlier = self
                .records
                .with(move |catalog| catalog.step(StepKey { run, item: RUN_ITEM, step: &name }))
                .await?
                .filter(|earlier| earlier.state == StepState::Completed);
            if let Some(earlier) =
                earlier.filter(|earlier| earlier.inputs_digest == Some(inputs_digest(&inputs, &items)))
            {
                outputs.insert(step.name.clone(), earlier.output.unwrap_or_default());
            }
        }
        let (at, worker) = self.counts.take_worker();
        let end = self.run_steps(RUN_ITEM, &worker, &steps, outputs, &items).await;
        self.counts.return_worker(at, !matches!(&end, Ok(Ok(_))));
        Ok(end?.is_err())
    }

    /// Runs those of the steps that have no output yet, each as soon as the outputs that it needs are there.
    /// Returns all outputs, or why the item failed.
    async fn run_steps(
        &self,
        item: &str,
        worker: &str,
        steps: &[&Step],
        mut outputs: Outputs,
        items: &[(String, Outputs)],
    ) -> Result<Result<Outputs, String>, Error> {
        let mut started: HashSet<&str> = HashSet::new();
        let progress = Progress { ended: Mutex::new((outputs.len(), false)), total: steps.len() };
        let mut running = FuturesUnordered::new();
        let mut live = Live::new();
        let mut failure: Option<String> = None;
        let belongs = |name: &String| steps.iter().any(|step| step.name == *name);
        loop {
            for step in steps.iter().filter(|_| failure.is_none()) {
                let wanted = self.plan.only.is_empty() || self.plan.only.contains(&step.name);
                // A step that runs once needs the steps of items too; they are over by now.
                let ready = step.needs.iter().all(|need| outputs.contains_key(need) || !belongs(need));
                if wanted && ready && !outputs.contains_key(&step.name) && started.insert(&step.name) {
                    let inputs = self.plan.inputs(step, item, &outputs, items);
                    let digest = inputs.as_ref().ok().map(|inputs| inputs_digest(inputs, items));
                    let (known, live, progress) = (outputs.clone(), live.clone(), &progress);
                    let job = Job { item, worker, step, inputs, digest, known, live, progress };
                    running.push(async move { (*step, self.run_step(job).await) });
                }
            }
            let Some((step, end)) = running.next().await else { break };
            match end? {
                StepEnd::Completed(output, its_objects) => {
                    outputs.insert(step.name.clone(), output);
                    live.extend(its_objects);
                }
                StepEnd::Failed(message) => failure = failure.or(Some(message)),
            }
        }
        let missed = |step: &&&Step| self.plan.only.contains(&step.name) && !outputs.contains_key(&step.name);
        if let (None, Some(step)) = (&failure, steps.iter().find(missed)) {
            let missing: Vec<&str> =
                step.needs.iter().filter(|need| !outputs.contains_key(*need)).map(String::as_str).collect();
            failure = Some(format!("`{}` needs {}, which has not run", step.name, missing.join(" and ")));
            let (run, item, message) = (self.run, item.to_owned(), failure.clone());
            self.records
                .with(move |catalog| {
                    let update = ItemUpdate { error_message: message.as_deref(), ..ItemUpdate::default() };
                    catalog.update_item(run, &item, &update)
                })
                .await?;
        }
        Ok(match failure {
            None => Ok(outputs),
            Some(message) => Err(message),
        })
    }

    /// Runs one step with its retries.
    async fn run_step(&self, job: Job<'_>) -> Result<StepEnd, Error> {
        let since = Instant::now();
        let end = self.attempt_step(&job).await?;
        let error = match &end {
            StepEnd::Completed(..) => None,
            StepEnd::Failed(message) => Some(message.as_str()),
        };
        self.counts.step_ended(error.is_some());
        let (item, step, duration) = (job.item, job.step.name.as_str(), since.elapsed());
        self.observer.event(RunEvent::StepFinished { item, step, error, duration });
        Ok(end)
    }

    async fn attempt_step(&self, job: &Job<'_>) -> Result<StepEnd, Error> {
        let Job { item, worker, step, .. } = *job;
        let mut backoff = step.backoff;
        let mut retries_left = step.retries;
        loop {
            let attempt = self.record_start(job).await?;
            self.observer.event(RunEvent::StepStarted { item, step: &step.name, worker, attempt });
            let outcome = match &job.inputs {
                Ok(inputs) => self.call(item, step, inputs, job.live.clone()).await,
                Err(message) => Err((message.clone(), false)),
            };
            let (message, may_retry) = match outcome {
                Ok((output, objects)) => match self.record_completed(job, &output, &objects).await {
                    Ok(()) => return Ok(StepEnd::Completed(output, objects)),
                    // An output that is too large to keep is this step's failure, not the run's.
                    Err(Error::Store(error)) if matches!(*error, StoreError::TooLarge { .. }) => {
                        (error.to_string(), false)
                    }
                    Err(error) => return Err(error),
                },
                Err(failed) => failed,
            };
            let message = format!("{}: {message}", step.name);
            let again = may_retry && retries_left > 0;
            self.record_failed(job, &message, !again).await?;
            if !again {
                return Ok(StepEnd::Failed(message));
            }
            retries_left -= 1;
            self.observer.event(RunEvent::StepRetried { item, step: &step.name, error: &message, wait: backoff });
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// Calls the plugin, and keeps what it returned. The error says whether trying again may help.
    async fn call(&self, item: &str, step: &Step, inputs: &[Json], live: Live) -> Result<(Json, Live), (String, bool)> {
        let failed = |error: Error| (error.to_string(), error.is_retryable());
        let (inputs, objects) = self.records.load(Json::Array(inputs.to_vec()), live).await.map_err(failed)?;
        let Json::Array(inputs) = inputs else { return Err(("the inputs are no list".to_owned(), false)) };
        let inputs = inputs.into_iter().map(Input::Json).collect();
        let returned = step.plugin.perform(item, &step.method.name, inputs, objects).await.map_err(failed)?;
        let output = returned.unwrapped().map_err(failed)?;
        self.records.keep(output, returned.objects).await.map_err(failed)
    }

    async fn record_start(&self, job: &Job<'_>) -> Result<u32, Error> {
        let ended = job.progress.ended.lock().await;
        let (run, item, worker) = (self.run, job.item.to_owned(), job.worker.to_owned());
        let (name, status) = (job.step.name.clone(), job.step.status_running.clone().filter(|_| !ended.1));
        let digest = job.digest;
        self.records
            .with(move |catalog| {
                let update = ItemUpdate { status: status.as_deref(), ..ItemUpdate::default() };
                catalog.step_started(StepKey { run, item: &item, step: &name }, digest, &worker, &update)
            })
            .await
    }

    async fn record_completed(&self, job: &Job<'_>, output: &Json, objects: &Live) -> Result<(), Error> {
        let Job { item, step, .. } = *job;
        let mut record = Map::new();
        for (field, value) in &step.record {
            let look_up = &mut |reference: &Reference| self.plan.look_up(reference, item, &job.known, Some(output));
            // The references were checked against the types; a field without a value is null.
            record.insert(field.clone(), value.resolve(look_up, &mut |_| Ok(Vec::new())).unwrap_or_default());
        }
        let mut ended = job.progress.ended.lock().await;
        let (completed, failed) = *ended;
        let finished = completed + 1 == job.progress.total && item != RUN_ITEM;
        let status = if finished { Some(COMPLETED.to_owned()) } else { step.status_done.clone() };
        let status = status.filter(|_| !failed);
        let (run, item, name) = (self.run, item.to_owned(), step.name.clone());
        let (output, objects) = (output.clone(), objects.keys().copied().collect::<Vec<Digest>>());
        self.records
            .with(move |catalog| {
                let update = ItemUpdate { status: status.as_deref(), record, error_message: None, finished };
                catalog.step_completed(StepKey { run, item: &item, step: &name }, &output, &objects, &update)
            })
            .await?;
        ended.0 += 1;
        Ok(())
    }

    async fn record_failed(&self, job: &Job<'_>, message: &str, for_good: bool) -> Result<(), Error> {
        let mut ended = job.progress.ended.lock().await;
        ended.1 |= for_good;
        let (run, item, name, message) = (self.run, job.item.to_owned(), job.step.name.clone(), message.to_owned());
        self.records
            .with(move |catalog| {
                let update = if for_good {
                    ItemUpdate {
                        status: Some(ERROR),
                        error_message: Some(&message),
                        finished: true,
                        ..ItemUpdate::default()
                    }
                } else {
                    ItemUpdate::default()
                };
                catalog.step_failed(StepKey { run, item: &item, step: &name }, &message, &update)
            })
            .await
    }

    async fn finish(&self, once_failed: bool, resumed: bool, started: Instant) -> Result<Report, Error> {
        let (run, keep) = (self.run, self.plan.items.iter().cloned().collect::<HashSet<String>>());
        let (items, steps) = self.records.with(move |catalog| Ok((catalog.items(run)?, catalog.steps(run)?))).await?;
        let mut by_item: HashMap<String, Vec<StepReport>> = HashMap::new();
        let mut first_start: HashMap<String, i64> = HashMap::new();
        let mut outputs = BTreeMap::new();
        for step in steps {
            if step.item == RUN_ITEM
                && let Some(output) = &step.output
            {
                outputs.insert(step.step.clone(), output.clone());
            }
            if let Some(started) = step.started_at_ms {
                let first = first_start.entry(step.item.clone()).or_insert(started);
                *first = started.min(*first);
            }
            by_item.entry(step.item).or_default().push(StepReport {
                step: step.step,
                state: step.state,
                attempts: step.attempts,
                output: step.output,
                error: step.error,
            });
        }
        let items: Vec<ItemReport> = items
            .into_iter()
            .filter(|item| keep.contains(&item.key))
            .map(|item| ItemReport {
                steps: by_item.remove(&item.key).unwrap_or_default(),
                duration_ms: item.finished_at_ms.zip(first_start.get(&item.key)).map(|(end, start)| end - start),
                item: item.key,
                status: item.status,
                error_message: item.error_message,
                record: item.record,
            })
            .collect();
        let stats = self.counts.stats(started.elapsed());
        let failed = once_failed || stats.total_errors > 0 || items.iter().any(|item| item.status == ERROR);
        let complete = items.iter().all(|item| item.status == COMPLETED)
            && self.plan.steps.iter().filter(|step| step.once).all(|step| outputs.contains_key(&step.name));
        let status = self
            .records
            .with(move |catalog| {
                Ok(match (failed, complete) {
                    (true, _) => catalog.finish_run(run, RunOutcome::Failed)?.status,
                    (false, true) => catalog.finish_run(run, RunOutcome::Completed)?.status,
                    // Only some steps were asked for; the rest can be run later.
                    (false, false) => catalog.interrupt_run(run)?.status,
                })
            })
            .await?;
        Ok(Report {
            run,
            workflow: self.plan.workflow.clone(),
            status,
            resumed,
            items,
            outputs,
            stats,
            workers: self.counts.workers(),
        })
    }
}

/// The status of an item of which these steps are done: what the last of them says.
fn status_after<'a>(steps: impl Iterator<Item = (&'a str, Option<&'a str>)>, done: Option<&Outputs>) -> &'a str {
    let done = |(name, _): &(&str, _)| done.is_some_and(|done| done.contains_key(*name));
    steps.filter(done).filter_map(|(_, status_done)| status_done).last().unwrap_or(DISCOVERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps of the inbox workflow, with the statuses that they lead to.
    const STEPS: [(&str, Option<&str>); 4] = [
        ("claim", Some("moved_to_processing")),
        ("find", Some("sec_filing_downloaded")),
        ("extract", Some("facts_extracted")),
        ("save", None),
    ];

    fn after(done: &[&str]) -> &'static str {
        let outputs: Outputs = done.iter().map(|step| ((*step).to_owned(), Json::Null)).collect();
        status_after(STEPS.into_iter(), Some(&outputs))
    }

    #[test]
    fn a_failed_item_goes_back_to_the_status_of_its_last_completed_step() {
        assert_eq!(after(&[]), "discovered");
        assert_eq!(after(&["claim"]), "moved_to_processing");
        assert_eq!(after(&["claim", "find"]), "sec_filing_downloaded");
        assert_eq!(after(&["claim", "find", "extract"]), "facts_extracted");
        assert_eq!(status_after(STEPS.into_iter(), None), "discovered");
    }
}
