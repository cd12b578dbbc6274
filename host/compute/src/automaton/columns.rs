//! The layout in which boards are stepped. A vector holds cells of one row that lie far apart, one in each of its bits,
//! so that the left and right neighbours of all of them are whole vectors too and nothing has to be shifted: with L
//! columns of vectors, bit b of a row's vector in column i is cell x = b · L + i. The vectors of a column lie one below
//! the other in memory. That is, with three columns and vectors of four bits:
//!
//! ```text
//! cells of a row        0 1 2 3 4 5 6 7 8 9 10 11
//! its vector, column 0  0     3     6     9
//! its vector, column 1    1     4     7     10
//! its vector, column 2      2     5     8      11
//! ```
//!
//! A vector is as wide as the machine's. Rows may end before the last bits of some vectors do; what these bits hold
//! means nothing. So that whole bytes of a packed row can be moved, the columns are 1, 2, 4 or a multiple of 8.

use super::aligned::AlignedWords;
use super::settings::Size;
use super::transpose::exchange;

/// More columns than that are a multiple of it: the bits of a byte.
const TILE_COLUMNS: usize = 8;

/// Cells in columns of vectors, for [`step`](super::step).
#[derive(Clone, Debug)]
pub(super) struct Columns {
    vector_words: usize,
    count: usize,
    height: usize,
    words: AlignedWords,
}

/// Where a cell of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) column: usize,
    pub(super) bit: usize,
}

impl Place {
    /// The word of a vector that the bit is in, and the bit alone in that word.
    pub(super) fn word(self) -> (usize, u64) {
        (self.bit / u64::BITS as usize, 1 << (self.bit % u64::BITS as usize))
    }
}

impl Columns {
    /// Columns of `height` vectors, each of `vector_words` words, all zero.
    pub(super) fn zeroed(vector_words: usize, count: usize, height: usize) -> Self {
        Self { vector_words, count, height, words: AlignedWords::zeroed(count * height * vector_words) }
    }

    /// How many columns a board of this width has.
    pub(super) fn count_for(vector_words: usize, width: u32) -> usize {
        let columns = width.div_ceil(vector_words as u32 * u64::BITS) as usize;
        if columns <= TILE_COLUMNS / 2 { columns.next_power_of_two() } else { columns.next_multiple_of(TILE_COLUMNS) }
    }

    /// The words of a vector.
    pub(super) fn vector_words(&self) -> usize {
        self.vector_words
    }

    /// How many columns there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many rows there are.
    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// The words of a column: those of the first row's vector, then those of the second's, and so on.
    pub(super) fn column(&self, column: usize) -> &[u64] {
        let words = self.height * self.vector_words;
        &self.words[column * words..][..words]
    }

    /// All words, column by column.
    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    /// All words, column by column.
    pub(super) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// Where the cell x of a row is.
    pub(super) fn place(&self, x: u32) -> Place {
        Place { column: x as usize % self.count, bit: x as usize / self.count }
    }

    /// The word, of all, that holds a cell, and the cell's bit in it.
    pub(super) fn word_of(&self, x: u32, y: u32) -> (usize, u64) {
        let place = self.place(x);
        let (word, bit) = place.word();
        (self.row_start(place.column, y as usize) + word, bit)
    }

    fn row_start(&self, column: usize, y: usize) -> usize {
        (column * self.height + y) * self.vector_words
    }

    /// Takes over cells that are packed row by row.
    pub(super) fn from_packed(vector_words: usize, size: Size, packed: &[u8]) -> Self {
        let count = Self::count_for(vector_words, size.width());
        let mut columns = Self::zeroed(vector_words, count, size.height() as usize);
        match count {
            1 => columns.load_tiles::<1>(size, packed),
            2 => columns.load_tiles::<2>(size, packed),
            4 => columns.load_tiles::<4>(size, packed),
            _ => columns.load_tiles::<TILE_COLUMNS>(size, packed),
        }
        columns
    }

    /// The cells, packed row by row.
    pub(super) fn to_packed(&self, size: Size) -> Vec<u8> {
        let mut packed = vec![0; size.packed_bytes()];
        match self.count {
            1 => self.store_tiles::<1>(size, &mut packed),
            2 => self.store_tiles::<2>(size, &mut packed),
            4 => self.store_tiles::<4>(size, &mut packed),
            _ => self.store_tiles::<TILE_COLUMNS>(size, &mut packed),
        }
        packed
    }

