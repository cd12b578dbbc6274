//! Boards, stepped cell by cell: slow, and plain enough to be right. The rule is read in its usual spelling only.

use crate::bindings::belljar::plugin::automaton as wit;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::Hasher;
use twox_hash::XxHash3_64;
use wit::{Cell, Edges, Engine, Error, Info, Rectangle, Settings, Summary};

/// As much as a unit test can want of boards that are stepped cell by cell.
const SIDE_MAX: u32 = 4096;

/// How many cells [`cells`] returns at once, as the contract says.
const CELLS_MAX: usize = 1 << 20;

/// A board. Its ages are kept in any case: a cell lives if its age is above 0.
#[derive(Clone)]
struct Board {
    settings: Settings,
    /// Bit n: a dead cell with n live neighbours is born.
    birth: u32,
    /// Bit n: a live cell with n live neighbours survives.
    survival: u32,
    ages: Vec<u8>,
    generation: u64,
}

/// The boards of one thread, by id.
#[derive(Default)]
struct Boards {
    boards: BTreeMap<u64, Board>,
    last_id: u64,
}

thread_local! {
    static BOARDS: RefCell<Boards> = RefCell::default();
}

pub fn create(settings: &Settings) -> Result<u64, Error> {
    let board = Board::new(settings)?;
    BOARDS.with_borrow_mut(|boards| {
        boards.last_id += 1;
        boards.boards.insert(boards.last_id, board);
        Ok(boards.last_id)
    })
}

pub fn random(settings: &Settings, seed: u64, density: f64) -> Result<u64, Error> {
    if !(0.0..=1.0).contains(&density) {
        return Err(Error::BadDensity(format!("{density}")));
    }
    let below = (density * 4_294_967_296.0) as u64;
    create_with(settings, |at| {
        let draw = split_mix(seed, at / 2);
        let half = if at % 2 == 0 { draw & 0xffff_ffff } else { draw >> 32 };
        half < below
    })
}

pub fn from_bits(settings: &Settings, bits: &[u8]) -> Result<u64, Error> {
    let row_bytes = settings.width.div_ceil(8) as usize;
    let expected = row_bytes * settings.height as usize;
    if bits.len() != expected {
        return Err(Error::BadBits(format!("there are {} bytes, and the board has {expected}", bits.len())));
    }
    let width = u64::from(settings.width);
    create_with(settings, |at| {
        let (x, y) = (at % width, at / width);
        bits[y as usize * row_bytes + x as usize / 8] >> (x % 8) & 1 == 1
    })
}

pub fn set_cells(board: u64, cells: &[Cell], alive: bool) -> Result<(), Error> {
    with(board, |board| {
        let places: Vec<_> = cells.iter().map(|cell| board.place(*cell)).collect::<Result<_, _>>()?;
        for place in places {
            board.ages[place] = if alive { board.ages[place].max(1) } else { 0 };
        }
        Ok(())
    })?
}

pub fn step(board: u64, generations: u64) -> Result<(), Error> {
    with(board, |board| (0..generations).for_each(|_| board.step()))
}

pub fn step_many(boards: &[u64], generations: u64) -> Result<(), Error> {
    boards.iter().try_for_each(|board| with(*board, |_| ()))?;
    boards.iter().try_for_each(|board| step(*board, generations))
}

pub fn step_on(boards: &[u64], generations: u64, engine: Engine) -> Result<(), Error> {
    match engine {
        Engine::Auto | Engine::Cpu => step_many(boards, generations),
        Engine::Device => Err(Error::NoDevice("a unit test has none; call the component to use it".to_owned())),
    }
}

pub fn bits(board: u64) -> Result<Vec<u8>, Error> {
    with(board, |board| board.bits())
}

pub fn cells(board: u64, part: Rectangle) -> Result<Vec<Cell>, Error> {
    with(board, |board| {
        let end = Cell { x: part.x.saturating_add(part.width), y: part.y.saturating_add(part.height) };
        if end.x > board.settings.width || end.y > board.settings.height {
            return Err(Error::Outside(end));
        }
        let all = (part.y..end.y).flat_map(|y| (part.x..end.x).map(move |x| Cell { x, y }));
        let living: Vec<_> = all.filter(|cell| board.ages[board.index(*cell)] > 0).collect();
        if living.len() > CELLS_MAX { Err(Error::TooMany(CELLS_MAX as u64)) } else { Ok(living) }
    })?
}

pub fn population(board: u64) -> Result<u64, Error> {
    Ok(summarize(board)?.population)
}

pub fn hash(board: u64) -> Result<u64, Error> {
    Ok(summarize(board)?.hash)
}

pub fn ages(board: u64) -> Result<Vec<u8>, Error> {
    with(board, |board| if board.settings.ages { Ok(board.ages.clone()) } else { Err(Error::NoAges) })?
}

