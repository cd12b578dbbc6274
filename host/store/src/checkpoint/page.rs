//! Pages, runs of pages, and the one rule by which newer pages hide older ones.
//!
//! All memories of an actor share one line of page numbers: the memory's ordinal in the upper half and
//! the page's number in the lower one. A run of pages is an interval on that line, so ordering, overlap
//! and cutting are arithmetic on two numbers and need no case for where one memory ends.

/// The bytes of a page: the unit in which changes are found, kept and compared.
pub const PAGE_BYTES: usize = 4096;

/// The largest memory that a checkpoint describes: 16 TiB, which is as far as a page number reaches.
pub const MEMORY_BYTES_MAX: u64 = (1 << 32) * PAGE_BYTES as u64;

/// Consecutive pages of one memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageRun {
    /// The ordinal of the memory.
    pub memory: u32,
    /// The number of the first page.
    pub first_page: u32,
    /// How many pages; at least one.
    pub pages: u32,
}

impl PageRun {
    /// Where the run starts on the line of all pages.
    pub(super) fn start(&self) -> u64 {
        u64::from(self.memory) << 32 | u64::from(self.first_page)
    }

    /// Where the run ends on the line of all pages; the page there is not part of it.
    pub(super) fn end(&self) -> u64 {
        self.start() + u64::from(self.pages)
    }

    /// Its length in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.pages as usize * PAGE_BYTES
    }
}

/// How many pages a memory of that size has; the last may reach past its end.
pub(super) fn pages_of(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(PAGE_BYTES as u64)
}

/// A run of pages with what it stands for, which can be cut to some of its pages.
pub(super) trait Run: Clone {
    /// The pages.
    fn run(&self) -> PageRun;

    /// The same without its first `skip` pages, and no longer than `pages`. Both lie within the run.
    fn cut(&self, skip: u32, pages: u32) -> Self;
}

/// Lays `newer` over `older`: where both have a page, the newer one counts. Both are in order and without
/// overlap, and so is the result.
pub(super) fn overlay<T: Run>(older: &[T], newer: &[T]) -> Vec<T> {
    let mut merged = newer.to_vec();
    let mut covers = newer;
    for old in older {
        let (start, end) = (old.run().start(), old.run().end());
        // The lengths of both parts fit in 32 bits, because a run lies within one memory.
        let part = |from: u64, to: u64| old.cut((from - start) as u32, (to - from) as u32);
        covers = &covers[covers.partition_point(|cover| cover.run().end() <= start)..];
        let mut from = start;
        for cover in covers.iter().map(Run::run).take_while(|cover| cover.start() < end) {
            if from < cover.start() {
                merged.push(part(from, cover.start()));
            }
            from = cover.end();
        }
        if from < end {
            merged.push(part(from, end));
        }
    }
    merged.sort_unstable_by_key(|run| run.run().start());
    merged
}

/// What is wrong with a list of runs, if anything: they must be in order, apart, not empty, and lie within
/// memories of these sizes.
pub(super) fn check_runs(runs: impl Iterator<Item = PageRun>, memory_sizes: &[u64]) -> Result<(), String> {
    let mut end = 0;
    for run in runs {
        let Some(&size_bytes) = memory_sizes.get(run.memory as usize) else {
            return Err(format!("there are pages of memory {}, of {} memories", run.memory, memory_sizes.len()));
        };
        let last = u64::from(run.first_page) + u64::from(run.pages);
        if run.pages == 0 || last > pages_of(size_bytes) {
            let PageRun { memory, first_page, pages } = run;
            return Err(format!("{pages} pages from {first_page} on are not in memory {memory} of {size_bytes} bytes"));
        }
        if run.start() < end {
            return Err(format!("page {} of memory {} is out of order or listed twice", run.first_page, run.memory));
        }
        end = run.end();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Pages that remember who wrote them and which they were in what was written.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Written {
        run: PageRun,
        by: u8,
        skipped: u32,
    }

    impl Run for Written {
        fn run(&self) -> PageRun {
            self.run
        }

        fn cut(&self, skip: u32, pages: u32) -> Self {
            let run = PageRun { first_page: self.run.first_page + skip, pages, ..self.run };
            Self { run, skipped: self.skipped + skip, ..*self }
        }
    }

    fn pages(runs: &[Written]) -> BTreeMap<u64, (u8, u32)> {
        let of_run = |w: &Written| {
            let w = *w;
            (0..w.run.pages).map(move |i| (w.run.start() + u64::from(i), (w.by, w.skipped + i)))
        };
        runs.iter().flat_map(of_run).collect()
    }

    fn layer(by: u8) -> impl Strategy<Value = Vec<Written>> {
        let gaps = prop::collection::vec((0..2u32, 0..4u32, 1..6u32), 0..12);
        gaps.prop_map(move |gaps| {
            let mut next = [0, 0];
            let mut runs: Vec<_> = gaps
                .into_iter()
                .map(|(memory, gap, pages)| {
                    let first_page = next[memory as usize] + gap;
                    next[memory as usize] = first_page + pages;
                    Written { run: PageRun { memory, first_page, pages }, by, skipped: 0 }
                })
                .collect();
            runs.sort_by_key(|w| w.run.start());
            runs
        })
    }

    proptest! {
        #[test]
        fn every_page_is_the_newest_one((older, newer) in (layer(0), layer(1))) {
            let merged = overlay(&older, &newer);
            prop_assert_eq!(check_runs(merged.iter().map(Run::run), &[1 << 20, 1 << 20]), Ok(()));
            let mut expected = pages(&older);
            expected.extend(pages(&newer));
            prop_assert_eq!(pages(&merged), expected);
        }
    }

    #[test]
    fn runs_that_no_memory_has_are_refused() {
        let run = |memory, first_page, pages| PageRun { memory, first_page, pages };
        let check = |runs: &[PageRun]| check_runs(runs.iter().copied(), &[2 * PAGE_BYTES as u64, 1]);
        assert_eq!(check(&[run(0, 0, 2), run(1, 0, 1)]), Ok(()));
        for wrong in [
            vec![run(2, 0, 1)],
            vec![run(0, 1, 2)],
            vec![run(0, u32::MAX, u32::MAX)],
            vec![run(0, 0, 0)],
            vec![run(0, 1, 1), run(0, 0, 1)],
            vec![run(0, 0, 2), run(0, 1, 1)],
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
    }
}
