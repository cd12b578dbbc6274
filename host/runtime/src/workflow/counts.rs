//! What a process has done of a run, and which of its workers are free.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::report::RunStats;
use crate::WorkerStats;

/// The counts of one process. Shared by everything that works on the run.
pub(crate) struct Counts(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    items_ended: u64,
    items_failed: u64,
    steps_completed: u64,
    steps_failed: u64,
    workers: Vec<Worker>,
}

struct Worker {
    busy: bool,
    stats: WorkerStats,
}

impl Counts {
    /// Counts for this many workers.
    pub(crate) fn new(workers: usize) -> Counts {
        let stats = |at| WorkerStats { worker_id: format!("worker-{at}"), processed_count: 0, error_count: 0, load: 0 };
        let workers = (0..workers).map(|at| Worker { busy: false, stats: stats(at) }).collect();
        Counts(Mutex::new(Inner { workers, ..Inner::default() }))
    }

    /// Takes a free worker: its number and its id. As many items run at once as there are workers, so there always
    /// is one.
    pub(crate) fn take_worker(&self) -> (usize, String) {
        let mut inner = self.lock();
        let at = inner.workers.iter().position(|worker| !worker.busy).unwrap_or(0);
        let worker = &mut inner.workers[at];
        worker.busy = true;
        (at, worker.stats.worker_id.clone())
    }

    /// Gives a worker back after an item.
    pub(crate) fn return_worker(&self, at: usize, failed: bool) {
        let worker = &mut self.lock().workers[at];
        worker.busy = false;
        *(if failed { &mut worker.stats.error_count } else { &mut worker.stats.processed_count }) += 1;
    }

    /// Counts an item that came to its end.
    pub(crate) fn item_ended(&self, failed: bool) {
        let mut inner = self.lock();
        inner.items_ended += 1;
        inner.items_failed += u64::from(failed);
    }

    /// Counts a step that came to its end.
    pub(crate) fn step_ended(&self, failed: bool) {
        let mut inner = self.lock();
        *(if failed { &mut inner.steps_failed } else { &mut inner.steps_completed }) += 1;
    }

    /// The figures of the run, after this time.
    pub(crate) fn stats(&self, runtime: Duration) -> RunStats {
        let inner = self.lock();
        let runtime_seconds = runtime.as_secs_f64();
        RunStats {
            total_processed: inner.items_ended,
            total_errors: inner.items_failed,
            active_tasks: inner.workers.iter().filter(|worker| worker.busy).count() as u64,
            completed_tasks: inner.steps_completed,
            failed_tasks: inner.steps_failed,
            runtime_seconds,
            throughput_per_minute: inner.items_ended as f64 * 60.0 / runtime_seconds.max(f64::EPSILON),
        }
    }

    /// The figures of each worker.
    pub(crate) fn workers(&self) -> Vec<WorkerStats> {
        self.lock().workers.iter().map(|worker| worker.stats.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Numbers: as good after a panic elsewhere as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
