//! The threads that all compute of a process shares, and who gets them next.
//!
//! Every kernel cuts its work into parts, by the shape of its data alone, and hands them to [`Threads::run`]. So a
//! result never depends on how many threads there are. A job of several parts has all threads to itself while it runs,
//! which keeps its data in the caches; jobs of different owners take turns, and the owner that has used the least time
//! goes first. An owner that submits one long job after the other therefore delays another one by a single job.
//!
//! The order is that of start-time fair queueing (Goyal, Vin and Cheng, 1996): each job starts at a virtual time, the
//! later of the present one and the end of its owner's last job; the waiting job with the earliest start goes first,
//! and its start becomes the present. An owner that was idle gains nothing by it, so a newcomer cannot shut out those
//! that have been at work for hours.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

thread_local! {
    /// Whether this thread has a turn: what it runs from inside of a part must not wait for another.
    static IS_IN_TURN: Cell<bool> = const { Cell::new(false) };
}

/// Threads with turns for their owners.
#[derive(Debug)]
pub struct Threads {
    count: usize,
    /// Started when the first work of several parts comes. None where work runs on the threads that ask for it: there is
    /// to be only one, or no more could be started.
    pool: OnceLock<Option<ThreadPool>>,
    turns: Mutex<Turns>,
    ended: Condvar,
}

impl Threads {
    /// `count` threads, which start with the first work for them. Fewer than 2 start none, and the work runs on the
    /// caller's thread, one job at a time. So it does where the system refuses to start them, which is logged.
    pub fn new(count: usize) -> Self {
        Self { count, pool: OnceLock::new(), turns: Mutex::default(), ended: Condvar::new() }
    }

    /// How many parts run at a time.
    pub fn count(&self) -> usize {
        self.pool().map_or(1, ThreadPool::current_num_threads)
    }

    fn pool(&self) -> Option<&ThreadPool> {
        let start = || {
            let name = |thread| format!("belljar-compute-{thread}");
            let built = ThreadPoolBuilder::new().num_threads(self.count).thread_name(name).build();
            built.inspect_err(|error| tracing::warn!(%error, self.count, "compute has one thread only")).ok()
        };
        self.pool.get_or_init(|| (self.count > 1).then(start).flatten()).as_ref()
    }

    /// Runs `work` with every number below `parts`, in parallel and in no particular order, and returns when all are
    /// done. One part runs on the calling thread at once. More wait for the turn of `owner`, which is any number that
    /// tells owners apart. Work that runs something itself, from inside of a part, is in its turn already.
    ///
    /// # Panics
    /// When `work` does.
    pub fn run(&self, owner: u64, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        if parts <= 1 {
            (0..parts).for_each(work);
            return;
        }
        let Some(pool) = self.pool() else {
            let _turn = (!IS_IN_TURN.get()).then(|| self.turn(owner));
            return (0..parts).for_each(work);
        };
        if pool.current_thread_index().is_some() {
            (0..parts).into_par_iter().for_each(work);
        } else {
            let _turn = self.turn(owner);
            pool.install(|| (0..parts).into_par_iter().for_each(work));
        }
    }

    /// Waits until it is the turn of `owner`, which lasts until what this returns is dropped.
    fn turn(&self, owner: u64) -> Turn<'_> {
        let mut turns = self.turns();
        let job = turns.enqueue(owner);
        while !turns.take(job) {
            turns = self.ended.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
        let was_in_turn = IS_IN_TURN.replace(true);
        Turn { threads: self, owner, began: Instant::now(), was_in_turn }
    }

    /// No code that can panic runs while this is locked, so that a poisoned lock guards a whole value.
    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads, for as long as it lives: a job that panics gives them back as well.
struct Turn<'a> {
    threads: &'a Threads,
    owner: u64,
    began: Instant,
    /// Whether the thread had one already, of other threads than these.
    was_in_turn: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        IS_IN_TURN.set(self.was_in_turn);
        self.threads.turns().end(self.owner, self.began.elapsed());
        self.threads.ended.notify_all();
    }
}

/// A job that waits for its turn.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    job: u64,
    owner: u64,
}

#[derive(Debug, Default)]
struct Turns {
    /// The virtual time: the start of the job that had its turn last.
    now: Duration,
    jobs: u64,
    is_taken: bool,
    /// In the order in which they came.
    waiting: Vec<Waiting>,
    /// When the last job of an owner ended, in virtual time. Of no interest once it has passed.
    ends: HashMap<u64, Duration>,
}

impl Turns {
    fn enqueue(&mut self, owner: u64) -> u64 {
        self.jobs += 1;
        self.waiting.push(Waiting { job: self.jobs, owner });
        self.jobs
    }

