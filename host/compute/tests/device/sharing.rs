//! Several owners on one device: none is in another's way for long, and more of them than workers is no error.

use std::time::{Duration, Instant};

use belljar_compute::device::{Binding, Command, DeviceConfig, DeviceError};

use crate::support::*;

#[tokio::test]
async fn a_killed_worker_is_its_owners_business_alone() {
    let short = DeviceConfig { dispatch_time_max: Duration::from_secs(3), ..config() };
    let Some(device) = device_with(short).await else { return };
    let (hostile, honest) = (device.session(), device.session());
    let buffer = honest.create_buffer(256).expect("room");
    let add = pipeline(&honest, "a[at] += 1u;").await;
    let body = "var s = at; for (var i = 0u; i < 60000u; i++) { s = s * 3u + i; } a[at % 64u] = s;";
    let endless = pipeline(&hostile, body).await;
    let prey = hostile.create_buffer(256).expect("room");
    let bindings = vec![Binding::whole(0, prey)];
    let workgroups = [60_000, 1000, 1];
    hostile.submit(vec![Command::Dispatch { pipeline: endless, bindings, workgroups }]).await.expect("queued");
    let attack = async {
        let error = hostile.finish().await.expect_err("it takes hours");
        assert!(matches!(error, DeviceError::TimedOut { .. }), "{error}");
        Instant::now()
    };
    let work = async {
        for _ in 0..20 {
            honest.submit(vec![dispatch(add, buffer, 1)]).await.expect("queued");
            honest.finish().await.expect("another owner's kernel is not in the way");
        }
        Instant::now()
    };
    let (killed, done) = tokio::join!(attack, work);
    assert!(done < killed, "the honest owner waited for the hostile one");
    assert_eq!(words(&honest, buffer, 1).await.expect("an answer"), [20]);
    assert_eq!(honest.usage().workers_lost, 0);
}

#[tokio::test]
async fn more_owners_than_workers_take_turns_and_lose_nothing() {
    let two = DeviceConfig { workers_max: 2, ..config() };
    let Some(device) = device_with(two).await else { return };
    let mut owners = Vec::new();
    for start in 0..5_u32 {
        let session = device.session();
        let buffer = session.create_buffer(256).expect("room");
        session.write(buffer, 0, bytes([start * 100; 64])).await.expect("queued");
        let add = pipeline(&session, "a[at] += 1u;").await;
        owners.push((start, session, buffer, add));
    }
    let work = owners.iter().map(|(start, session, buffer, add)| async move {
        for _ in 0..3 {
            session.submit(vec![dispatch(*add, *buffer, 1)]).await.expect("queued");
            session.finish().await.expect("it runs");
        }
        let found = words(session, *buffer, 64).await.expect("an answer");
        assert_eq!(found, [start * 100 + 3; 64]);
    });
    futures_util::future::join_all(work).await;
    assert!(owners.iter().filter(|(_, session, ..)| session.worker_process().is_some()).count() <= 2);
    assert!(owners.iter().all(|(_, session, ..)| session.usage().workers_lost == 0));
}
