//! Bytes on their way to a worker and back: of all lengths around what goes there at once, and with a worker that dies.

use std::time::Duration;

use belljar_compute::device::{DeviceError, Session};
use bytes::Bytes;

use crate::support::*;

/// What goes to the worker, or comes from it, at once.
const AT_ONCE: u64 = 2 << 20;

/// Bytes that repeat themselves nowhere near where a half of the area or a chunk ends.
fn pattern(length_bytes: u64) -> Bytes {
    let length = length_bytes as usize;
    let part = bytes((1..=1_000_003).map(|word: u32| word.wrapping_mul(2_654_435_761)));
    let mut pattern = part.repeat(length.div_ceil(part.len()));
    pattern.truncate(length);
    pattern.into()
}

/// Where two of them differ first: what they are is too much to print.
fn first_difference(found: &[u8], right: &[u8]) -> Option<usize> {
    if found == right {
        return None;
    }
    Some(found.iter().zip(right).position(|(a, b)| a != b).unwrap_or(found.len().min(right.len())))
}

#[tokio::test]
async fn bytes_of_every_length_come_back_as_they_were() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let size = 5 * AT_ONCE + 12;
    let buffer = session.create_buffer(size).expect("room");
    for length in [4, AT_ONCE - 4, AT_ONCE, AT_ONCE + 4, 2 * AT_ONCE, 2 * AT_ONCE + 4, 3 * AT_ONCE - 8, size] {
        session.write(buffer, 0, vec![0; size as usize].into()).await.expect("queued");
        let offset = (size - length).min(20);
        let written = pattern(length);
        session.write(buffer, offset, written.clone()).await.expect("queued");
        let found = session.read(buffer, offset, length).await.expect("an answer");
        assert_eq!(first_difference(&found, &written), None, "{length} bytes from {offset} on");
        let mut right = vec![0; size as usize];
        right[offset as usize..(offset + length) as usize].copy_from_slice(&written);
        let found = session.read(buffer, 0, size).await.expect("an answer");
        assert_eq!(first_difference(&found, &right), None, "{length} bytes from {offset} on, and what is around them");
    }
}

#[tokio::test]
async fn nothing_is_written_and_nothing_read() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let buffer = session.create_buffer(8).expect("room");
    session.write(buffer, 0, pattern(8)).await.expect("queued");
    session.write(buffer, 4, Bytes::new()).await.expect("queued");
    assert_eq!(session.read(buffer, 8, 0).await.expect("an answer"), []);
    assert_eq!(session.read(buffer, 0, 8).await.expect("an answer"), pattern(8));
}

/// Moments that fall into the transfers below on machines of all speeds: each of them takes some tens of milliseconds.
fn moments() -> impl Iterator<Item = Duration> {
    [0, 1, 3, 8, 20].into_iter().map(Duration::from_millis)
}

async fn kill_after(session: &Session, time: Duration) {
    tokio::time::sleep(time).await;
    kill_worker(session);
}

#[tokio::test]
async fn a_read_whose_worker_dies_is_whole_or_an_error() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let right = pattern(48 * AT_ONCE);
    let buffer = session.create_buffer(right.len() as u64).expect("room");
    for moment in moments() {
        session.write(buffer, 0, right.clone()).await.expect("queued");
        session.finish().await.expect("it is written");
        let (read, ()) = tokio::join!(session.read(buffer, 0, right.len() as u64), kill_after(&session, moment));
        match read {
            Ok(found) => assert_eq!(first_difference(&found, &right), None, "killed after {moment:?}"),
            Err(error) => assert!(matches!(error, DeviceError::BufferLost(id) if id == buffer), "{error}"),
        }
        // One that died when all was read is yet to be noticed.
        let _ = session.finish().await;
    }
    assert_works(&session).await;
}

#[tokio::test]
async fn a_write_whose_worker_dies_is_done_again() {
    let Some(device) = device().await else { return };
    let session = device.session();
    let right = pattern(48 * AT_ONCE);
    let buffer = session.create_buffer(right.len() as u64).expect("room");
    for moment in moments() {
        // Starts a worker, where the last one is gone.
        assert_works(&session).await;
        session.write(buffer, 0, right.clone()).await.expect("queued");
        kill_after(&session, moment).await;
        match session.read(buffer, 0, right.len() as u64).await {
            Ok(found) => assert_eq!(first_difference(&found, &right), None, "killed after {moment:?}"),
            // It died when all was written.
            Err(error) => assert!(matches!(error, DeviceError::BufferLost(id) if id == buffer), "{error}"),
        }
        let _ = session.finish().await;
    }
    assert_works(&session).await;
}
