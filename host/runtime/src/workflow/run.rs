//! The work of a run: items in parallel, the steps of each as soon as what they need is there, every outcome
//! durable before the next step sees it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use belljar_store::{Digest, ItemUpdate, NewItem, RUN_ITEM, Run, RunId, RunOutcome, StepKey, StepState};
use futures_util::stream::{self, FuturesUnordered, StreamExt as _};
use serde_json::{Map, Value as Json};

use super::check;
use super::plan::{Plan, Step, is_over};
use super::records::{Live, Records, digests_in};
use super::report::{ItemReport, Observer, Report, RunEvent, RunStats, StepReport};
use super::template::{Reference, Root, Template};
use crate::task::Input;
use crate::{Error, Runtime, WorkerStats};

/// The status of an item of which nothing is done.
const DISCOVERED: &str = "discovered";
/// The status of an item of which everything is done.
const COMPLETED: &str = "completed";
/// The status of an item that failed.
const ERROR: &str = "error";
/// The longest wait between two attempts of a step: 30 s.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Outputs of an item's steps, by step, as the catalog keeps them.
type Outputs = HashMap<String, Json>;

/// Runs a plan, or goes on with it where an earlier process stopped. A step that completed does not run again; an
/// item that failed is tried again from its last completed step.
///
/// # Errors
///
/// [`Error::Store`] when state cannot be kept: the run stops then, and can be resumed. What goes wrong in a step is
/// no error here; it stands in the [`Report`].
pub async fn run(_runtime: &Runtime, plan: Plan, observer: Arc<dyn Observer>) -> Result<Report, Error> {
    let started = Instant::now();
    let (run, resumed) = begin(&plan).await?;
    let completed = completed_outputs(&plan, run.id).await?;
    let work = Work { run: run.id, records: plan.records.clone(), observer, counts: Counts::new(plan.workers), plan };
    work.reset_unfinished(&completed).await?;
    work.tell_start(&completed);
    let outputs_of_items = work.run_items(completed).await?;
    let once_failed = work.run_once_steps(outputs_of_items).await?;
    let report = work.finish(once_failed, resumed, started).await?;
    Ok(report)
}

/// The run of this call: a new one, or the earlier one.
async fn begin(plan: &Plan) -> Result<(Run, bool), Error> {
    let (key, params) = (plan.key(), plan.params_json());
    let (workflow, path, digest) = (plan.workflow.clone(), plan.workflow_path.clone(), plan.workflow_digest);
    let (items, fresh) = (plan.items.clone(), plan.fresh);
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
            let resumed = !fresh && !catalog.steps(run.id)?.is_empty();
            if is_over(run.status) {
                run = catalog.reopen_run(run.id, &path, digest)?;
            }
            let values: Vec<Json> = items.iter().map(|item| item.as_str().into()).collect();
            let new_items: Vec<NewItem<'_>> =
                items.iter().zip(&values).map(|(key, value)| NewItem { key, value, status: DISCOVERED }).collect();
            catalog.put_items(run.id, &new_items)?;
            Ok((run, resumed))
        })
        .await
}

