//! A small map of a memory for the terminal: each place stands for some pages, and shows what share of them changed.

use belljar::store::checkpoint::{PAGE_BYTES, PageRun};

/// Places of a line.
const PLACES_PER_LINE: usize = 64;
/// Lines at the most; a memory with more pages has more of them in one place.
const LINES_MAX: usize = 8;

/// None, up to a third, up to two thirds, nearly all, all of the pages of a place.
const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];

/// The map of a memory, and how many pages a place stands for.
pub fn draw(size_bytes: u64, changed: &[PageRun]) -> (String, u64) {
    let pages = size_bytes.div_ceil(PAGE_BYTES as u64).max(1);
    let pages_per_place = pages.div_ceil((PLACES_PER_LINE * LINES_MAX) as u64).max(1);
    let places = usize::try_from(pages.div_ceil(pages_per_place)).unwrap_or(usize::MAX);
    let mut counts = vec![0_u64; places];
    for run in changed {
        let (mut page, end) = (u64::from(run.first_page), u64::from(run.first_page) + u64::from(run.pages));
        while page < end {
            let place = page / pages_per_place;
            let until = end.min((place + 1) * pages_per_place);
            if let Some(count) = usize::try_from(place).ok().and_then(|place| counts.get_mut(place)) {
                *count += until - page;
            }
            page = until;
        }
    }
    let shade = |(place, count): (usize, &u64)| {
        let here = pages_per_place.min(pages - place as u64 * pages_per_place);
        match *count {
            0 => SHADES[0],
            count if count >= here => SHADES[4],
            count => SHADES[1 + usize::try_from(count * 3 / here).unwrap_or(2).min(2)],
        }
    };
    let shades: Vec<char> = counts.iter().enumerate().map(shade).collect();
    let lines: Vec<String> = shades.chunks(PLACES_PER_LINE).map(|line| line.iter().collect()).collect();
    (lines.join("\n"), pages_per_place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(first_page: u32, pages: u32) -> PageRun {
        PageRun { memory: 0, first_page, pages }
    }

    #[test]
    fn a_small_memory_has_a_place_for_each_page() {
        let (map, pages_per_place) = draw(5 * PAGE_BYTES as u64, &[run(1, 1), run(4, 1)]);
        assert_eq!((map.as_str(), pages_per_place), ("·█··█", 1));
    }

    #[test]
    fn places_of_a_large_memory_show_the_share_that_changed() {
        let size_bytes = (64 * 8 * 6 * PAGE_BYTES) as u64;
        let (map, pages_per_place) = draw(size_bytes, &[run(0, 1), run(6, 3), run(12, 5), run(18, 6)]);
        assert_eq!(pages_per_place, 6);
        assert_eq!(map.lines().count(), 8);
        assert!(map.starts_with("░▒▓█·"), "{map}");
    }

    proptest! {
        #[test]
        fn any_memory_fits_and_no_change_is_left_out(pages in 0_u64..1 << 20, first: u32, count in 1_u32..5_000) {
            let first_page = first % (1 << 20);
            let (map, _) = draw(pages * PAGE_BYTES as u64, &[run(first_page, count)]);
            prop_assert!(map.lines().count() <= LINES_MAX);
            prop_assert!(map.lines().all(|line| line.chars().count() <= PLACES_PER_LINE));
            prop_assert_eq!(map.contains(['░', '▒', '▓', '█']), u64::from(first_page) < pages.max(1));
        }
    }
}
