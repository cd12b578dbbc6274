//! Who does the work: the threads that all actors share, the actor that asks, and the instruction set. Work is cut
//! into parts that own what they write, so no kernel needs a lock or `unsafe` to run in parallel.

use std::sync::Mutex;

use super::level::Level;
use crate::Threads;

/// Elements that a part of an element-wise kernel has: enough that handing it to a thread costs little beside it.
pub(super) const PART_ELEMENTS: usize = 1 << 14;

/// What a kernel runs on.
#[derive(Clone, Copy)]
pub struct Workers<'a> {
    threads: Option<&'a Threads>,
    owner: u64,
    level: Level,
}

impl<'a> Workers<'a> {
    /// Threads on behalf of an owner, whose time they count, or else the calling thread alone, which waits for nobody's
    /// turn; with the best instruction set of this processor.
    pub fn new(threads: Option<&'a Threads>, owner: u64) -> Self {
        Self { threads, owner, level: Level::best() }
    }

    /// The same with another instruction set, to compare them.
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// The instruction set.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Does every part of the work, and returns when all are done.
    pub(crate) fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        match self.threads {
            Some(threads) => threads.run(self.owner, parts, work),
            None => (0..parts).for_each(work),
        }
    }

    /// Does the work on every item in parallel, and returns when all are done. The items are the parts: there must
    /// be as many as the shape says, whatever the number of threads.
    pub(super) fn each<T: Send>(&self, items: impl IntoIterator<Item = T>, work: impl Fn(usize, T) + Sync) {
        let items: Vec<_> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
        if items.is_empty() {
            return;
        }
        self.run(items.len(), &|part| {
            // The lock is free and the item there: every part is run once. It only moves the item across threads.
            let item = items[part].lock().ok().and_then(|mut item| item.take());
            if let Some(item) = item {
                work(part, item);
            }
        });
    }

    /// Does the work on consecutive chunks of a slice in parallel, each with the index of its first element.
    /// Chunks hold whole rows of `row` elements.
    pub(super) fn chunks(&self, values: &mut [f32], row: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
        let length = rows_of_part(row) * row.max(1);
        self.each(values.chunks_mut(length), |part, chunk| work(part * length, chunk));
    }
}

/// Rows of so many numbers that a part of an element-wise kernel has.
pub(super) fn rows_of_part(row: usize) -> usize {
    (PART_ELEMENTS / row.max(1)).max(1)
}
