//! Pools of workers. Each worker has a queue of its own and runs one task at a time, in order; the pool chooses
//! the worker.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belljar_engine::Instance;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::object_ref::{Content, ObjectRef};
use crate::task::{self, Assigned, Ready};
use crate::{Error, Plugin, Task};

/// How a pool chooses a worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest tasks queued or running.
    LeastLoaded,
}

/// How a pool works. The defaults: four workers, round robin, a fresh instance for every task.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// Workers at the start, and at the least.
    pub workers_min: usize,
    /// Workers at the most. More than the minimum makes the pool autoscale: it adds a worker when all are busy, and
    /// lets one go that has been idle for `idle`.
    pub workers_max: usize,
    /// How a worker is chosen.
    pub strategy: Strategy,
    /// Whether a worker keeps its instance from task to task. Faster, and the plugin may then see what its earlier
    /// tasks left in memory. After a fault the instance is made anew.
    pub keep_instances: bool,
    /// Tasks that may wait for one worker.
    pub queue_max: usize,
    /// How long an additional worker stays idle before it goes.
    pub idle: Duration,
}

/// Tasks that may wait for one worker: 1,024, as long as an actor's mailbox.
const QUEUE_MAX: usize = 1_024;
/// How long an additional worker stays idle: 10 s.
const IDLE: Duration = Duration::from_secs(10);

impl Default for PoolOptions {
    fn default() -> Self {
        PoolOptions {
            workers_min: 4,
            workers_max: 4,
            strategy: Strategy::default(),
            keep_instances: false,
            queue_max: QUEUE_MAX,
            idle: IDLE,
        }
    }
}

impl PoolOptions {
    /// A pool of exactly this many workers.
    pub fn fixed(workers: usize) -> PoolOptions {
        PoolOptions { workers_min: workers, workers_max: workers, ..PoolOptions::default() }
    }

    /// A pool that grows and shrinks with its queues.
    pub fn autoscaled(workers_min: usize, workers_max: usize) -> PoolOptions {
        PoolOptions { workers_min, workers_max, ..PoolOptions::default() }
    }
}

/// What a worker has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerStats {
    /// `worker-0`, `worker-1`, …
    pub worker_id: String,
    /// Tasks that it completed.
    pub processed_count: u64,
    /// Tasks that failed on it.
    pub error_count: u64,
    /// Tasks queued or running.
    pub load: usize,
}

/// Workers for one plugin. Dropping the pool lets the workers finish what is queued, and ends them.
pub struct Pool {
    plugin: Plugin,
    options: Arc<PoolOptions>,
    workers: Arc<Mutex<Workers>>,
}

#[derive(Default)]
struct Workers {
    all: Vec<Worker>,
    started: usize,
    next: usize,
}

struct Worker {
    queue: mpsc::Sender<Assigned>,
    counts: Arc<Counts>,
}

struct Counts {
    id: String,
    load: AtomicUsize,
    processed: AtomicU64,
    errors: AtomicU64,
    gone: AtomicBool,
}

impl Pool {
    pub(crate) fn start(plugin: Plugin, options: PoolOptions) -> Pool {
        let pool = Pool { plugin, options: Arc::new(options), workers: Arc::default() };
        let mut workers = pool.lock();
        for _ in 0..pool.options.workers_min.max(1) {
            pool.add_worker(&mut workers);
        }
        drop(workers);
        pool
    }

    /// Gives a task to a worker and returns a reference to its result. The worker waits for the task's inputs before
    /// it starts, so its queue keeps its order.
    ///
    /// # Errors
    ///
    /// [`Error::QueueFull`] when every worker has as many tasks waiting as it may: the caller goes too fast.
    pub fn submit(&self, task: Task) -> Result<ObjectRef, Error> {
        let mut workers = self.lock();
        workers.all.retain(|worker| !worker.counts.gone.load(Ordering::Acquire));
        let all_busy = workers.all.iter().all(|worker| worker.counts.load.load(Ordering::Relaxed) > 0);
        if workers.all.is_empty() || (all_busy && workers.all.len() < self.options.workers_max) {
            self.add_worker(&mut workers);
        }
        let chosen = self.choose(&mut workers);
        let Some((permit, counts)) = chosen.into_iter().find_map(|at| {
            let worker = &workers.all[at];
            Some((worker.queue.clone().try_reserve_owned().ok()?, worker.counts.clone()))
        }) else {
            return Err(Error::QueueFull { queue_max: self.options.queue_max });
        };
        counts.load.fetch_add(1, Ordering::Relaxed);
        let (reference, slot) = ObjectRef::pending();
        permit.send(Assigned { task, slot });
        Ok(reference)
    }

