//! Tasks, references to their results, and pools.

use std::time::Duration;

use belljar::store::ObjectLimits;
use belljar::{Error, PoolOptions, Runtime};
use belljar_tests::{plugin, runtime};

#[tokio::test]
async fn a_task_starts_when_the_tasks_that_it_depends_on_are_done() {
    let (runtime, _folder) = runtime();
    let greeter = plugin(&runtime, "greeter").await;
    let a = greeter.task("add").arg(1).arg(2).submit();
    let b = greeter.task("add").arg(10).arg(20).submit();
    let sum = greeter.task("add").object(&a).object(&b).submit();
    assert_eq!(sum.get::<u32>().await.expect("a sum"), 33);
}

#[tokio::test]
async fn a_task_whose_input_failed_fails_with_the_reason() {
    let (runtime, _folder) = runtime();
    let greeter = plugin(&runtime, "greeter").await;
    let bad = greeter.task("add").arg("one").arg(2).submit();
    let error = greeter.task("add").object(&bad).arg(1).submit().get::<u32>().await.expect_err("it fails");
    assert!(matches!(error, Error::Input { argument: 1, .. }), "{error}");
    assert!(error.to_string().contains("expected u32"), "{error}");
}

#[tokio::test]
async fn wait_returns_what_is_ready_first() {
    let (runtime, _folder) = runtime();
    let hostile = plugin(&runtime, "hostile").await;
    let slow = hostile.task("spin").submit();
    let quick = hostile.task("well-behaved").arg(10).submit();
    let (ready, waiting) = runtime.wait(&[slow.clone(), quick.clone()], 1, Some(Duration::from_secs(30))).await;
    assert_eq!((ready, waiting), (vec![1], vec![0]));
    let (ready, waiting) = runtime.wait(std::slice::from_ref(&slow), 1, Some(Duration::from_millis(20))).await;
    assert_eq!((ready, waiting), (vec![], vec![0]), "a time-out returns what is ready: nothing");
    slow.cancel();
    assert!(matches!(slow.get::<()>().await, Err(Error::Cancelled)));
    assert_eq!(quick.get::<u32>().await.expect("it is there"), 45);
}

#[tokio::test]
async fn what_is_freed_is_gone_and_its_memory_is_given_back() {
    let (runtime, _folder) = runtime();
    let before = runtime.object_stats();
    let object = runtime.put(vec![7; 1 << 20]).expect("there is room");
    assert_eq!(runtime.object_stats().memory_bytes - before.memory_bytes, 1 << 20);
    object.clone().free();
    assert!(matches!(object.bytes().await, Err(Error::Freed)));
    assert_eq!(runtime.object_stats().memory_bytes, before.memory_bytes);
}

#[tokio::test]
async fn objects_past_the_memory_limit_are_spilled_and_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = ObjectLimits { memory_bytes_max: 4 << 20, ..ObjectLimits::default() };
    let runtime = Runtime::builder().data_dir(folder.path()).object_limits(limits).build().expect("a runtime");
    let objects: Vec<_> = (0..16_u8).map(|n| runtime.put(vec![n; 1 << 20]).expect("there is room on disk")).collect();
    let stats = runtime.object_stats();
    assert!(stats.memory_bytes <= 4 << 20, "{stats:?}");
    assert!(stats.spilled_bytes >= 12 << 20, "{stats:?}");
    for (n, object) in objects.iter().enumerate() {
        let bytes = object.bytes().await.expect("it comes back");
        assert!(bytes.len() == 1 << 20 && bytes.iter().all(|byte| usize::from(*byte) == n));
    }
}

#[tokio::test]
async fn a_round_robin_pool_gives_each_worker_its_share() {
    let (runtime, _folder) = runtime();
    let greeter = plugin(&runtime, "greeter").await;
    let pool = greeter.pool(PoolOptions::fixed(4));
    let sums: Vec<_> =
        (0..40).map(|n| pool.submit(greeter.task("add").arg(n).arg(1)).expect("there is room")).collect();
    for (n, sum) in sums.iter().enumerate() {
        assert_eq!(sum.get::<usize>().await.expect("a sum"), n + 1);
    }
    let failing = pool.submit(greeter.task("add").arg("x").arg(1)).expect("there is room");
    failing.get::<u32>().await.expect_err("it fails");
    let stats = pool.stats();
    assert_eq!(stats.iter().map(|worker| worker.processed_count).collect::<Vec<_>>(), [10, 10, 10, 10]);
    assert_eq!(stats.iter().map(|worker| worker.error_count).sum::<u64>(), 1);
    assert_eq!(stats[3].worker_id, "worker-3");
}

#[tokio::test]
async fn an_autoscaled_pool_grows_under_load_and_shrinks_when_idle() {
    let (runtime, _folder) = runtime();
    let hostile = plugin(&runtime, "hostile").await;
    let pool = hostile.pool(PoolOptions { idle: Duration::from_millis(50), ..PoolOptions::autoscaled(1, 3) });
    let spinners: Vec<_> = (0..3).map(|_| pool.submit(hostile.task("spin")).expect("there is room")).collect();
    assert_eq!(pool.stats().len(), 3);
    spinners.iter().for_each(belljar::ObjectRef::cancel);
    let mut workers = 3;
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        // A submission lets go of workers that have gone.
        pool.submit(hostile.task("well-behaved").arg(1)).expect("there is room").ready().await;
        workers = pool.stats().len();
        tokio::time::sleep(Duration::from_millis(200)).await;
        if workers == 1 {
            break;
        }
    }
    assert_eq!(workers, 1, "idle workers go");
}

#[tokio::test]
async fn a_full_queue_is_an_error_and_not_a_wait() {
    let (runtime, _folder) = runtime();
    let hostile = plugin(&runtime, "hostile").await;
    let pool = hostile.pool(PoolOptions { queue_max: 2, ..PoolOptions::fixed(1) });
    let mut accepted = Vec::new();
    let error = loop {
        match pool.submit(hostile.task("spin")) {
            Ok(reference) => accepted.push(reference),
            Err(error) => break error,
        }
        assert!(accepted.len() <= 3, "one runs, two wait");
    };
    assert!(matches!(error, Error::QueueFull { queue_max: 2 }), "{error}");
    accepted.iter().for_each(belljar::ObjectRef::cancel);
}
