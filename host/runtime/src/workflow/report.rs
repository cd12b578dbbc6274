//! What a run tells while it goes and when it is over.

use std::collections::BTreeMap;
use std::time::Duration;

use belljar_store::{RunId, RunStatus, StepState};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::WorkerStats;

/// Watches a run. Called on the run's own threads, so it must not block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: RunEvent<'_>);
}

/// An observer that looks away.
impl Observer for () {
    fn event(&self, _event: RunEvent<'_>) {}
}

/// Something that happened in a run. An item is named by its key; the steps that run once, after the items, belong
/// to the item ``.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum RunEvent<'a> {
    /// The run starts, or goes on.
    Started {
        /// Its number.
        run: RunId,
        /// Items in all.
        items: usize,
        /// Items that need nothing more.
        items_done: usize,
        /// Names of the steps, in order.
        steps: &'a [String],
    },
    /// A step starts.
    StepStarted {
        /// The item.
        item: &'a str,
        /// The step.
        step: &'a str,
        /// The worker.
        worker: &'a str,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A step failed and will be tried again.
    StepRetried {
        /// The item.
        item: &'a str,
        /// The step.
        step: &'a str,
        /// Why it failed.
        error: &'a str,
        /// How long it waits.
        wait: Duration,
    },
    /// A step is over.
    StepFinished {
        /// The item.
        item: &'a str,
        /// The step.
        step: &'a str,
        /// Why it failed, if it did.
        error: Option<&'a str>,
        /// How long it took, retries included.
        duration: Duration,
    },
    /// An item is over.
    ItemFinished {
        /// The item.
        item: &'a str,
        /// Why it failed, if it did.
        error: Option<&'a str>,
    },
}

/// The outcome of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Its number.
    pub run: RunId,
    /// The workflow's name.
    pub workflow: String,
    /// How it ended.
    pub status: RunStatus,
    /// Whether it went on from an earlier process.
    pub resumed: bool,
    /// The items, in order.
    pub items: Vec<ItemReport>,
    /// What the steps that run once returned, by step.
    pub outputs: BTreeMap<String, Json>,
    /// Figures of this process's part of the run.
    pub stats: RunStats,
    /// Figures of each worker.
    pub workers: Vec<WorkerStats>,
}

/// The outcome of one item.
#[derive(Debug, Clone, Serialize)]
pub struct ItemReport {
    /// Its key.
    pub item: String,
    /// Its status, in the workflow's words.
    pub status: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The named fields that its steps gave.
    pub record: Map<String, Json>,
    /// Its steps.
    pub steps: Vec<StepReport>,
    /// From the start of its first step to its end, for an item that is completed or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
}

/// The outcome of one step of an item.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// The step.
    pub step: String,
    /// Its state.
    pub state: StepState,
    /// How often it was started.
    pub attempts: u32,
    /// What it returned, if it completed. An object reference holds the object's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Figures of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunStats {
    /// Items that this process brought to an end.
    pub total_processed: u64,
    /// Of these, the failed ones.
    pub total_errors: u64,
    /// Workers that are at work now.
    pub active_tasks: u64,
    /// Steps that completed.
    pub completed_tasks: u64,
    /// Steps that failed for good.
    pub failed_tasks: u64,
    /// Time since the start, in seconds.
    pub runtime_seconds: f64,
    /// Items per minute.
    pub throughput_per_minute: f64,
}
