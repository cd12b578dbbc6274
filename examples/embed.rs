//! Belljar inside your own program: load a plugin, call it, run many tasks, and see one fail safely.
//!
//! ```console
//! $ cargo xtask plugins
//! $ cargo run --example embed
//! ```

use std::time::Duration;

use belljar::{Error, FaultKind, ObjectRef, PoolOptions, Runtime};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let runtime = Runtime::builder().build()?;

    // A plugin can compute and nothing else, until a manifest beside it or `load_with` grants it more.
    let greeter = runtime.load("target/plugins/greeter.wasm").await?;

    // A typed call: values go straight into the guest's memory.
    let (greeting,): (String,) = greeter.call("hello", ("world".to_owned(),)).await?;
    println!("{greeting}");

    // Tasks: each returns a reference at once. A task whose argument is such a reference starts when it is there.
    let three = greeter.task("add").arg(1).arg(2).submit();
    let ten = greeter.task("add").object(&three).arg(7).submit();
    println!("(1 + 2) + 7 = {}", ten.get::<u32>().await?);

    // A pool spreads tasks over workers; `wait` tells which results are there first.
    let pool = greeter.pool(PoolOptions::fixed(2));
    let sums =
        (0..100).map(|n| pool.submit(greeter.task("add").arg(n).arg(n))).collect::<Result<Vec<ObjectRef>, _>>()?;
    let (ready, _waiting) = runtime.wait(&sums, 100, Some(Duration::from_secs(10))).await;
    println!("{} sums are ready; the last is {}", ready.len(), sums[99].get::<u32>().await?);

    // A guest that never ends is stopped at its deadline. Nothing else notices.
    let hostile = runtime.load("target/plugins/hostile.wasm").await?.with_deadline(Duration::from_millis(100));
    match hostile.call::<(), ()>("spin", ()).await {
        Err(error) if matches!(error.fault().map(|fault| &fault.kind), Some(FaultKind::Deadline { .. })) => {
            println!("as expected: {error}");
        }
        other => println!("not expected: {other:?}"),
    }
    Ok(())
}
