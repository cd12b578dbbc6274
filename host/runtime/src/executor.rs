//! The threads that guests run on. They are apart from the embedder's, so that a guest that computes without
//! end delays no socket and no timer of the host, and they run at a lower priority, so that the operating
//! system lets the host's threads go first when both want a processor.

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// How much nicer guest threads are than the rest of the process, on Linux's scale of 0 to 19.
const GUEST_NICENESS: i32 = 5;
/// Scheduler ticks between two looks at the queue of newly arrived calls. A tick lasts until a guest gives way,
/// which a spinning one does every millisecond, and tokio's default of 61 would let a new call wait for that many.
const ARRIVALS_INTERVAL_TICKS: u32 = 2;
/// Scheduler ticks between two looks at timers and finished I/O, for the same reason.
const EVENTS_INTERVAL_TICKS: u32 = 4;

/// Runs guests.
pub(crate) struct GuestExecutor {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl GuestExecutor {
    /// Starts this many guest threads.
    pub(crate) fn start(threads: usize) -> std::io::Result<GuestExecutor> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("belljar-guest")
            .global_queue_interval(ARRIVALS_INTERVAL_TICKS)
            .event_interval(EVENTS_INTERVAL_TICKS)
            .enable_time()
            .enable_io()
            .on_thread_start(|| {
                // On Linux this sets the priority of the calling thread only. Without it everything still works.
                rustix::process::nice(GUEST_NICENESS).ok();
            })
            .build()?;
        Ok(GuestExecutor { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// What starts futures on guest threads, for one that outlives no executor.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Starts a future on a guest thread.
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.handle.spawn(future)
    }
}

impl Drop for GuestExecutor {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not waiting: a guest in the middle of a call ends at its next tick.
            runtime.shutdown_background();
        }
    }
}
