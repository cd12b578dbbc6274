//! Makes all of a component's state visible from outside, before the component is compiled.
//!
//! A snapshot is taken between calls (a call ends with its post-return function), when no guest frame is on a stack,
//! and it is given to a *fresh* instance of the same component. So what it has to carry is whatever can differ, between two calls, from what instantiation
//! alone brings about. The specification gives a core instance these kinds of state and no others:
//!
//! | state | how it is carried |
//! | --- | --- |
//! | linear memories | by the engine, which owns them; [`Prepared::memories`] says how many there are and in which order they appear. A shared memory can be changed by another thread at any time: obstacle |
//! | mutable globals of numbers and vectors | by a pair of exported functions for each core instance that defines some: [`GlobalAccessor`] |
//! | mutable globals of references | not possible, a reference has no value outside of its instance: obstacle |
//! | tables | equal in every fresh instance, because active element segments fill them, and constant from then on unless an instruction writes to one: obstacle |
//! | the "dropped" flags of data and element segments | likewise, unless code that runs after the start function drops one: obstacle. Code that only the start function reaches runs again in every fresh instance |
//! | the garbage-collected heap, continuations | obstacle as soon as the component can allocate there |
//! | handles: resources, streams, futures, waitables, subtasks | obstacle as soon as the component can get one, by a canonical built-in or by an import |
//!
//! Nothing else outlives a call: locals and operands are on the stack, functions and types are code, immutable
//! globals are set by instantiation, exceptions live in one of the places above. A global, a table and a memory
//! that a core instance imports is looked at where it is *defined*; since whole components are looked at, with all
//! components nested in them, it always is defined in a place that is looked at, or else that is an obstacle too.
//! (A component cannot import them: components share no memory.) The state of the host for this instance, such as
//! ids of objects, is the engine's business, and the reason why interfaces of `belljar:plugin` identify everything
//! by numbers.
//!
//! Two changes are made to the component, and nothing in it gets another index:
//!
//! - Core modules with mutable globals get two functions at the end of their function index space, which read and
//!   write a global bit by bit. Each component gets, at its end, an alias, a lift and an export of each such
//!   function of each core instance, and of those that the components have which it instantiates.
//! - Active data segments that certainly fit into a memory of the same module become empty, and their contents are
//!   handed to the engine ([`PreparedMemory::data`]), which maps them instead of having them copied for every
//!   instance. Segments into imported memories and with computed offsets stay, and so do those behind them, which
//!   may lie over them: instantiation writes them, and what is mapped over the memory afterwards wins.

mod builtins;
mod imports;
mod instructions;
mod module;
mod names;
mod obstacle;
mod rewrite;
#[cfg(test)]
pub(crate) mod samples;
mod start_only;
mod survey;
mod words;

use std::collections::HashSet;

pub(crate) use obstacle::Obstacle;

/// The version of what is done to a component, for whoever keeps what was made of it.
pub(crate) const INSTRUMENTATION: u32 = 1;
/// Core modules and components in one component, itself included: 1,000.
pub(crate) const PARTS_MAX: usize = 1_000;
/// Components within components, the outermost included: 32. Tools that compose components nest them 2 or 3 deep.
pub(crate) const NESTING_MAX: usize = 32;
/// Core instances that one instantiation of the component makes, in all nested instances together: 1,000, ten times
/// as many as an instance may have by default. Components that instantiate one another can make 2ⁿ of them.
pub(crate) const CORE_INSTANCES_MAX: usize = 1_000;
/// Words of mutable globals in one core module: 16,384. A Python component has 490.
pub(crate) const GLOBAL_WORDS_MAX: usize = 16_384;

/// What can be done about the state of a component's instances.
#[derive(Debug)]
pub(crate) enum Preparation<'a> {
    /// A snapshot of memories and globals is all of it.
    Snapshotable(Prepared<'a>),
    /// There is state that a snapshot would miss, for at least one reason. The component is to be compiled as it is.
    NotSnapshotable(Vec<Obstacle>),
}

