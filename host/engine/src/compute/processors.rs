//! What all guests of a runtime compute on, and the way to the processors: off the threads that guests run on, which nothing
//! may hold for longer than a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use belljar_compute::Threads;
use belljar_compute::device::{Adapter, Device, DeviceConfig, DeviceError};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::fault::{FaultKind, raise};

/// Jobs under way at once: 128. Each holds a thread of those that may block, which everybody needs. They share the
/// processors, so that it takes as many guests that compute without end to keep another one from beginning.
const JOBS_MAX: usize = 128;

/// How long a device that was not there is not looked for again: 10 s.
const LOOKED_FOR_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// What all guests of a runtime compute on.
#[derive(Debug)]
pub struct Processors {
    threads: Arc<Threads>,
    places: Arc<Semaphore>,
    device_config: DeviceConfig,
    /// The device, or why there was none when it was last looked for.
    device: Mutex<Option<Result<Device, (Instant, DeviceError)>>>,
}

impl Processors {
    /// So many threads, and a compute device set up like this. They are started when they are first needed.
    pub fn new(threads: usize, device_config: DeviceConfig) -> Processors {
        Processors {
            threads: Arc::new(Threads::new(threads)),
            places: Arc::new(Semaphore::new(JOBS_MAX)),
            device_config,
            device: Mutex::default(),
        }
    }

    /// What guests' kernels run on. It is looked for if that has not been done.
    ///
    /// # Errors
    ///
    /// [`DeviceError::NoAdapter`] with the way out, [`DeviceError::CannotStart`], [`DeviceError::TimedOut`].
    pub async fn adapter(&self) -> Result<Adapter, DeviceError> {
        Ok(self.device().await?.adapter().clone())
    }

    /// The device. Where there is none, it is looked for again after a while: that starts a process.
    pub(crate) async fn device(&self) -> Result<Device, DeviceError> {
        let mut device = self.device.lock().await;
        match &*device {
            Some(Ok(device)) => return Ok(device.clone()),
            Some(Err((when, error))) if when.elapsed() < LOOKED_FOR_AGAIN_AFTER => return Err(error.clone()),
            _ => {}
        }
        let opened = Device::open(self.device_config.clone()).await;
        *device = Some(opened.clone().map_err(|error| (Instant::now(), error)));
        opened
    }

    /// Waits for a place among the jobs that are under way; who comes first gets it first.
    pub(crate) async fn place(&self) -> Place {
        // None is left of places that are closed, which these never are.
        Place { threads: self.threads.clone(), permit: self.places.clone().acquire_owned().await.ok() }
    }
}

/// A place among the jobs that are under way, until it is used or dropped.
pub(crate) struct Place {
    threads: Arc<Threads>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// Does a job beside the guests, and gives the place back.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        job: impl FnOnce(&Arc<Threads>) -> T + Send + 'static,
    ) -> wasmtime::Result<T> {
        let beside = move || {
            let outcome = job(&self.threads);
            drop(self.permit);
            outcome
        };
        match tokio::task::spawn_blocking(beside).await {
            Ok(outcome) => Ok(outcome),
            // The process ends, and this call with it.
            Err(error) if error.is_cancelled() => std::future::pending().await,
            Err(error) => Err(raise(FaultKind::Host { message: error.to_string() })),
        }
    }
}

/// Tells a job to stop when the guest waits for it no more: when this is dropped.
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn new() -> Stop {
        Stop(Arc::default())
    }

    /// What the job looks at.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
