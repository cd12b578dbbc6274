//! Workers that die: at work, idle, with their host's data.

use std::time::Duration;

use belljar_compute::device::{DeviceError, Session};
use rustix::process::test_kill_process;

use crate::support::*;

/// Kills a worker that has nothing to do, and waits until its owner is told of what went with it.
async fn kill_idle_worker(session: &Session) {
    session.finish().await.expect("nothing is wrong yet");
    kill_worker(session);
    loop {
        match session.finish().await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(DeviceError::WorkerLost(_)) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_worker_killed_at_work_is_a_typed_error_and_the_next_call_works() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let buffer = session.create_buffer(256).expect("room");
    start_long(&session, buffer).await;
    let kill = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        kill_worker(&session);
    };
    let (finished, ()) = tokio::join!(session.finish(), kill);
    let error = finished.expect_err("its worker was killed");
    assert!(matches!(error, DeviceError::WorkerLost(_)), "{error}");
    assert!(error.is_retryable());
    assert_works(&session).await;
}

#[tokio::test]
async fn what_was_lost_is_named_and_can_be_written_again() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let [lost, fresh] = [256, 256].map(|size| session.create_buffer(size).expect("room"));
    let double = pipeline(&session, "a[at] = a[at] * 2u;").await;
    session.write(lost, 0, bytes(0..64)).await.expect("queued");
    kill_idle_worker(&session).await;

    // What was never on the worker is not lost, and the pipeline is built again from its source.
    session.submit(vec![dispatch(double, fresh, 1)]).await.expect("queued");
    assert_eq!(words(&session, fresh, 64).await.expect("an answer"), [0; 64]);
    assert_eq!(session.lost_buffers(), [lost]);
    assert!(matches!(session.read(lost, 0, 4).await, Err(DeviceError::BufferLost(id)) if id == lost));
    session.submit(vec![dispatch(double, lost, 1)]).await.expect("queued");
    assert!(matches!(session.finish().await, Err(DeviceError::BufferLost(id)) if id == lost));
    session.write(lost, 0, bytes([3; 64])).await.expect("queued");
    session.submit(vec![dispatch(double, lost, 1)]).await.expect("queued");
    assert_eq!(words(&session, lost, 64).await.expect("an answer"), [6; 64]);
    assert!(session.lost_buffers().is_empty());
}

#[tokio::test]
async fn what_was_lost_unnoticed_is_not_saved_before_its_owner_knows() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let buffer = session.create_buffer(256).expect("room");
    session.write(buffer, 0, bytes(0..64)).await.expect("queued");
    session.save().await.expect("all is there");
    kill_worker(&session);
    for _ in 0..2 {
        let saved = session.save().await;
        assert!(matches!(saved, Err(DeviceError::WorkerLost(_))), "{saved:?}");
    }
    assert!(matches!(session.finish().await, Err(DeviceError::WorkerLost(_))));
    session.save().await.expect("its owner knows");
    assert_eq!(session.lost_buffers(), [buffer]);
}

#[tokio::test]
async fn work_after_a_failure_is_dropped_until_the_failure_is_told() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let endless = pipeline(&session, "loop { if a[at] == 5u { break; } }").await;
    let set = pipeline(&session, "a[at] = 8u;").await;
    let buffer = session.create_buffer(256).expect("room");
    session.submit(vec![dispatch(endless, buffer, 1)]).await.expect("queued");
    session.submit(vec![dispatch(set, buffer, 1)]).await.expect("queued");
    let error = session.read(buffer, 0, 4).await.expect_err("the first submission never ends");
    assert!(matches!(error, DeviceError::OutOfFuel { pipeline, .. } if pipeline == endless), "{error}");
    assert_eq!(words(&session, buffer, 1).await.expect("told once"), [0]);
}

#[tokio::test]
async fn a_dropped_session_takes_its_worker_along() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let buffer = session.create_buffer(256).expect("room");
    start_long(&session, buffer).await;
    let worker = worker(&session);
    drop(session);
    for _ in 0..200 {
        if test_kill_process(worker).is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the worker is still there");
}

#[tokio::test]
async fn a_worker_has_nothing_of_its_host() {
    let Some(device) = device().await else { return };
    let secret = tempfile::NamedTempFile::new().expect("a file");
    let session = device.session();
    assert_works(&session).await;
    let worker = worker(&session).as_raw_nonzero();
    let open: Vec<_> = std::fs::read_dir(format!("/proc/{worker}/fd"))
        .expect("the worker is ours")
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .collect();
    assert!(!open.is_empty() && !open.iter().any(|path| path == secret.path()), "{open:?}");
    let environment = std::fs::read(format!("/proc/{worker}/environ")).expect("the worker is ours");
    let environment = String::from_utf8_lossy(&environment);
    assert!(environment.contains("BELLJAR_COMPUTE_WORKER") && !environment.contains("CARGO"), "{environment}");
}
