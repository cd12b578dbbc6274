//! A device for tests, and kernels in one line.

use std::path::PathBuf;
use std::time::Duration;

use belljar_compute::device::{Binding, Command, Device, DeviceConfig, DeviceError, Session, WorkerProgram};
use rustix::process::{Pid, Signal, kill_process};

/// How long a submission may run in tests: enough for a slow machine, short enough for a test that reaches it.
pub const DISPATCH_TIME_MAX: Duration = Duration::from_secs(8);

pub fn config() -> DeviceConfig {
    DeviceConfig {
        program: WorkerProgram::Path(PathBuf::from(env!("CARGO_BIN_EXE_belljar-compute-worker"))),
        allow_cpu: true,
        dispatch_time_max: DISPATCH_TIME_MAX,
        ..DeviceConfig::default()
    }
}

/// A device, or nothing on a machine without an adapter.
pub async fn device() -> Option<Device> {
    device_with(config()).await
}

pub async fn device_with(config: DeviceConfig) -> Option<Device> {
    match Device::open(config).await {
        Ok(device) => Some(device),
        Err(DeviceError::NoAdapter(what)) => {
            println!("SKIPPED: no Vulkan adapter ({what})");
            None
        }
        Err(error) => panic!("the device can't be opened: {error}"),
    }
}

/// A kernel that sees `a: array<u32>`, with functions of its own; `at` is the invocation's number.
pub fn source(functions: &str, body: &str) -> String {
    format!(
        "@group(0) @binding(0) var<storage, read_write> a: array<u32>;
{functions}
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{ let at = id.x; {body} }}"
    )
}

pub async fn pipeline(session: &Session, body: &str) -> u64 {
    session.create_pipeline(&source("", body), "main").await.expect("a good kernel")
}

pub fn dispatch(pipeline: u64, buffer: u64, workgroups: u32) -> Command {
    Command::Dispatch { pipeline, bindings: vec![Binding::whole(0, buffer)], workgroups: [workgroups, 1, 1] }
}

/// A submission of some seconds.
pub async fn start_long(session: &Session, buffer: u64) {
    let body = "var s = at; for (var i = 0u; i < 60000u; i++) { s = s * 3u + i; } a[at % 64u] = s;";
    let pipeline = pipeline(session, body).await;
    let bindings = vec![Binding::whole(0, buffer)];
    session
        .submit(vec![Command::Dispatch { pipeline, bindings, workgroups: [60_000, 1000, 1] }])
        .await
        .expect("queued");
}

/// A kernel run once on 64 new words, which are returned.
pub async fn run(session: &Session, functions: &str, body: &str) -> Result<Vec<u32>, DeviceError> {
    let pipeline = session.create_pipeline(&source(functions, body), "main").await?;
    let buffer = session.create_buffer(256)?;
    session.submit(vec![dispatch(pipeline, buffer, 1)]).await?;
    let result = words(session, buffer, 64).await;
    session.free_buffer(buffer).await?;
    session.free_pipeline(pipeline).await?;
    result
}

pub async fn words(session: &Session, buffer: u64, count: u64) -> Result<Vec<u32>, DeviceError> {
    let bytes = session.read(buffer, 0, count * 4).await?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

pub fn bytes(words: impl IntoIterator<Item = u32>) -> bytes::Bytes {
    words.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>().into()
}

/// Shows that a session works: a fresh kernel on a fresh buffer gives the right answer.
pub async fn assert_works(session: &Session) {
    let found = run(session, "", "a[at] = at * 3u;").await.expect("the next call works again");
    assert_eq!(found, (0..64).map(|i| i * 3).collect::<Vec<_>>());
}

/// The process of a session's worker.
pub fn worker(session: &Session) -> Pid {
    let id = session.worker_process().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    id.expect("a worker is there")
}

pub fn kill_worker(session: &Session) {
    kill_process(worker(session), Signal::KILL).expect("the worker is ours");
}
