//! A board: cells, what they are stepped by, and how far they have come.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pulp::Arch;

use super::ages::Ages;
use super::band::{Content, Laws};
use super::cells::Cells;
use super::columns::Columns;
use super::error::AutomatonError;
use super::settings::{Cell, Rectangle, Settings};
use super::step::{self, Work};
use super::{many, packed};

/// How many living cells [`Board::cells`] lists at most.
pub const CELLS_LISTED_MAX: u64 = 1 << 20;

/// What a board takes beside its cells: its entry among the others, and the heads of what is allocated for it.
const BOARD_BYTES: u64 = 512;

/// The words of the widest vector of any machine, so that a board takes the same memory everywhere.
const VECTOR_WORDS_MAX: usize = 8;

/// A board of a Life-like automaton. A clone shares its cells until one of the two is changed.
#[derive(Clone, Debug)]
pub struct Board {
    settings: Settings,
    generation: u64,
    cells: Cells,
    ages: Option<Ages>,
}

/// How a board is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Generations since the board was made.
    pub generation: u64,
    /// Living cells.
    pub population: u64,
    /// What [`Board::hash`] returns.
    pub hash: u64,
}

impl Board {
    /// A board of dead cells.
    pub fn new(settings: Settings) -> Self {
        Self::made(settings, vec![0; settings.size.packed_bytes()], Arch::new())
    }

    /// A board on which each cell lives with the probability `density`, the same on every machine: the cells, row by
    /// row, take the halves of the 64-bit numbers that SplitMix64 gives from `seed` on, of each the lower half first,
    /// and a cell lives if its half is less than ⌊density · 2³²⌋.
    ///
    /// # Errors
    /// [`AutomatonError::BadDensity`] unless the density is from 0 to 1.
    pub fn random(settings: Settings, seed: u64, density: f64) -> Result<Self, AutomatonError> {
        Ok(Self::made(settings, packed::random(settings.size, seed, density)?, Arch::new()))
    }

    /// A board of the cells that [`bits`](Self::bits) returned. Bits after the end of a row mean nothing.
    ///
    /// # Errors
    /// [`AutomatonError::BadBits`] unless there are as many bytes as the size asks for.
    pub fn from_bits(settings: Settings, bits: Vec<u8>) -> Result<Self, AutomatonError> {
        Ok(Self::made(settings, packed::checked(settings.size, bits)?, Arch::new()))
    }

    /// A board for the given instructions. The bits after the end of each row are 0.
    pub(super) fn made(settings: Settings, packed: Vec<u8>, arch: Arch) -> Self {
        let cells = Cells::from_packed(arch, settings.size, packed);
        let ages = settings.ages.then(|| Ages::newborn(cells.columns()));
        Self { settings, generation: 0, cells, ages }
    }

    /// A board as it was before. With ages, a cell lives if it has one.
    pub(super) fn restored(settings: Settings, generation: u64, state: &[u8]) -> Result<Self, AutomatonError> {
        if !settings.ages {
            return Ok(Self { generation, ..Self::from_bits(settings, state.to_vec())? });
        }
        let size = settings.size;
        let mut packed = vec![0; size.packed_bytes()];
        for (row, ages) in packed.chunks_exact_mut(size.row_bytes()).zip(state.chunks_exact(size.width() as usize)) {
            for (byte, ages) in row.iter_mut().zip(ages.chunks(u8::BITS as usize)) {
                *byte = (0..).zip(ages).fold(0, |byte, (bit, age)| byte | u8::from(*age > 0) << bit);
            }
        }
        let cells = Cells::from_packed(Arch::new(), size, packed);
        let ages = Some(Ages::from_bytes(size, cells.columns(), state));
        Ok(Self { settings, generation, cells, ages })
    }

    /// What a board of these settings takes, in bytes: its cells in both layouts, its ages, and what any board takes.
    /// While it is stepped, its cells are there up to twice more, and its ages once.
    pub fn memory_bytes_for(settings: &Settings) -> u64 {
        let size = settings.size;
        let vectors = Columns::count_for(VECTOR_WORDS_MAX, size.width()) * size.height() as usize;
        let columns = (vectors * VECTOR_WORDS_MAX * size_of::<u64>()) as u64;
        let ages = if settings.ages { u64::from(u8::BITS) * columns } else { 0 };
        BOARD_BYTES + size.packed_bytes() as u64 + columns + ages
    }

