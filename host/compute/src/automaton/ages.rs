//! For how many generations the cells of a board have lived. The ages of the 64 cells of a word are kept as eight words,
//! one for each binary digit, so that all of them grow by one in a few operations.

use std::sync::{Arc, Mutex, PoisonError};

use super::columns::Columns;
use super::settings::Size;
use super::step::Work;
use super::transpose::transpose_bytes;

/// The ages of 64 cells, the lowest digit first.
type Tile = [u64; 8];

/// So many tiles are one part of the work on all ages.
const PART_TILES: usize = 1 << 14;

/// The ages of all cells, in the order of the words in [`Columns`]. Copies share them until one is changed.
#[derive(Clone, Debug)]
pub(super) struct Ages {
    tiles: Arc<Vec<Tile>>,
}

impl Ages {
    /// Every living cell was born just now.
    pub(super) fn newborn(columns: &Columns) -> Self {
        Self { tiles: Arc::new(columns.words().iter().map(|alive| [*alive, 0, 0, 0, 0, 0, 0, 0]).collect()) }
    }

    /// Takes over ages row by row, one byte a cell. The columns are those of the same cells, and say how they are laid
    /// out.
    pub(super) fn from_bytes(size: Size, columns: &Columns, bytes: &[u8]) -> Self {
        let mut tiles = vec![Tile::default(); columns.words().len()];
        for (y, row) in (0..).zip(bytes.chunks_exact(size.width() as usize)) {
            for (x, age) in (0..).zip(row) {
                let (word, bit) = columns.word_of(x, y);
                set(&mut tiles[word], bit, *age);
            }
        }
        Self { tiles: Arc::new(tiles) }
    }

    /// The ages row by row, one byte a cell.
    pub(super) fn to_bytes(&self, size: Size, columns: &Columns) -> Vec<u8> {
        let (height, width, vector) = (columns.height(), size.width() as usize, columns.vector_words());
        let mut bytes = vec![0; width * height];
        for (index, tile) in self.tiles.iter().enumerate() {
            let mut tile = *tile;
            transpose_bytes(&mut tile);
            let (row, word) = (index / vector, index % vector);
            let (column, y) = (row / height, row % height);
            let row = &mut bytes[y * width..][..width];
            // The bits of a word are cells that are as far apart as there are columns.
            let first = word * u64::BITS as usize * columns.count() + column;
            for (bit, to) in row.iter_mut().skip(first).step_by(columns.count()).take(u64::BITS as usize).enumerate() {
                *to = tile[bit % 8].to_le_bytes()[bit / 8];
            }
        }
        bytes
    }

    /// Goes on to the generation whose cells these are: the living are one generation older, unless they are 255 already,
    /// and the dead have no age.
    pub(super) fn advance(&mut self, columns: &Columns, work: &Work<'_>) {
        let tiles = Arc::make_mut(&mut self.tiles).chunks_mut(PART_TILES);
        let parts: Vec<Mutex<_>> = tiles.zip(columns.words().chunks(PART_TILES)).map(Mutex::new).collect();
        work.run(parts.len(), &|part| {
            let mut part = parts[part].lock().unwrap_or_else(PoisonError::into_inner);
            let (tiles, alive) = &mut *part;
            for (tile, alive) in tiles.iter_mut().zip(*alive) {
                *tile = older(*tile, *alive);
            }
        });
    }

    /// Makes a cell alive or dead. One that lives already keeps its age.
    pub(super) fn set(&mut self, (word, bit): (usize, u64), is_alive: bool) {
        let tile = &mut Arc::make_mut(&mut self.tiles)[word];
        let was_alive = tile.iter().any(|digit| digit & bit != 0);
        if is_alive != was_alive {
            set(tile, bit, u8::from(is_alive));
        }
    }
}

fn set(tile: &mut Tile, bit: u64, age: u8) {
    for (place, digit) in tile.iter_mut().enumerate() {
        *digit = if age >> place & 1 == 1 { *digit | bit } else { *digit & !bit };
    }
}

/// Adds one to the age of each living cell that has room for it.
fn older(tile: Tile, alive: u64) -> Tile {
    let is_full = tile.iter().fold(u64::MAX, |all, digit| all & digit);
    let mut carry = alive & !is_full;
    tile.map(|digit| {
        let sum = digit ^ carry;
        carry &= digit;
        sum & alive
    })
}