pub fn summarize(board: u64) -> Result<Summary, Error> {
    with(board, |board| Summary {
        generation: board.generation,
        population: board.ages.iter().filter(|age| **age > 0).count() as u64,
        hash: board.hash(),
    })
}

pub fn describe(board: u64) -> Result<Info, Error> {
    with(board, |board| Info {
        settings: board.settings.clone(),
        generation: board.generation,
        memory_bytes: board.ages.len() as u64,
    })
}

/// The last boards of a thread may be dropped after the thread's table is.
pub fn free(board: u64) -> Result<(), Error> {
    let freed = BOARDS.try_with(|boards| boards.borrow_mut().boards.remove(&board));
    freed.ok().flatten().map(|_| ()).ok_or(Error::UnknownBoard(board))
}

fn create_with(settings: &Settings, is_alive: impl Fn(u64) -> bool) -> Result<u64, Error> {
    let id = create(settings)?;
    with(id, |board| {
        for (at, age) in (0..).zip(&mut board.ages) {
            *age = u8::from(is_alive(at));
        }
    })?;
    Ok(id)
}

/// What `work` makes of the board.
fn with<T>(board: u64, work: impl FnOnce(&mut Board) -> T) -> Result<T, Error> {
    BOARDS.with_borrow_mut(|boards| boards.boards.get_mut(&board).map(work)).ok_or(Error::UnknownBoard(board))
}

impl Board {
    fn new(settings: &Settings) -> Result<Self, Error> {
        let sides = 1..=SIDE_MAX;
        if !sides.contains(&settings.width) || !sides.contains(&settings.height) {
            return Err(Error::BadSize(format!("a side has 1 to {SIDE_MAX} cells")));
        }
        let bad_rule = || Error::BadRule(format!("{:?} is not written as B3/S23", settings.rule));
        let counts = |text: &str, letter| {
            let numbers = text.strip_prefix(letter)?.chars().map(|digit| digit.to_digit(9));
            numbers.collect::<Option<Vec<_>>>().map(|numbers| numbers.iter().fold(0, |all, number| all | 1 << number))
        };
        let (birth, survival) = settings.rule.split_once('/').ok_or_else(bad_rule)?;
        Ok(Self {
            birth: counts(birth, 'B').ok_or_else(bad_rule)?,
            survival: counts(survival, 'S').ok_or_else(bad_rule)?,
            ages: vec![0; settings.width as usize * settings.height as usize],
            settings: settings.clone(),
            generation: 0,
        })
    }

    fn step(&mut self) {
        let all = (0..self.settings.height).flat_map(|y| (0..self.settings.width).map(move |x| Cell { x, y }));
        let next = all.map(|cell| {
            let age = self.ages[self.index(cell)];
            let counts = if age > 0 { self.survival } else { self.birth };
            if counts >> self.neighbours(cell) & 1 == 1 { age.saturating_add(1) } else { 0 }
        });
        self.ages = next.collect();
        self.generation += 1;
    }

    fn neighbours(&self, cell: Cell) -> usize {
        let around = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))).filter(|offset| *offset != (0, 0));
        around.filter(|(dx, dy)| self.is_alive(i64::from(cell.x) + dx, i64::from(cell.y) + dy)).count()
    }

    fn is_alive(&self, x: i64, y: i64) -> bool {
        let (width, height) = (i64::from(self.settings.width), i64::from(self.settings.height));
        let is_inside = (0..width).contains(&x) && (0..height).contains(&y);
        let place = y.rem_euclid(height) * width + x.rem_euclid(width);
        (is_inside || self.settings.edges == Edges::Torus) && self.ages[place as usize] > 0
    }

    fn bits(&self) -> Vec<u8> {
        let rows = self.ages.chunks(self.settings.width as usize);
        let byte = |ages: &[u8]| (0..).zip(ages).fold(0, |byte, (bit, age)| byte | u8::from(*age > 0) << bit);
        rows.flat_map(|row| row.chunks(8).map(byte)).collect()
    }

    fn hash(&self) -> u64 {
        let mut hasher = XxHash3_64::new();
        hasher.write(&u64::from(self.settings.width).to_le_bytes());
        hasher.write(&u64::from(self.settings.height).to_le_bytes());
        hasher.write(&self.bits());
        hasher.finish()
    }

    fn index(&self, cell: Cell) -> usize {
        cell.y as usize * self.settings.width as usize + cell.x as usize
    }

    fn place(&self, cell: Cell) -> Result<usize, Error> {
        let is_inside = cell.x < self.settings.width && cell.y < self.settings.height;
        if is_inside { Ok(self.index(cell)) } else { Err(Error::Outside(cell)) }
    }
}

/// The 64-bit number that SplitMix64 (Steele, Lea and Flood, 2014) gives after `index` others.
fn split_mix(seed: u64, index: u64) -> u64 {
    let state = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