    /// What looking at a board of these settings once costs, or stepping it by a generation, in cells of a large board. It
    /// is its memory, eight cells a byte: narrow rows fill no vector, and a board is something even if it has one cell.
    pub fn cost_for(settings: &Settings) -> u64 {
        Self::memory_bytes_for(settings).saturating_mul(u64::from(u8::BITS))
    }

    /// What looking at the board once costs, or stepping it by a generation, as [`cost_for`](Self::cost_for) says.
    pub fn cost(&self) -> u64 {
        Self::cost_for(&self.settings)
    }

    /// What the board takes, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        Self::memory_bytes_for(&self.settings)
    }

    /// What the board is apart from its cells.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Generations since the board was made. Past 2⁶⁴ − 1 it begins at 0 again.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// All cells: row by row from the top, eight cells a byte, the leftmost in the lowest bit. Each row begins at a whole
    /// byte; the bits between the end of a row and the next are 0.
    pub fn bits(&self) -> &[u8] {
        self.cells.packed()
    }

    /// The living cells in a part of the board, row by row.
    ///
    /// # Errors
    /// [`AutomatonError::Outside`], [`AutomatonError::TooMany`] past [`CELLS_LISTED_MAX`].
    pub fn cells(&self, part: Rectangle) -> Result<Vec<Cell>, AutomatonError> {
        let (right, bottom) = (part.x.saturating_add(part.width), part.y.saturating_add(part.height));
        if part.width == 0 || part.height == 0 {
            return Ok(Vec::new());
        }
        self.settings.size.check(Cell { x: right - 1, y: bottom - 1 })?;
        let packed = self.cells.packed();
        let row_bytes = self.settings.size.row_bytes();
        let mut living = Vec::new();
        for (y, row) in (part.y..bottom).zip(packed.chunks_exact(row_bytes).skip(part.y as usize)) {
            let bytes = (part.x / u8::BITS)..right.div_ceil(u8::BITS);
            for byte in bytes.filter(|byte| row[*byte as usize] != 0) {
                let columns = (byte * u8::BITS).max(part.x)..((byte + 1) * u8::BITS).min(right);
                for x in columns.filter(|x| row[byte as usize] >> (x % u8::BITS) & 1 == 1) {
                    if living.len() as u64 == CELLS_LISTED_MAX {
                        return Err(AutomatonError::TooMany { limit: CELLS_LISTED_MAX });
                    }
                    living.push(Cell { x, y });
                }
            }
        }
        Ok(living)
    }

    /// Makes cells alive or dead. One that lives already keeps its age.
    ///
    /// # Errors
    /// [`AutomatonError::Outside`] if one of them is; then none was changed.
    pub fn set(&mut self, cells: &[Cell], is_alive: bool) -> Result<(), AutomatonError> {
        cells.iter().try_for_each(|cell| self.settings.size.check(*cell))?;
        if let Some(ages) = &mut self.ages {
            let columns = self.cells.columns();
            cells.iter().for_each(|cell| ages.set(columns.word_of(cell.x, cell.y), is_alive));
        }
        self.cells.set(cells, is_alive);
        Ok(())
    }

    /// How many cells live.
    pub fn population(&self) -> u64 {
        packed::population(self.cells.packed())
    }

    /// A hash of the size and the cells, and of nothing else: XXH3 with 64 bits and seed 0 of the width and the height,
    /// each as 8 bytes, little-endian, and then [`bits`](Self::bits).
    pub fn hash(&self) -> u64 {
        packed::hash(self.settings.size, self.cells.packed())
    }

    /// Generation, population and hash.
    pub fn summary(&self) -> Summary {
        Summary { generation: self.generation, population: self.population(), hash: self.hash() }
    }

    /// For how many generations each cell has lived, one byte a cell, row by row: 0 for a dead one, 1 for one that was
    /// born or set just now, 255 for that many and more.
    ///
    /// # Errors
    /// [`AutomatonError::NoAges`] of a board that does not count them.
    pub fn ages(&self) -> Result<Vec<u8>, AutomatonError> {
        let ages = self.ages.as_ref().ok_or(AutomatonError::NoAges)?;
        Ok(ages.to_bytes(self.settings.size, self.cells.columns()))
    }

    /// Steps the board.
    ///
    /// # Errors
    /// [`AutomatonError::Stopped`]; then the board is as it was.
    pub fn step(&mut self, generations: u64, work: &Work<'_>) -> Result<(), AutomatonError> {
        if generations == 0 {
            return Ok(());
        }
        let columns = self.cells.columns();
        let last = columns.place(self.settings.size.width() - 1);
        let laws = Laws {
            arch: self.cells.arch(),
            rule: self.settings.rule,
            edges: self.settings.edges,
            content: Content::OneBoard { last },
        };
        match self.ages.clone() {
            None => {
                let columns = step::advance(columns, &laws, generations, work)?;
                self.cells.replace(columns);
            }
            Some(mut ages) => {
                let mut now = step::advance(columns, &laws, 1, work)?;
                ages.advance(&now, work);
                for _ in 1..generations {
                    now = step::advance(&now, &laws, 1, work)?;
                    ages.advance(&now, work);
                }
                self.cells.replace(now);
                self.ages = Some(ages);
            }
        }
        self.generation = self.generation.wrapping_add(generations);
        Ok(())
    }

    /// Takes over the packed cells that the board has after so many more generations. It counts no ages.
    pub(super) fn advance_to(&mut self, packed: Vec<u8>, generations: u64) {
        self.cells.replace_packed(packed);
        self.generation = self.generation.wrapping_add(generations);
    }

    /// Steps all boards, in parallel; many small ones of the same settings go side by side where that is faster.
    ///
    /// # Errors
    /// [`AutomatonError::Stopped`]; then all boards are as they were.
    pub fn step_many(boards: &mut [Self], generations: u64, work: &Work<'_>) -> Result<(), AutomatonError> {
        let groups = groups(boards, generations);
        let stepped: Vec<Mutex<Result<Vec<Self>, AutomatonError>>> =
            groups.iter().map(|_| Mutex::new(Err(AutomatonError::Stopped))).collect();
        let boards_now = &*boards;
        work.run(groups.len(), &|group| {
            let result = step_group(boards_now, &groups[group], generations, work);
            *stepped[group].lock().unwrap_or_else(PoisonError::into_inner) = result;
        });
        let stepped = stepped.into_iter().map(|group| group.into_inner().unwrap_or_else(PoisonError::into_inner));
        let stepped = stepped.collect::<Result<Vec<_>, _>>()?;
        for (place, board) in groups.into_iter().flatten().zip(stepped.into_iter().flatten()) {
            boards[place] = board;
        }
        Ok(())
    }
}

