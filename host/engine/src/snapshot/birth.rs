//! What the memories of the instance that is being made shall be. wasmtime's memory creator is told nothing of the
//! instance that a memory is for; but all of an instantiation's memories are made while its future is polled, in a
//! fixed order, so the plan lies in a variable of the thread around each poll.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;

use super::image::Image;
use super::mapping::Mapping;

/// What one memory shall be. The default is what the component itself declares.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryPlan {
    /// Its contents.
    pub image: Option<Arc<Image>>,
    /// Its size, where that is larger than the declared one.
    pub size_bytes: Option<usize>,
}

struct Birth {
    plans: Arc<[MemoryPlan]>,
    born: Vec<Arc<Mapping>>,
}

thread_local! {
    static BIRTH: RefCell<Option<Birth>> = const { RefCell::new(None) };
}

/// Runs an instantiation with a plan for each of its memories, by ordinal, and returns them beside its outcome.
pub(crate) async fn with_memories<F: Future>(
    plans: Arc<[MemoryPlan]>,
    instantiation: F,
) -> (F::Output, Vec<Arc<Mapping>>) {
    let mut birth = Some(Birth { plans, born: Vec::new() });
    let mut instantiation = pin!(instantiation);
    let outcome = std::future::poll_fn(|cx| {
        let outer = BIRTH.replace(birth.take());
        let polled = instantiation.as_mut().poll(cx);
        birth = BIRTH.replace(outer);
        polled
    })
    .await;
    (outcome, birth.map(|birth| birth.born).unwrap_or_default())
}

/// The plan of the memory that is made now.
pub(super) fn next_memory() -> MemoryPlan {
    let planned = |birth: &Birth| birth.plans.get(birth.born.len()).cloned();
    BIRTH.with_borrow(|birth| birth.as_ref().and_then(planned)).unwrap_or_default()
}

/// Notes the memory that was made for the plan.
pub(super) fn note_memory(mapping: &Arc<Mapping>) {
    BIRTH.with_borrow_mut(|birth| birth.iter_mut().for_each(|birth| birth.born.push(mapping.clone())));
}
