//! A worker process as the host sees it: started, asked one thing at a time, killed.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::timeout;

use super::adapter::Adapter;
use super::config::{DeviceConfig, WorkerProgram};
use super::error::DeviceError;
use super::protocol::{self, Failure, Reply, Request};
use super::transfer::Transfer;
use super::worker::{WORKER_VARIABLE, this_program_can_be_worker};

/// How long a worker may take to open its device. A driver that is used for the first time can be slow.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// The running program, also when the file that it was started from has been replaced since.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// What a worker is called in lists of processes.
const WORKER_NAME: &str = "belljar-compute-worker";

/// What a worker keeps of the host's environment: what drivers and their loader look at, and no secrets.
const VARIABLES_KEPT: [&str; 6] =
    ["PATH", "HOME", "LD_LIBRARY_PATH", "XDG_DATA_DIRS", "XDG_RUNTIME_DIR", "RUST_BACKTRACE"];
/// The beginnings of more variables that a worker keeps.
const PREFIXES_KEPT: [&str; 7] = ["VK_", "MESA_", "LP_", "NVIDIA_", "CUDA_", "AMD_", "RADV_"];

/// A running worker with an open device. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: KilledOnDrop,
    socket: UnixStream,
    transfer: Arc<Transfer>,
    adapter: Adapter,
}

impl Process {
    /// Starts a worker, which will be asked for so many bytes of buffers at most, and opens the device in it.
    pub(super) async fn start(config: &DeviceConfig, memory_bytes_max: u64) -> Result<Self, DeviceError> {
        let program = program(&config.program)?;
        // Starting a process blocks for as long as the host's memory maps take to copy.
        let spawned = tokio::task::spawn_blocking(move || spawn(program)).await;
        let spawned = spawned.map_err(|e| DeviceError::CannotStart(e.to_string()))?;
        let (child, socket, transfer) = spawned.map_err(|e| DeviceError::CannotStart(e.to_string()))?;
        let mut socket = UnixStream::from_std(socket).map_err(|e| DeviceError::CannotStart(e.to_string()))?;
        let open =
            Request::Open { allow_cpu: config.allow_cpu, adapter_name: config.adapter_name.clone(), memory_bytes_max };
        let opened = async {
            protocol::send(&mut socket, &open).await?;
            protocol::receive(&mut socket).await
        };
        match timeout(START_TIME_MAX, opened).await {
            Ok(Ok(Reply::Opened(adapter))) => Ok(Self { child, socket, transfer: Arc::new(transfer), adapter }),
            Ok(Ok(Reply::Failed(Failure::NoAdapter(what)))) => Err(DeviceError::NoAdapter(what)),
            Ok(Ok(reply)) => Err(DeviceError::CannotStart(format!("it answered {reply:?}"))),
            Ok(Err(e)) => Err(DeviceError::CannotStart(format!("it ended while it opened the device: {e}"))),
            Err(_) => Err(DeviceError::TimedOut { what: "open the device", limit: START_TIME_MAX }),
        }
    }

    /// What the worker opened.
    pub(super) fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// The area for the bytes of buffers.
    pub(super) fn transfer(&self) -> Arc<Transfer> {
        Arc::clone(&self.transfer)
    }

    /// The process's id, for those who watch it.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.0.as_ref().map(Child::id)
    }

    /// Asks the worker for something. After an error, or when this is given up, the worker is of no more use:
    /// its next reply would be to this request.
    pub(super) async fn exchange(&mut self, request: &Request) -> io::Result<Reply> {
        protocol::send(&mut self.socket, request).await?;
        protocol::receive(&mut self.socket).await
    }

    /// Whether the worker has ended by itself, or something else has killed it.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.0.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }
}

/// A child that is killed when nobody has it any more, also while it starts. The wait for its end, which a driver
/// can delay, is left to a thread.
#[derive(Debug)]
struct KilledOnDrop(Option<Child>);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        if let Err(error) = child.kill() {
            tracing::warn!(%error, worker = child.id(), "a compute worker can't be killed");
        }
        let reap = move || {
            if let Err(error) = child.wait() {
                tracing::warn!(%error, "a compute worker's end can't be waited for");
            }
        };
        if let Err(error) = thread::Builder::new().name("belljar-compute-reap".into()).spawn(reap) {
            tracing::warn!(%error, "no thread to wait for a compute worker's end");
        }
    }
}

fn program(program: &WorkerProgram) -> Result<PathBuf, DeviceError> {
    match program {
        WorkerProgram::Path(path) => Ok(path.clone()),
        WorkerProgram::ThisProgram if this_program_can_be_worker() => Ok(PathBuf::from(THIS_PROGRAM)),
        WorkerProgram::ThisProgram => Err(DeviceError::CannotStart(
            "this program would only start itself again: call `belljar_compute::device::worker::run_if_asked()` \
             first in its `main`, or name another program"
                .into(),
        )),
    }
}

fn spawn(program: PathBuf) -> io::Result<(KilledOnDrop, StdUnixStream, Transfer)> {
    let (host, worker) = StdUnixStream::pair()?;
    host.set_nonblocking(true)?;
    let transfer = Transfer::create()?;
    let kept = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        VARIABLES_KEPT.contains(&&*name) || PREFIXES_KEPT.iter().any(|prefix| name.starts_with(prefix))
    });
    let child = Command::new(program)
        .arg0(WORKER_NAME)
        .env_clear()
        .envs(kept)
        .env(WORKER_VARIABLE, "1")
        // A guest's kernel is not to leave anything on the disk: so Mesa and NVIDIA are told.
        .env("MESA_SHADER_CACHE_DISABLE", "true")
        .env("__GL_SHADER_DISK_CACHE", "0")
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(worker)))
        .stdout(Stdio::from(transfer.share()?))
        .stderr(Stdio::inherit())
        .spawn()?;
    Ok((KilledOnDrop(Some(child)), host, transfer))
}
