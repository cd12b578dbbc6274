//! Workers whose host is killed.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use belljar_compute::device::Session;

use crate::support::*;

/// The variable by which this program knows that it is the host that is killed.
const HOST_VARIABLE: &str = "BELLJAR_TEST_HOST";
/// What the host writes before the number of its worker.
const WORKER_MARK: &str = "the worker is ";
/// How long a worker may outlive its host here. It notices at once; the machine may be busy.
const OUTLIVES_MAX: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_worker_ends_with_its_host_also_in_the_middle_of_its_work() {
    if env::var_os(HOST_VARIABLE).is_some() {
        return be_the_host().await;
    }
    let mut host = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "orphans::a_worker_ends_with_its_host_also_in_the_middle_of_its_work", "--nocapture"])
        .env(HOST_VARIABLE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let lines = BufReader::new(host.stdout.take().expect("a pipe")).lines();
    let told = lines.map_while(Result::ok).find(|line| line.contains(WORKER_MARK) || line.contains("SKIPPED"));
    let told = told.expect("the host says what became of it");
    host.kill().expect("the host is ours");
    host.wait().expect("its end");
    let Some((_, worker)) = told.split_once(WORKER_MARK) else {
        println!("{told}");
        return;
    };

    let start = Instant::now();
    while is_alive(worker) {
        assert!(start.elapsed() < OUTLIVES_MAX, "worker {worker} outlives its host");
        sleep(Duration::from_millis(10));
    }
}

async fn be_the_host() {
    let Some(device) = device().await else { return };
    let session: Session = device.session();
    let buffer = session.create_buffer(256).expect("room");
    start_long(&session, buffer).await;
    while session.worker_process().is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("{WORKER_MARK}{}", session.worker_process().expect("it is there"));
    // Until it is killed; the submission is ended long before that.
    let _ = session.finish().await;
    tokio::time::sleep(OUTLIVES_MAX).await;
}

/// Whether a process runs. One that has ended stays in the list until its new parent looks.
fn is_alive(process: &str) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else { return false };
    !status.lines().any(|line| line.starts_with("State:") && line.contains('Z'))
}
