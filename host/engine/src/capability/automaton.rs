//! `belljar:plugin/automaton`: boards of Life-like automata that the host keeps and steps. The boards are the crate
//! `belljar-compute`'s; here is what of it is done beside the guests, since it takes longer than a moment.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use belljar_compute::automaton::{self, AutomatonError, Board, Boards, Work};

use super::bindings::belljar::plugin::automaton::{
    Cell, Edges, Engine, Error, Host, Info, Rectangle, Settings, Summary,
};
use crate::compute::Stop;
use crate::fault::{FaultKind, raise};
use crate::state::HostState;

/// What is done on the guest's own thread, as [`Board::cost`] counts: some 100 µs of work, which is not worth a change
/// of threads.
const DONE_AT_ONCE_MAX: u64 = 1 << 22;
/// Boards that are named at once by a call that may be worth no change of threads. Even finding more takes its time.
const NAMED_AT_ONCE_MAX: usize = 128;
/// Boards whose cells are counted to see whether they are worth the way to the device.
const COUNTED_MAX: usize = 4096;
/// How much longer a cell takes to draw than to be stepped among others.
const DRAWN_FACTOR: u64 = 16;
/// How much longer a cell takes to be set or listed by its place.
const PLACED_FACTOR: u64 = 256;

impl HostState {
    /// Does something with the boards: here and now if by its cost it takes but a moment, and else off the guest's
    /// thread.
    async fn with_boards<T: Send + 'static>(
        &mut self,
        cost: u64,
        job: impl FnOnce(&mut Boards, &Work<'_>) -> Result<T, AutomatonError> + Send + 'static,
    ) -> wasmtime::Result<Result<T, Error>> {
        let (owner, started) = (self.compute.owner, Instant::now());
        if cost <= DONE_AT_ONCE_MAX {
            // It takes no turn on the threads: whoever has one may have it for longer than a guest's thread may wait.
            let here = Work { threads: None, owner, stop: &AtomicBool::new(false) };
            let outcome = job(self.compute.boards_with_room(), &here);
            self.compute.usage.operated(started.elapsed());
            return answer(outcome);
        }
        // As long as it waits for a place it has its boards.
        let place = self.services.compute.place().await;
        // A guest whose call ends before this gets no other call, so nobody misses its boards.
        let mut boards = std::mem::replace(self.compute.boards_with_room(), Boards::new(0));
        let stop = Stop::new();
        let stopped = stop.flag();
        let beside = place.run(move |threads| {
            let outcome = job(&mut boards, &Work { threads: Some(threads), owner, stop: &stopped });
            (boards, outcome)
        });
        let (boards, outcome) = beside.await?;
        self.compute.boards = boards;
        self.compute.usage.operated(started.elapsed());
        answer(outcome)
    }

