//! The device as a whole: which adapter there is, who may start a worker, and whose turn it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};
use tokio::time::sleep_until;

use super::adapter::Adapter;
use super::config::DeviceConfig;
use super::error::DeviceError;
use super::image::Image;
use super::process::Process;
use super::session::{BUFFERS_MAX, Session, TENSOR_BUFFERS_MAX};

/// The compute device. Cheap to clone; every clone is the same device.
///
/// Each owner (an actor, a task) opens a [`Session`], which has a worker process of its own: what one owner's
/// kernel does to a driver, or a kill that it earns, touches no other owner's buffers. Submissions of different
/// owners take turns, one at a time, in the order in which they ask; one that holds its turn for longer than
/// [`TURN_TIME_MAX`] loses it to the others, and shares the device with them as the driver sees fit.
#[derive(Clone, Debug)]
pub struct Device {
    shared: Arc<Shared>,
}

/// How long a submission keeps the others waiting.
pub const TURN_TIME_MAX: Duration = Duration::from_millis(50);
/// How long a session keeps a new worker though another one waits for a worker. Starting one takes about as long, so
/// that at least half of the time goes into work when there are more sessions at work than workers.
const SEAT_TIME_MIN: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: DeviceConfig,
    adapter: Adapter,
    /// First come, first served, and each session asks for one turn at a time: that is a round robin.
    turns: Semaphore,
    seats: Arc<Semaphore>,
    sitters: Mutex<Sitters>,
}

/// The sessions that have a worker.
#[derive(Debug, Default)]
struct Sitters {
    next: u64,
    by_number: HashMap<u64, Sitter>,
    /// Sessions that wait for a worker.
    waiting: usize,
}

impl Sitters {
    /// Asks as many to leave as wait, those that have been idle longest first.
    fn make_room(&mut self) {
        let mut staying: Vec<_> = self.by_number.values().filter(|sitter| !*sitter.leave.borrow()).collect();
        staying.sort_unstable_by_key(|sitter| sitter.used);
        let asked = self.by_number.len() - staying.len();
        for sitter in staying.into_iter().take(self.waiting.saturating_sub(asked)) {
            sitter.leave.send_replace(true);
        }
    }
}

#[derive(Debug)]
struct Sitter {
    used: Instant,
    /// Whether it is asked to leave.
    leave: watch::Sender<bool>,
}

impl Device {
    /// Finds the adapter by starting a first worker. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// [`DeviceError::NoAdapter`], [`DeviceError::CannotStart`], [`DeviceError::TimedOut`].
    pub async fn open(config: DeviceConfig) -> Result<Self, DeviceError> {
        let adapter = Process::start(&config, config.memory_bytes_max).await?.adapter().clone();
        let shared = Shared {
            seats: Arc::new(Semaphore::new(config.workers_max.max(1))),
            config,
            adapter,
            turns: Semaphore::new(1),
            sitters: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The adapter that kernels run on.
    pub fn adapter(&self) -> &Adapter {
        &self.shared.adapter
    }

    /// Bytes of buffers that each owner may have.
    pub fn memory_bytes_max(&self) -> u64 {
        self.shared.config.memory_bytes_max
    }

    /// How long a submission may run.
    pub fn dispatch_time_max(&self) -> Duration {
        self.shared.config.dispatch_time_max
    }

    /// Opens an owner's session, which starts without buffers. Its worker starts when it is first needed.
    /// Dropping the session kills the worker and frees all that the owner had.
    pub fn session(&self) -> Session {
        Session::open(Arc::clone(&self.shared), Image::default(), self.memory_bytes_max(), BUFFERS_MAX)
    }

    /// Opens a session for an owner's tensors, beside the one for its own kernels: neither sees the other's buffers. They may
    /// take so many bytes, or what the device gives every owner if that is more.
    pub(crate) fn session_for_tensors(&self, memory_bytes_max: u64) -> Session {
        let memory_bytes_max = memory_bytes_max.max(self.memory_bytes_max());
        Session::open(Arc::clone(&self.shared), Image::default(), memory_bytes_max, TENSOR_BUFFERS_MAX)
    }

    /// Opens a session with the buffers and pipelines of an earlier one, under the same ids.
    ///
    /// # Errors
    /// [`DeviceError::Limit`] when the image has more bytes than an owner may have.
    pub fn restore(&self, image: Image) -> Result<Session, DeviceError> {
        let bytes = image.size_bytes();
        let max = self.shared.config.memory_bytes_max;
        if bytes > max {
            return Err(DeviceError::limit("bytes of buffers", "memory_bytes_max", bytes, max));
        }
        Ok(Session::open(Arc::clone(&self.shared), image, max, BUFFERS_MAX))
    }
}

impl Shared {
    /// What the adapter allows.
    pub(super) fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Waits for a turn on the device.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, DeviceError> {
        self.turns.acquire().await.map_err(|_| DeviceError::Closed)
    }

    /// Waits for leave to start a worker. If there is none, a session that has one is asked to give it up.
    pub(super) async fn seat(self: &Arc<Self>) -> Result<Seat, DeviceError> {
        let permit = match Arc::clone(&self.seats).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = Waiting::new(self);
                Arc::clone(&self.seats).acquire_owned().await.map_err(|_| DeviceError::Closed)?
            }
        };
        let (leave, asked_to_leave) = watch::channel(false);
        let mut sitters = self.sitters();
        let number = sitters.next;
        sitters.next += 1;
        sitters.by_number.insert(number, Sitter { used: Instant::now(), leave });
        // Those who wait may outnumber the ones that were there to be asked.
        sitters.make_room();
        drop(sitters);
        Ok(Seat { shared: Arc::clone(self), number, since: Instant::now(), asked_to_leave, _permit: permit })
    }

    fn sitters(&self) -> MutexGuard<'_, Sitters> {
        self.sitters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that waits for a worker.
struct Waiting<'a> {
    shared: &'a Shared,
}

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared) -> Self {
        let mut sitters = shared.sitters();
        sitters.waiting += 1;
        sitters.make_room();
        Self { shared }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.sitters().waiting -= 1;
    }
}

/// Leave to have a worker; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    shared: Arc<Shared>,
    number: u64,
    since: Instant,
    asked_to_leave: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    /// Says that the worker is being used, so that others are asked to leave first.
    pub(super) fn touch(&self) {
        if let Some(sitter) = self.shared.sitters().by_number.get_mut(&self.number) {
            sitter.used = Instant::now();
        }
    }

    /// Waits until another session is to have the seat. Can be given up and called again.
    pub(super) async fn time_to_leave(&mut self) {
        // The other end lives as long as the seat.
        let _ = self.asked_to_leave.wait_for(|&asked| asked).await;
        sleep_until((self.since + SEAT_TIME_MIN).into()).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.sitters().by_number.remove(&self.number);
    }
}