/// The places of boards that are stepped together, or of one alone.
fn groups(boards: &[Board], generations: u64) -> Vec<Vec<usize>> {
    let mut alike: HashMap<_, Vec<usize>> = HashMap::new();
    let mut groups = Vec::new();
    for (place, board) in boards.iter().enumerate() {
        if board.ages.is_some() {
            groups.push(vec![place]);
        } else {
            let Settings { size, rule, edges, .. } = board.settings;
            alike.entry((size, rule, edges)).or_default().push(place);
        }
    }
    for places in alike.into_values() {
        let arch = boards[places[0]].cells.arch();
        let size = boards[places[0]].settings.size;
        for together in places.chunks(many::boards_max(arch)) {
            if many::pays(arch, size, together.len(), generations) {
                groups.push(together.to_vec());
            } else {
                groups.extend(together.iter().map(|place| vec![*place]));
            }
        }
    }
    groups
}

/// The boards of a group after so many generations.
fn step_group(
    boards: &[Board],
    group: &[usize],
    generations: u64,
    work: &Work<'_>,
) -> Result<Vec<Board>, AutomatonError> {
    let mut stepped: Vec<Board> = group.iter().map(|place| boards[*place].clone()).collect();
    if let [board] = stepped.as_mut_slice() {
        board.step(generations, work)?;
    } else if generations > 0 {
        let packed: Vec<&[u8]> = group.iter().map(|place| boards[*place].cells.packed()).collect();
        let first = &boards[group[0]];
        let packed = many::advance(first.cells.arch(), &first.settings, &packed, generations, work)?;
        for (board, packed) in stepped.iter_mut().zip(packed) {
            board.advance_to(packed, generations);
        }
    }
    Ok(stepped)
}
