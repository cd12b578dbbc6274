//! Waiting for the device on a thread that may block, as long as somebody wants what comes.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// How often whoever waits looks at whether to stop.
const STOP_LOOKED_AT_EVERY: Duration = Duration::from_millis(20);

/// What a future comes to; `None` if the flag is raised before, and the future is dropped.
pub(super) fn unless_stopped<T>(stop: &AtomicBool, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        thread::park_timeout(STOP_LOOKED_AT_EVERY);
    }
}

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn what_comes_from_another_thread_is_waited_for() {
        let (sender, receiver) = oneshot::channel();
        let other = thread::spawn(move || sender.send(7).expect("it is waited for"));
        assert_eq!(unless_stopped(&AtomicBool::new(false), receiver), Some(Ok(7)));
        other.join().expect("no panic");
    }

    #[test]
    fn what_never_comes_is_waited_for_until_the_stop() {
        let stop = Arc::new(AtomicBool::new(false));
        let raised = Arc::clone(&stop);
        let other = thread::spawn(move || raised.store(true, Ordering::Relaxed));
        assert_eq!(unless_stopped(&stop, pending::<()>()), None);
        other.join().expect("no panic");
    }
}