    /// Reads a board, at so much more than what looking at it costs.
    async fn read_board<T: Send + 'static>(
        &mut self,
        board: u64,
        more: u64,
        read: impl FnOnce(&Board) -> Result<T, AutomatonError> + Send + 'static,
    ) -> wasmtime::Result<Result<T, Error>> {
        // Of a board that is not there nothing is read.
        let cost = self.compute.boards.get(board).map_or(0, |board| board.cost().saturating_add(more));
        self.with_boards(cost, move |boards, _| boards.get(board).and_then(read)).await
    }

    /// Steps these boards, each as often as it is named.
    async fn step_boards(&mut self, ids: Vec<u64>, generations: u64) -> wasmtime::Result<Result<(), Error>> {
        let boards = &self.compute.boards;
        let cost = if ids.len() > NAMED_AT_ONCE_MAX {
            u64::MAX
        } else {
            let costs = ids.iter().filter_map(|id| boards.get(*id).ok().map(Board::cost));
            costs.fold(0, u64::saturating_add).saturating_mul(generations)
        };
        self.with_boards(cost, move |boards, work| boards.step_many(&ids, generations, work)).await
    }

    /// Steps these boards on the device that there is, if an engine wants it for them. None if it does not.
    async fn step_boards_on_device(
        &mut self,
        ids: &[u64],
        generations: u64,
        engine: automaton::Engine,
    ) -> wasmtime::Result<Option<Result<(), AutomatonError>>> {
        let boards = &self.compute.boards;
        // Those that count ages are for the processors.
        let settings = |id: &u64| boards.get(*id).map(Board::settings).ok().filter(|settings| !settings.ages);
        let cells = |id: &u64| settings(id).map_or(0, |settings| settings.size.cells());
        let cells = ids.iter().take(COUNTED_MAX).map(cells).fold(0, u64::saturating_add);
        if cells == 0 || !engine.wants_device(cells, generations) {
            return Ok(None);
        }
        let device = match self.services.compute.device().await {
            Ok(device) if engine == automaton::Engine::Device || device.adapter().kind.is_gpu() => device,
            Ok(_) => return Ok(None),
            Err(error) => return Ok(Some(Err(error.into()))),
        };
        let (mut stepper, ids) = (self.compute.take_stepper(&device), ids.to_vec());
        let stepped = self.with_boards(u64::MAX, move |boards, work| {
            let outcome = boards.step_many_on(&mut stepper, &ids, generations, work);
            Ok((stepper, outcome))
        });
        let (stepper, outcome) = match stepped.await? {
            Ok(stepped) => stepped,
            // The job has no error of its own.
            Err(error) => return Err(raise(FaultKind::Host { message: format!("{error:?}") })),
        };
        self.compute.give_stepper(stepper, outcome.is_err());
        Ok(Some(outcome))
    }

    /// Makes a board, at this multiple of what looking at it costs, or says why not.
    async fn add_board(
        &mut self,
        settings: Settings,
        factor: u64,
        add: impl FnOnce(&mut Boards, automaton::Settings) -> Result<u64, AutomatonError> + Send + 'static,
    ) -> wasmtime::Result<Result<u64, Error>> {
        match automaton::Settings::try_from(settings) {
            Ok(settings) => {
                let cost = Board::cost_for(&settings).saturating_mul(factor);
                self.with_boards(cost, move |boards, _| add(boards, settings)).await
            }
            Err(error) => answer(Err(error)),
        }
    }

    /// Refuses to return more bytes than may pass in one call.
    fn returnable(&self, bytes: u64) -> Result<(), AutomatonError> {
        let limit = self.limits.host_call_bytes_max;
        if bytes > limit { Err(AutomatonError::TooMany { limit }) } else { Ok(()) }
    }
}

impl Host for HostState {
    async fn create(&mut self, settings: Settings) -> wasmtime::Result<Result<u64, Error>> {
        self.add_board(settings, 1, Boards::create).await
    }

    async fn random(&mut self, settings: Settings, seed: u64, density: f64) -> wasmtime::Result<Result<u64, Error>> {
        let draw = move |boards: &mut Boards, settings| boards.random(settings, seed, density);
        self.add_board(settings, DRAWN_FACTOR, draw).await
    }

    async fn from_bits(&mut self, settings: Settings, bits: Vec<u8>) -> wasmtime::Result<Result<u64, Error>> {
        self.add_board(settings, 1, move |boards, settings| boards.from_bits(settings, bits)).await
    }

    async fn set_cells(&mut self, board: u64, cells: Vec<Cell>, alive: bool) -> wasmtime::Result<Result<(), Error>> {
        // A checkpoint may share the board's cells, which are copied then.
        let copied = self.compute.boards.get(board).map_or(0, Board::cost);
        let set = (cells.len() as u64).saturating_mul(PLACED_FACTOR);
        self.with_boards(copied.saturating_add(set), move |boards, _| {
            let cells = cells.into_iter().map(|cell| automaton::Cell { x: cell.x, y: cell.y }).collect::<Vec<_>>();
            boards.get_mut(board)?.set(&cells, alive)
        })
        .await
    }

    async fn step(&mut self, board: u64, generations: u64) -> wasmtime::Result<Result<(), Error>> {
        self.step_boards(vec![board], generations).await
    }

    async fn step_many(&mut self, boards: Vec<u64>, generations: u64) -> wasmtime::Result<Result<(), Error>> {
        self.step_boards(boards, generations).await
    }

    async fn step_on(
        &mut self,
        boards: Vec<u64>,
        generations: u64,
        engine: Engine,
    ) -> wasmtime::Result<Result<(), Error>> {
        let failure = match self.step_boards_on_device(&boards, generations, engine.into()).await? {
            Some(Err(failure @ (AutomatonError::NoDevice(_) | AutomatonError::DeviceFailed(_)))) => failure,
            Some(outcome) => return answer(outcome),
            None => return self.step_boards(boards, generations).await,
        };
        // A guest whose calls may have to be repeated must not go on with an error that depends on the machine. The cells
        // are the same, whatever steps them.
        if engine == Engine::Auto || self.time.is_some() {
            tracing::debug!(%failure, "boards are stepped by the processors instead of the device");
            return self.step_boards(boards, generations).await;
        }
        answer(Err(failure))
    }