    /// What each worker has done.
    pub fn stats(&self) -> Vec<WorkerStats> {
        let workers = self.lock();
        workers.all.iter().map(|worker| worker.counts.stats()).collect()
    }

    /// Workers in order of preference.
    fn choose(&self, workers: &mut Workers) -> Vec<usize> {
        let count = workers.all.len();
        match self.options.strategy {
            Strategy::RoundRobin => {
                let first = workers.next % count;
                workers.next = first + 1;
                (first..count).chain(0..first).collect()
            }
            Strategy::LeastLoaded => {
                let mut order: Vec<usize> = (0..count).collect();
                order.sort_by_key(|at| workers.all[*at].counts.load.load(Ordering::Relaxed));
                order
            }
        }
    }

    fn add_worker(&self, workers: &mut Workers) {
        let (queue, assigned) = mpsc::channel(self.options.queue_max.max(1));
        let counts = Arc::new(Counts {
            id: format!("worker-{}", workers.started),
            load: AtomicUsize::new(0),
            processed: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            gone: AtomicBool::new(false),
        });
        let may_go = workers.all.len() >= self.options.workers_min.max(1);
        workers.started += 1;
        workers.all.push(Worker { queue, counts: counts.clone() });
        let (plugin, options) = (self.plugin.clone(), self.options.clone());
        self.plugin.runtime().spawn(work(plugin, options, counts, assigned, may_go));
    }

    fn lock(&self) -> MutexGuard<'_, Workers> {
        // A panic in between leaves a list of workers that is still a list of workers.
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn stats(&self) -> WorkerStats {
        WorkerStats {
            worker_id: self.id.clone(),
            processed_count: self.processed.load(Ordering::Relaxed),
            error_count: self.errors.load(Ordering::Relaxed),
            load: self.load.load(Ordering::Relaxed),
        }
    }
}

/// A worker's life.
async fn work(
    plugin: Plugin,
    options: Arc<PoolOptions>,
    counts: Arc<Counts>,
    mut queue: mpsc::Receiver<Assigned>,
    may_go: bool,
) {
    let mut kept: Option<Kept> = None;
    loop {
        let assigned = match tokio::time::timeout(options.idle, queue.recv()).await {
            Ok(Some(assigned)) => assigned,
            Ok(None) => return,
            Err(_idle) => {
                if may_go && !counts.gone.swap(true, Ordering::AcqRel) {
                    // A task that is being submitted right now still arrives; after it the queue ends.
                    queue.close();
                }
                continue;
            }
        };
        let Assigned { task, slot } = assigned;
        let running = Running { counts: &counts, over: false };
        let keep = options.keep_instances;
        slot.fill_with(async {
            let outcome = run(&plugin, task, keep, &mut kept).await;
            running.end(outcome.is_ok());
            outcome
        })
        .await;
    }
}

/// A task on its worker. It is counted before its result can be seen, and also when it is dropped halfway.
struct Running<'a> {
    counts: &'a Counts,
    over: bool,
}

impl Running<'_> {
    fn end(mut self, good: bool) {
        self.count(good);
    }

    fn count(&mut self, good: bool) {
        if !std::mem::replace(&mut self.over, true) {
            if good { &self.counts.processed } else { &self.counts.errors }.fetch_add(1, Ordering::Relaxed);
            self.counts.load.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.count(false);
    }
}

/// An instance that a worker keeps, and its place among those that may live at once.
struct Kept {
    instance: Instance,
    _permit: OwnedSemaphorePermit,
}

async fn run(plugin: &Plugin, task: Task, keep: bool, kept: &mut Option<Kept>) -> Result<Content, Error> {
    let Ready { plugin: of_task, label, method, inputs } = task.ready().await?;
    // A task whose plugin has other grants or limits must not run with the pool's.
    if !keep || !of_task.is_same(plugin) {
        return of_task
            .with_instance(&label, async |instance| task::perform(instance, &of_task, &method, inputs).await)
            .await
            .map(Content::Value);
    }
    let mut current = match kept.take().filter(|kept| kept.instance.is_alive()) {
        Some(current) => current,
        None => {
            let permit = plugin.runtime().admit().await?;
            Kept { instance: plugin.instantiate(&label).await?, _permit: permit }
        }
    };
    let outcome = task::perform(&mut current.instance, plugin, &method, inputs).await;
    current.instance.forget_objects();
    *kept = Some(current);
    outcome.map(Content::Value)
}
