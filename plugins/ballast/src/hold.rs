//! The memory that is held, page by page.

use crate::generator::Generator;

/// The pages of the host, in bytes.
const PAGE_BYTES: usize = 4096;

const WORDS_PER_PAGE: usize = PAGE_BYTES / size_of::<u64>();

const PAGES_PER_MIB: usize = (1 << 20) / PAGE_BYTES;

/// An odd number with its bits well mixed: the multiplier of the 64-bit FNV hash.
const MULTIPLIER: u64 = 0x0000_0100_0000_01b3;

/// A page, on a page of the host.
#[derive(Clone)]
#[repr(align(4096))]
struct Page([u64; WORDS_PER_PAGE]);

/// All that is held.
#[derive(Default)]
pub struct Hold {
    pages: Vec<Page>,
}

impl Hold {
    /// Holds `mib` MiB that follow from the seed, in place of what was held.
    pub fn fill(&mut self, mib: u32, seed: u64) {
        // The old pages go first, or both would have to fit.
        self.pages = Vec::new();
        let count = (mib as usize).saturating_mul(PAGES_PER_MIB);
        self.pages.reserve_exact(count);
        let mut generator = Generator::new(seed);
        self.pages.extend((0..count).map(|_| Page(std::array::from_fn(|_| generator.next()))));
    }

    /// Changes a number on `permille` thousandths of the pages, and returns how many pages these are. Every set of
    /// so many pages is equally likely (Knuth's algorithm S).
    pub fn touch(&mut self, permille: u32, seed: u64) -> u64 {
        let mut generator = Generator::new(seed);
        let mut left = self.pages.len() as u64;
        let wanted = left * u64::from(permille.min(1000)) / 1000;
        let mut missing = wanted;
        for page in &mut self.pages {
            if generator.below(left) < missing {
                missing -= 1;
                let word = generator.below(WORDS_PER_PAGE as u64) as usize;
                // An odd number is added, so the word cannot stay as it was.
                page.0[word] = page.0[word].wrapping_add(generator.next() | 1);
            }
            left -= 1;
        }
        wanted
    }

    /// A checksum in which every number and its place count.
    pub fn sum(&self) -> u64 {
        let words = self.pages.iter().flat_map(|page| &page.0);
        words.fold(0, |sum: u64, word| (sum ^ word).wrapping_mul(MULTIPLIER).rotate_left(23))
    }

    /// How much is held, in bytes.
    pub fn size_bytes(&self) -> u64 {
        (self.pages.len() * PAGE_BYTES) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(seed: u64) -> Hold {
        let mut hold = Hold::default();
        hold.fill(2, seed);
        hold
    }

    #[test]
    fn the_content_follows_from_the_seed() {
        assert_eq!(filled(7).size_bytes(), 2 << 20);
        assert_eq!(filled(7).sum(), filled(7).sum());
        assert_ne!(filled(7).sum(), filled(8).sum());
    }

    #[test]
    fn pages_lie_on_pages_of_the_host() {
        let hold = filled(7);

        assert!(hold.pages.iter().all(|page| (&raw const *page).addr().is_multiple_of(PAGE_BYTES)));
    }

    #[test]
    fn so_many_pages_change_as_were_asked_for() {
        let before = filled(7);
        for (permille, expected) in [(0, 0), (1, 0), (2, 1), (250, 128), (1000, 512), (5000, 512)] {
            let mut hold = filled(7);

            let touched = hold.touch(permille, 3);

            let pairs = before.pages.iter().zip(&hold.pages);
            let changed = pairs.filter(|(before, after)| before.0 != after.0).count() as u64;
            assert_eq!((touched, changed), (expected, expected), "{permille}");
        }
    }

    #[test]
    fn the_sum_notices_pages_that_changed_places() {
        let mut hold = filled(7);
        let before = hold.sum();

        hold.pages.swap(3, 400);

        assert_ne!(hold.sum(), before);
    }

    #[test]
    fn nothing_is_held_at_first() {
        let mut hold = Hold::default();

        assert_eq!((hold.touch(1000, 1), hold.size_bytes(), hold.sum()), (0, 0, 0));
    }
}