    async fn bits(&mut self, board: u64) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let size = self.compute.boards.get(board).map(|board| board.settings().size);
        match size.and_then(|size| self.returnable(size.packed_bytes() as u64)) {
            Ok(()) => self.read_board(board, 0, |board| Ok(board.bits().to_vec())).await,
            Err(error) => answer(Err(error)),
        }
    }

    async fn cells(&mut self, board: u64, part: Rectangle) -> wasmtime::Result<Result<Vec<Cell>, Error>> {
        let Rectangle { x, y, width, height } = part;
        let listed = (u64::from(width) * u64::from(height)).saturating_mul(PLACED_FACTOR);
        let part = automaton::Rectangle { x, y, width, height };
        let list =
            move |board: &Board| Ok(board.cells(part)?.into_iter().map(|cell| Cell { x: cell.x, y: cell.y }).collect());
        self.read_board(board, listed, list).await
    }

    async fn population(&mut self, board: u64) -> wasmtime::Result<Result<u64, Error>> {
        self.read_board(board, 0, |board| Ok(board.population())).await
    }

    async fn hash(&mut self, board: u64) -> wasmtime::Result<Result<u64, Error>> {
        self.read_board(board, 0, |board| Ok(board.hash())).await
    }

    async fn ages(&mut self, board: u64) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let size = self.compute.boards.get(board).map(|board| board.settings().size);
        match size.and_then(|size| self.returnable(size.cells())) {
            Ok(()) => self.read_board(board, 0, Board::ages).await,
            Err(error) => answer(Err(error)),
        }
    }

    async fn summarize(&mut self, board: u64) -> wasmtime::Result<Result<Summary, Error>> {
        let summarize = |board: &Board| {
            let automaton::Summary { generation, population, hash } = board.summary();
            Ok(Summary { generation, population, hash })
        };
        self.read_board(board, 0, summarize).await
    }

    async fn describe(&mut self, board: u64) -> wasmtime::Result<Result<Info, Error>> {
        answer(self.compute.boards.get(board).map(|board| {
            let automaton::Settings { size, rule, edges, ages } = *board.settings();
            let edges = match edges {
                automaton::Edges::Torus => Edges::Torus,
                automaton::Edges::Dead => Edges::Dead,
            };
            let settings = Settings { width: size.width(), height: size.height(), rule: rule.to_string(), edges, ages };
            Info { settings, generation: board.generation(), memory_bytes: board.memory_bytes() }
        }))
    }

    async fn free(&mut self, board: u64) -> wasmtime::Result<Result<(), Error>> {
        // To give much memory back takes its time, too.
        let cost = self.compute.boards.get(board).map_or(0, Board::cost);
        self.with_boards(cost, move |boards, _| boards.free(board)).await
    }
}

/// What the guest is told. What it can do nothing about stops it.
fn answer<T>(result: Result<T, AutomatonError>) -> wasmtime::Result<Result<T, Error>> {
    let error = match result {
        Ok(value) => return Ok(Ok(value)),
        Err(error) => error,
    };
    let text = error.to_string();
    Ok(Err(match error {
        AutomatonError::BadRule { .. } => Error::BadRule(text),
        AutomatonError::BadSize { .. } => Error::BadSize(text),
        AutomatonError::BadDensity(_) => Error::BadDensity(text),
        AutomatonError::BadBits { .. } => Error::BadBits(text),
        AutomatonError::Outside(automaton::Cell { x, y }) => Error::Outside(Cell { x, y }),
        AutomatonError::NoAges => Error::NoAges,
        AutomatonError::TooMany { limit } => Error::TooMany(limit),
        AutomatonError::UnknownBoard(board) => Error::UnknownBoard(board),
        AutomatonError::Full { .. } | AutomatonError::TooManyBoards { .. } => Error::Full(text),
        AutomatonError::NoDevice(_) => Error::NoDevice(text),
        AutomatonError::DeviceFailed(_) => Error::DeviceFailed(text),
        _ => return Err(raise(FaultKind::Host { message: text })),
    }))
}

impl From<Engine> for automaton::Engine {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Auto => automaton::Engine::Auto,
            Engine::Cpu => automaton::Engine::Cpu,
            Engine::Device => automaton::Engine::Device,
        }
    }
}

impl TryFrom<Settings> for automaton::Settings {
    type Error = AutomatonError;

    fn try_from(settings: Settings) -> Result<Self, AutomatonError> {
        let Settings { width, height, rule, edges, ages } = settings;
        let edges = match edges {
            Edges::Torus => automaton::Edges::Torus,
            Edges::Dead => automaton::Edges::Dead,
        };
        Ok(Self { size: automaton::Size::new(width, height)?, rule: rule.parse()?, edges, ages })
    }
}