    /// The virtual time at which a job of the owner starts.
    fn start(&self, owner: u64) -> Duration {
        self.ends.get(&owner).map_or(self.now, |end| self.now.max(*end))
    }

    /// Begins the turn of a job if no other has one and none is to go first.
    fn take(&mut self, job: u64) -> bool {
        let first = self.waiting.iter().enumerate().min_by_key(|(_, waiting)| self.start(waiting.owner));
        let Some((place, Waiting { owner, .. })) = first.filter(|(_, first)| first.job == job && !self.is_taken) else {
            return false;
        };
        self.now = self.start(*owner);
        self.waiting.remove(place);
        self.is_taken = true;
        true
    }

    fn end(&mut self, owner: u64, took: Duration) {
        self.is_taken = false;
        // The present was set to the start of this job when its turn began.
        let now = self.now;
        self.ends.insert(owner, now + took);
        self.ends.retain(|_, end| *end > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const MS: Duration = Duration::from_millis(1);

    /// The owners of the jobs that wait, in the order of their turns, if every job takes as long as `took` says.
    fn order(turns: &mut Turns, took: impl Fn(u64) -> Duration) -> Vec<u64> {
        let mut owners = Vec::new();
        while !turns.waiting.is_empty() {
            let jobs = turns.waiting.clone();
            let next = jobs.iter().find(|waiting| turns.take(waiting.job)).expect("one of them is the first");
            turns.end(next.owner, took(next.owner));
            owners.push(next.owner);
        }
        owners
    }

    #[test]
    fn every_part_runs_once_on_any_number_of_threads() {
        for count in [0, 1, 2, 3] {
            let threads = Threads::new(count);
            assert_eq!(threads.count(), count.max(1));
            for parts in [0, 1, 2, 100] {
                let runs: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                threads.run(1, parts, &|part| {
                    runs[part].fetch_add(1, Ordering::Relaxed);
                });
                assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn one_part_runs_where_it_was_asked_for() {
        let here = std::thread::current().id();
        Threads::new(2).run(1, 1, &|_| assert_eq!(std::thread::current().id(), here));
    }

    #[test]
    fn work_inside_of_a_part_waits_for_no_turn() {
        for count in [0, 1, 2] {
            let threads = Threads::new(count);
            let runs = AtomicUsize::new(0);
            threads.run(1, 2, &|_| {
                threads.run(2, 3, &|_| {
                    runs.fetch_add(1, Ordering::Relaxed);
                });
            });
            assert_eq!(runs.into_inner(), 6);
        }
    }

    #[test]
    fn a_job_that_panics_gives_the_threads_back() {
        let threads = Threads::new(2);
        let job = std::panic::AssertUnwindSafe(|| threads.run(1, 2, &|_| panic!("on purpose")));
        assert!(std::panic::catch_unwind(job).is_err());
        threads.run(2, 2, &|_| {});
    }

    #[test]
    fn owners_of_equal_jobs_take_turns() {
        let mut turns = Turns::default();
        for owner in [1, 1, 1, 2, 2, 2] {
            turns.enqueue(owner);
        }
        assert_eq!(order(&mut turns, |_| MS), [1, 2, 1, 2, 1, 2]);
    }

    #[test]
    fn an_owner_of_short_jobs_gets_more_of_them() {
        let mut turns = Turns::default();
        for owner in [1, 1, 1, 2, 2, 2, 2, 2, 2] {
            turns.enqueue(owner);
        }
        assert_eq!(order(&mut turns, |owner| if owner == 1 { 3 * MS } else { MS }), [1, 2, 2, 2, 1, 2, 2, 2, 1]);
    }

    #[test]
    fn a_newcomer_neither_waits_for_long_nor_shuts_out_the_others() {
        let mut turns = Turns::default();
        for _ in 0..1000 {
            turns.enqueue(1);
        }
        order(&mut turns, |_| MS);
        for owner in [1, 1, 1, 2, 2, 2] {
            turns.enqueue(owner);
        }
        assert_eq!(order(&mut turns, |_| MS), [2, 1, 2, 1, 2, 1]);
    }

    #[test]
    fn owners_that_are_gone_are_forgotten() {
        let mut turns = Turns::default();
        for owner in 0..1000 {
            turns.enqueue(owner);
            order(&mut turns, |_| MS);
            turns.enqueue(owner);
            order(&mut turns, |_| MS);
        }
        assert!(turns.ends.len() <= 2, "{} owners are remembered", turns.ends.len());
    }
}