    fn load_tiles<const TILE: usize>(&mut self, size: Size, packed: &[u8]) {
        let bytes = Bytes::<TILE> { tiles: self.count / TILE };
        for (y, row) in packed.chunks_exact(size.row_bytes()).enumerate() {
            for word in 0..bytes.words(row.len(), self.vector_words) {
                for tile_number in 0..bytes.tiles {
                    let mut tile = [0; TILE];
                    for (number, value) in tile.iter_mut().enumerate() {
                        let byte = |i: usize| row.get(bytes.address(word, i, number, tile_number)).copied();
                        *value = u64::from_le_bytes(std::array::from_fn(|i| byte(i).unwrap_or_default()));
                    }
                    exchange_back(&mut tile);
                    for (column, value) in (tile_number * TILE..).zip(tile) {
                        let start = self.row_start(column, y);
                        self.words[start + word] = value;
                    }
                }
            }
        }
    }

    fn store_tiles<const TILE: usize>(&self, size: Size, packed: &mut [u8]) {
        let bytes = Bytes::<TILE> { tiles: self.count / TILE };
        for (y, row) in packed.chunks_exact_mut(size.row_bytes()).enumerate() {
            for word in 0..bytes.words(row.len(), self.vector_words) {
                for tile_number in 0..bytes.tiles {
                    let first = tile_number * TILE;
                    let mut tile: [u64; TILE] =
                        std::array::from_fn(|i| self.words[self.row_start(first + i, y) + word]);
                    exchange_forth(&mut tile);
                    for (number, value) in tile.into_iter().enumerate() {
                        for (i, byte) in value.to_le_bytes().into_iter().enumerate() {
                            if let Some(to) = row.get_mut(bytes.address(word, i, number, tile_number)) {
                                *to = byte;
                            }
                        }
                    }
                }
            }
            if let Some(last) = row.last_mut() {
                *last &= size.last_byte_mask();
            }
        }
    }
}

/// Where in a packed row the bytes of a tile are. A tile is the same word of each of `TILE` neighbouring columns.
/// Three exchanges bring the three lowest bits of x into the three lowest bits of the places in the words, and then
/// each byte is one of the row.
struct Bytes<const TILE: usize> {
    /// Tiles beside each other.
    tiles: usize,
}

impl<const TILE: usize> Bytes<TILE> {
    /// The words of a vector that hold cells of a row of so many bytes.
    fn words(&self, row_bytes: usize, vector_words: usize) -> usize {
        row_bytes.div_ceil(TILE * self.tiles * size_of::<u64>()).min(vector_words)
    }

    /// The byte of the row that byte `byte` of word `number` is after the exchanges.
    #[inline(always)]
    fn address(&self, word: usize, byte: usize, number: usize, tile: usize) -> usize {
        // With four columns, the third exchange leaves the two bits of the number in each other's place.
        let number = if TILE == 4 { [0, 2, 1, 3][number] } else { number };
        ((word * size_of::<u64>() + byte) * TILE + number) * self.tiles + tile
    }
}

/// A tile of fewer than eight words has fewer than three bits to its numbers, which are then exchanged in turns.
#[inline(always)]
fn exchange_forth<const TILE: usize>(tile: &mut [u64; TILE]) {
    if TILE > 1 {
        (0..3).for_each(|bit| exchange(tile, bit % TILE.ilog2() as usize, bit));
    }
}

#[inline(always)]
fn exchange_back<const TILE: usize>(tile: &mut [u64; TILE]) {
    if TILE > 1 {
        (0..3).rev().for_each(|bit| exchange(tile, bit % TILE.ilog2() as usize, bit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packed_cells_are_where_the_layout_says_and_come_back(
            vector_words in proptest::sample::select(vec![1usize, 2, 4, 8]),
            width in prop_oneof![1u32..300, 1u32..6000],
            height in 1u32..6,
            seed in any::<u64>(),
        ) {
            let size = Size::new(width, height).unwrap();
            let packed = crate::automaton::packed::random(size, seed, 0.5).unwrap();
            let columns = Columns::from_packed(vector_words, size, &packed);
            for y in 0..height {
                for x in 0..width {
                    let (word, bit) = columns.word_of(x, y);
                    let is_alive = columns.words()[word] & bit != 0;
                    prop_assert_eq!(is_alive, crate::automaton::packed::is_alive(size, &packed, x, y), "{}, {}", x, y);
                }
            }
            prop_assert!(columns.to_packed(size) == packed);
        }
    }

    #[test]
    fn what_lies_past_the_end_of_a_row_is_not_packed() {
        let size = Size::new(131, 2).unwrap();
        let mut columns = Columns::zeroed(1, Columns::count_for(1, 131), 2);
        columns.words_mut().fill(u64::MAX);
        let row = [vec![0xFF; 16], vec![0b111]].concat();
        assert_eq!(columns.to_packed(size), row.repeat(2));
    }
}
