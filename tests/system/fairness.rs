//! Guests that spin do not keep others from their work. How little they delay them is measured by the benchmark
//! `fairness`; here only that everybody gets on.

use std::time::Duration;

use belljar_tests::{plugin, runtime};

#[tokio::test]
async fn well_behaved_calls_are_served_while_others_spin() {
    let (runtime, _folder) = runtime();
    let hostile = plugin(&runtime, "hostile").await;
    let spinning = hostile.with_deadline(Duration::from_secs(60));
    let spinners: Vec<_> = (0..8).map(|_| spinning.task("spin").submit()).collect();
    for n in 0..100_u32 {
        let (sum,): (u32,) = hostile.call("well-behaved", (n,)).await.expect("it is served");
        assert_eq!(sum, (0..n).sum::<u32>());
    }
    assert!(spinners.iter().all(|spinner| !spinner.is_ready()), "the spinners still spin");
    spinners.iter().for_each(belljar::ObjectRef::cancel);
}