impl Preparation<'_> {
    /// The names of the exported functions that are no methods of the plugin's.
    pub(crate) fn accessors(&self) -> HashSet<&str> {
        match self {
            Preparation::Snapshotable(prepared) => {
                prepared.globals.iter().flat_map(|global| [global.getter.as_str(), global.setter.as_str()]).collect()
            }
            Preparation::NotSnapshotable(_) => HashSet::new(),
        }
    }
}

/// A component whose state can be read and written, and what there is of it.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    /// The component to compile.
    pub(crate) bytes: Vec<u8>,
    /// Its linear memories, in the order in which instantiation creates them.
    pub(crate) memories: Vec<PreparedMemory<'a>>,
    /// Its mutable globals, by core instance, in the order in which these are instantiated.
    pub(crate) globals: Vec<GlobalAccessor>,
    /// Whether instantiation does anything to memories and globals that has to be undone when an instance is to go on
    /// where another one was: some core module has a start function, or a data segment that stays. What a start
    /// function does is taken to be the same in every instance, which it is unless it calls an import of the
    /// component: that cannot be seen from outside with certainty, so the engine has to watch for it when it
    /// instantiates.
    pub(crate) has_start: bool,
}

/// A linear memory that instantiation creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PreparedMemory<'a> {
    /// Its declared size at the start.
    pub(crate) minimum_bytes: u64,
    /// Its declared maximum, if it has one.
    pub(crate) maximum_bytes: Option<u64>,
    /// What was taken out of its module's data segments. They lie within the minimum size, have at least one byte,
    /// and are to be written in this order: a later one may overwrite an earlier one.
    pub(crate) data: Vec<InitialData<'a>>,
}

/// Bytes that a memory has from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InitialData<'a> {
    /// Where they go.
    pub(crate) offset: u64,
    /// The bytes, in the component that was prepared.
    pub(crate) bytes: &'a [u8],
}

/// Access to the mutable globals of one core instance, as two functions that the prepared component exports.
///
/// The globals are seen as words of 64 bits, numbered in the order of their definition: an `i32` and an `f32` is the
/// low half of one word, a `v128` is two words, the low half first. Floats go by their bits, so a NaN keeps its
/// payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GlobalAccessor {
    /// The name of the exported `func(word: u32) -> u64`. It traps if there is no such word.
    pub(crate) getter: String,
    /// The name of the exported `func(word: u32, value: u64)`. It traps if there is no such word, and ignores the
    /// high half of the value where the word has only a low one.
    pub(crate) setter: String,
    /// How many words there are: at least one, at most [`GLOBAL_WORDS_MAX`].
    pub(crate) words: u32,
}

/// Why a component cannot be prepared. Trying again does not help.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PrepareError {
    /// It is not valid WebAssembly.
    #[error("it is malformed at byte {offset}: {message}")]
    Malformed {
        /// Where, in bytes from the start.
        offset: usize,
        /// The parser's reason.
        message: String,
    },
    /// It is a core module.
    #[error("it is a core module, not a component")]
    NotAComponent,
    /// It goes past a limit.
    #[error("it has more than {limit} {what}: merge some of them")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

impl From<wasmparser::BinaryReaderError> for PrepareError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        PrepareError::Malformed { offset: error.offset(), message: error.message().to_owned() }
    }
}

/// Looks at a whole component and makes its state visible, or says why that is not possible.
///
/// Takes time in proportion to the size of the code (0.2 s for 18 MB) and changes nothing about what
/// the component does. Function bodies are read but not validated: that is left to the compiler.
///
/// # Errors
///
/// See [`PrepareError`].
pub(crate) fn prepare(component: &[u8]) -> Result<Preparation<'_>, PrepareError> {
    let survey = survey::Survey::of(component)?;
    if !survey.obstacles.is_empty() {
        return Ok(Preparation::NotSnapshotable(survey.obstacles));
    }
    let bytes = rewrite::rewrite(&survey)?;
    let root = survey.root();
    let modules = || root.core_instances.iter().map(|module| survey.module(*module));
    Ok(Preparation::Snapshotable(Prepared {
        bytes,
        memories: modules().flat_map(|module| module.memories.iter().cloned()).collect(),
        globals: survey.accessors(root),
        has_start: modules().any(|module| module.start.is_some() || module.copies_data),
    }))
}

#[cfg(test)]
mod tests;
