//! What has changed between two checkpoints of an actor: which pages, and how many bytes of them. Content
//! is compared, not where it is kept, so a page that was written anew with what it held before is no change.

use super::load::{Loaded, LoadedMemory};
use super::page::PageRun;
use crate::checkpoint::PAGE_BYTES;

/// What has changed from one checkpoint to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointDiff {
    /// Every memory that either checkpoint has, by ordinal.
    pub memories: Vec<MemoryDiff>,
    /// The indexes of the globals that have another value, or that only one checkpoint has.
    pub globals: Vec<u32>,
    /// Whether the host's state of the actor is another.
    pub host_state_changed: bool,
}

/// What has changed in one memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryDiff {
    /// Its size before, in bytes; 0 when there was none.
    pub before_bytes: u64,
    /// Its size after, in bytes; 0 when there is none.
    pub after_bytes: u64,
    /// The pages whose content is another, in order.
    pub pages: Vec<PageRun>,
    /// How many bytes of these pages are others.
    pub changed_bytes: u64,
}

/// Compares two checkpoints. `base` gives a page of the plugin's base image by memory and number: what a page
/// holds that a checkpoint does not list. Nothing, as past the image's end, is a page of zeros.
pub fn diff<'a>(before: &Loaded, after: &Loaded, base: impl Fn(u32, u32) -> Option<&'a [u8]>) -> CheckpointDiff {
    let count = before.memories.len().max(after.memories.len());
    let none = LoadedMemory::default();
    let memories = (0..count as u32)
        .map(|memory| {
            let of = |loaded: &'_ Loaded| loaded.memories.get(memory as usize).cloned();
            let (before, after) = (of(before), of(after));
            let (before, after) = (before.as_ref().unwrap_or(&none), after.as_ref().unwrap_or(&none));
            MemoryDiff::between(memory, before, after, &base)
        })
        .collect();
    let value = |loaded: &Loaded, index: u32| loaded.globals.iter().find(|g| g.index == index).map(|g| g.value);
    let mut globals: Vec<u32> = before.globals.iter().chain(&after.globals).map(|global| global.index).collect();
    globals.sort_unstable();
    globals.dedup();
    globals.retain(|index| value(before, *index) != value(after, *index));
    CheckpointDiff { memories, globals, host_state_changed: before.host_state != after.host_state }
}

impl MemoryDiff {
    fn between<'a>(
        memory: u32,
        before: &LoadedMemory,
        after: &LoadedMemory,
        base: impl Fn(u32, u32) -> Option<&'a [u8]>,
    ) -> Self {
        const ZEROS: &[u8] = &[0; PAGE_BYTES];
        let mut diff = Self { before_bytes: before.size_bytes, after_bytes: after.size_bytes, ..Self::default() };
        let mut sides = [before.each_page().peekable(), after.each_page().peekable()];
        while let Some(page) = sides.iter_mut().filter_map(|side| side.peek().map(|(page, _)| *page)).min() {
            let [before, after] = sides.each_mut().map(|side| {
                let listed = side.next_if(|(next, _)| *next == page);
                listed.map(|(_, content)| content).or_else(|| base(memory, page)).unwrap_or(ZEROS)
            });
            let bytes = changed_bytes(before, after);
            if bytes > 0 {
                diff.add(memory, page, bytes);
            }
        }
        diff
    }

    fn add(&mut self, memory: u32, page: u32, changed_bytes: u64) {
        self.changed_bytes += changed_bytes;
        match self.pages.last_mut() {
            Some(run) if run.first_page + run.pages == page => run.pages += 1,
            _ => self.pages.push(PageRun { memory, first_page: page, pages: 1 }),
        }
    }
}

/// How many bytes differ. The last page of a base image may be a part of one; zeros follow it.
fn changed_bytes(before: &[u8], after: &[u8]) -> u64 {
    let both = before.len().min(after.len());
    let rest = before[both..].iter().chain(&after[both..]).filter(|byte| **byte != 0).count();
    let common = before[..both].iter().zip(&after[..both]).filter(|(before, after)| before != after).count();
    (common + rest) as u64
}