/// What earlier processes completed, by item and step, without the steps that are to run again.
async fn completed_outputs(plan: &Plan, run: RunId) -> Result<HashMap<String, Outputs>, Error> {
    let again = plan.again.clone();
    plan.records
        .with(move |catalog| {
            let mut completed: HashMap<String, Outputs> = HashMap::new();
            for step in catalog.steps(run)? {
                if step.state == StepState::Completed && !again.contains(&step.step) {
                    completed.entry(step.item).or_default().insert(step.step, step.output.unwrap_or_default());
                }
            }
            Ok(completed)
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

/// What this process has done, and which workers are free.
struct Counts {
    items_ended: AtomicU64,
    items_failed: AtomicU64,
    steps_completed: AtomicU64,
    steps_failed: AtomicU64,
    steps_active: AtomicU64,
    workers: Mutex<Vec<(bool, WorkerStats)>>,
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
    live: Live,
    /// Whether the item is completed with it.
    last: bool,
}

/// What a step's end means for its item.
enum StepEnd {
    Completed(Json, Live),
    Failed(String),
}

impl Counts {
    fn new(workers: usize) -> Counts {
        let stats = |at| WorkerStats { worker_id: format!("worker-{at}"), processed_count: 0, error_count: 0, load: 0 };
        Counts {
            items_ended: AtomicU64::new(0),
            items_failed: AtomicU64::new(0),
            steps_completed: AtomicU64::new(0),
            steps_failed: AtomicU64::new(0),
            steps_active: AtomicU64::new(0),
            workers: Mutex::new((0..workers).map(|at| (false, stats(at))).collect()),
        }
    }

    /// Takes a free worker. As many items run at once as there are workers, so there always is one.
    fn take_worker(&self) -> (usize, String) {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let at = workers.iter().position(|(busy, _)| !busy).unwrap_or(0);
        let (busy, stats) = &mut workers[at];
        *busy = true;
        (at, stats.worker_id.clone())
    }

    fn return_worker(&self, at: usize, failed: bool) {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let (busy, stats) = &mut workers[at];
        *busy = false;
        *(if failed { &mut stats.error_count } else { &mut stats.processed_count }) += 1;
    }
}

impl Work {
    fn item_steps(&self) -> impl Iterator<Item = &Step> {
        self.plan.steps.iter().filter(|step| !step.once)
    }

    fn is_done(&self, outputs: Option<&Outputs>) -> bool {
        self.item_steps().all(|step| outputs.is_some_and(|outputs| outputs.contains_key(&step.name)))
    }

    /// Puts items that a process left in between, or that failed, back to what is really done of them.
    async fn reset_unfinished(&self, completed: &HashMap<String, Outputs>) -> Result<(), Error> {
        let unfinished: Vec<(String, &str)> = self
            .plan
            .items
            .iter()
            .filter(|item| !self.is_done(completed.get(*item)))
            .map(|item| (item.clone(), status_after(&self.plan.steps, completed.get(item))))
            .collect();
        let resets: Vec<(String, String)> =
            unfinished.into_iter().map(|(item, status)| (item, status.to_owned())).collect();
        let run = self.run;
        self.records
            .with(move |catalog| {
                resets.iter().try_for_each(|(item, status)| catalog.reset_item(run, item, status).map(drop))
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
        let jobs: Vec<(String, Outputs)> =
            self.plan.items.iter().map(|item| (item.clone(), completed.remove(item).unwrap_or_default())).collect();
        let mut ends = stream::iter(jobs)
            .map(|(item, outputs)| async move {
                if self.is_done(Some(&outputs)) {
                    return Ok((item, Some(outputs)));
                }
                let outputs = self.run_item(&item, outputs).await?;
                Ok::<_, Error>((item, outputs))
            })
            .buffered(self.plan.workers);
        let mut finished = Vec::new();
        while let Some(end) = ends.next().await {
            if let (item, Some(outputs)) = end? {
                finished.push((item, outputs));
            }
        }
        Ok(finished)
    }

    /// Runs one item on a worker; its outputs if it is completed.
    async fn run_item(&self, item: &str, outputs: Outputs) -> Result<Option<Outputs>, Error> {
        let (at, worker) = self.counts.take_worker();
        let steps: Vec<&Step> = self.item_steps().collect();
        let end = self.run_steps(item, &worker, &steps, outputs, &[]).await;
        let failed = !matches!(&end, Ok(Ok(_)));
        self.counts.return_worker(at, failed);
        let end = end?;
        self.counts.items_ended.fetch_add(1, Ordering::Relaxed);
        self.counts.items_failed.fetch_add(u64::from(failed), Ordering::Relaxed);
        self.observer.event(RunEvent::ItemFinished { item, error: end.as_ref().err().map(String::as_str) });
        Ok(end.ok().filter(|outputs| self.is_done(Some(outputs))))
    }

    /// Runs the steps that belong to no item. Returns whether one failed.
    async fn run_once_steps(&self, items: Vec<(String, Outputs)>) -> Result<bool, Error> {
        let steps: Vec<&Step> = self.plan.steps.iter().filter(|step| step.once).collect();
        if steps.is_empty() || (items.is_empty() && !self.plan.items.is_empty()) {
            return Ok(false);
        }
        // A step that runs once is done only if it completed with the same inputs: more items may have completed.
        let mut outputs = Outputs::new();
        for step in &steps {
            if self.plan.again.contains(&step.name) {
                continue;
            }
            let Ok(inputs) = self.inputs(step, "", &outputs, &items) else { continue };
            let (run, name) = (self.run, step.name.clone());
            let earlier = self
                .records
                .with(move |catalog| catalog.step(StepKey { run, item: RUN_ITEM, step: &name }))
                .await?
                .filter(|earlier| earlier.state == StepState::Completed);
            if let Some(earlier) = earlier.filter(|earlier| earlier.inputs_digest == Some(inputs_digest(&inputs))) {
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
                    let last = outputs.len() + 1 == steps.len();
                    let inputs = self.inputs(step, item, &outputs, items);
                    let job = Job { item, worker, step, inputs, known: outputs.clone(), live: live.clone(), last };
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
        Ok(match failure {
            None => Ok(outputs),
            Some(message) => Err(message),
        })
    }

    /// Runs one step with its retries.
    async fn run_step(&self, job: Job<'_>) -> Result<StepEnd, Error> {
        let since = Instant::now();
        self.counts.steps_active.fetch_add(1, Ordering::Relaxed);
        let end = self.attempt_step(&job).await;
        self.counts.steps_active.fetch_sub(1, Ordering::Relaxed);
        let end = end?;
        let error = match &end {
            StepEnd::Completed(..) => None,
            StepEnd::Failed(message) => Some(message.as_str()),
        };
        let count = if error.is_none() { &self.counts.steps_completed } else { &self.counts.steps_failed };
        count.fetch_add(1, Ordering::Relaxed);
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
                Ok((output, objects)) => {
                    self.record_completed(job, &output).await?;
                    return Ok(StepEnd::Completed(output, objects));
                }
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

    /// The inputs of a step: its bindings with every reference resolved.
    fn inputs(
        &self,
        step: &Step,
        item: &str,
        outputs: &Outputs,
        items: &[(String, Outputs)],
    ) -> Result<Vec<Json>, String> {
        let of_item = |template: &Template, item: &str, outputs: &Outputs| {
            template.resolve(&mut |reference| self.look_up(reference, item, outputs, None), &mut |_| {
                Err("an `each` cannot stand inside another".to_owned())
            })
        };
        let mut values = Vec::with_capacity(step.with.len());
        for (param, template) in step.method.params.iter().zip(&step.with) {
            let value = template.resolve(&mut |reference| self.look_up(reference, item, outputs, None), &mut |inner| {
                items.iter().map(|(item, outputs)| of_item(inner, item, outputs)).collect()
            });
            let value = value.map_err(|message| format!("`{}`: {message}", param.name))?;
            values.push(check::param_value(&value, &param.ty));
        }
        Ok(values)
    }

    fn look_up(
        &self,
        reference: &Reference,
        item: &str,
        outputs: &Outputs,
        output: Option<&Json>,
    ) -> Result<Json, String> {
        match &reference.root {
            Root::Param(name) => Ok(self.plan.params.get(name).map(|value| value.as_str().into()).unwrap_or_default()),
            Root::Item => Ok(item.into()),
            Root::Step(name) => match outputs.get(name) {
                Some(output) => Ok(reference.follow(output)),
                None => Err(format!("the step `{name}` has not run; run it first, or leave `--only` out")),
            },
            Root::Output => Ok(output.map(|output| reference.follow(output)).unwrap_or_default()),
        }
    }

    async fn record_start(&self, job: &Job<'_>) -> Result<u32, Error> {
        let (run, item, worker) = (self.run, job.item.to_owned(), job.worker.to_owned());
        let (name, status) = (job.step.name.clone(), job.step.status_running.clone());
        let digest = job.inputs.as_ref().ok().map(|inputs| inputs_digest(inputs));
        self.records
            .with(move |catalog| {
                let update = ItemUpdate { status: status.as_deref(), ..ItemUpdate::default() };
                catalog.step_started(StepKey { run, item: &item, step: &name }, digest, &worker, &update)
            })
            .await
    }

    async fn record_completed(&self, job: &Job<'_>, output: &Json) -> Result<(), Error> {
        let Job { item, step, last, .. } = *job;
        let mut record = Map::new();
        for (field, value) in &step.record {
            let look_up = &mut |reference: &Reference| self.look_up(reference, item, &job.known, Some(output));
            // The references were checked against the types; a field without a value is null.
            record.insert(field.clone(), value.resolve(look_up, &mut |_| Ok(Vec::new())).unwrap_or_default());
        }
        let finished = last && item != RUN_ITEM;
        let status = if finished { Some(COMPLETED.to_owned()) } else { step.status_done.clone() };
        let (run, item, name) = (self.run, item.to_owned(), step.name.clone());
        let (output, objects) = (output.clone(), digests_in(output));
        self.records
            .with(move |catalog| {
                let update = ItemUpdate { status: status.as_deref(), record, error_message: None, finished };
                catalog.step_completed(StepKey { run, item: &item, step: &name }, &output, &objects, &update)
            })
            .await
    }

    async fn record_failed(&self, job: &Job<'_>, message: &str, for_good: bool) -> Result<(), Error> {
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
        let failed = once_failed || items.iter().any(|item| item.status == ERROR);
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
        self.records.collect_garbage().await?;
        Ok(Report {
            run,
            workflow: self.plan.workflow.clone(),
            status,
            resumed,
            items,
            outputs,
            stats: self.stats(started),
            workers: self.worker_stats(),
        })
    }

    fn stats(&self, started: Instant) -> RunStats {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let runtime_seconds = started.elapsed().as_secs_f64();
        let total_processed = count(&self.counts.items_ended);
        RunStats {
            total_processed,
            total_errors: count(&self.counts.items_failed),
            active_tasks: count(&self.counts.steps_active),
            completed_tasks: count(&self.counts.steps_completed),
            failed_tasks: count(&self.counts.steps_failed),
            runtime_seconds,
            throughput_per_minute: total_processed as f64 * 60.0 / runtime_seconds.max(f64::EPSILON),
        }
    }

    fn worker_stats(&self) -> Vec<WorkerStats> {
        let workers = self.counts.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.iter().map(|(_, stats)| stats.clone()).collect()
    }
}

fn inputs_digest(inputs: &[Json]) -> Digest {
    let mut canonical = Json::Array(inputs.to_vec());
    canonical.sort_all_objects();
    Digest::of(canonical.to_string().as_bytes())
}

/// The status of an item of which these steps are done: what the last of them says.
fn status_after<'a>(steps: &'a [Step], done: Option<&Outputs>) -> &'a str {
    let done = |step: &&Step| done.is_some_and(|done| done.contains_key(&step.name));
    steps.iter().filter(done).filter_map(|step| step.status_done.as_deref()).next_back().unwrap_or(DISCOVERED)
}
