//! The epoch ticker: a thread that interrupts running guests once every [`TICK`], so that each can be asked
//! whether its deadline has passed and made to give way to others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between two interruptions: 1 ms. It bounds how long a guest keeps others waiting on its thread.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// The thread; dropping it ends it.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    ticks: AtomicU64,
}

impl Ticker {
    pub(crate) fn start(engine: &wasmtime::Engine) -> std::io::Result<Ticker> {
        let shared = Arc::new(Shared { stop: AtomicBool::new(false), ticks: AtomicU64::new(0) });
        let (engine, its) = (engine.weak(), shared.clone());
        let thread = std::thread::Builder::new().name("belljar-ticker".to_owned()).spawn(move || {
            while !its.stop.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
                its.ticks.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(Ticker { shared, thread: Some(thread) })
    }

    /// Ticks so far.
    pub(crate) fn ticks(&self) -> u64 {
        self.shared.ticks.load(Ordering::Relaxed)
    }

    /// Whether the ticker ticks, watched for up to `patience`: no deadline holds without it.
    pub(crate) fn ticks_within(&self, patience: Duration) -> bool {
        let (start, before) = (Instant::now(), self.ticks());
        while start.elapsed() < patience {
            if self.ticks() != before {
                return true;
            }
            std::thread::sleep(TICK);
        }
        false
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            thread.join().ok(); // It cannot panic, and there is nothing to do if it did.
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{engine, instance, wat};

    #[test]
    fn it_ticks_and_its_end_is_noticed() {
        engine().self_test().expect("the ticker ticks");
        let ticker = Ticker::start(engine().wasmtime()).expect("a thread can be started");
        // The engine is gone, so this ticker's thread has ended or is about to.
        let ended = Instant::now();
        while ticker.ticks_within(20 * TICK) {
            assert!(ended.elapsed() < Duration::from_secs(5), "it still ticks");
        }
    }

    #[tokio::test]
    async fn a_spinning_guest_gives_way_to_others_on_its_thread() {
        let (mut spinning, _) = instance(&wat::run(r#"(func (export "run") (loop $again (br $again)))"#)).await;
        let (mut quick, _) = instance(&wat::add_and_step()).await;
        let spin = spinning.call_wave("run()");
        let others = async {
            let start = Instant::now();
            for _ in 0..20 {
                assert_eq!(quick.call_wave("add(1, 2)").await.expect("it adds"), "3");
                tokio::task::yield_now().await;
            }
            start.elapsed()
        };
        tokio::select! {
            biased;
            outcome = spin => panic!("it spins for a minute: {outcome:?}"),
            took = others => assert!(took < Duration::from_secs(2), "20 turns took {took:?}"),
        }
    }
}
