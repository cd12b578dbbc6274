//! Which instructions change state that is neither in a linear memory nor in a global.
//!
//! The instructions that write are few, and each names the kind of state that it writes to. Everything else
//! computes, moves control, or writes to memories and globals (`memory.init` too: it only reads the segment).
//! Instructions that write *into* the garbage-collected heap need no entry: nothing is there without one that
//! allocates. Waiting and notifying need none either: without shared memories, which are obstacles, nobody waits.

use wasmparser::Operator;

/// State that is hidden from a snapshot, as far as one instruction changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Writes to a table, or makes it longer.
    ChangesTable,
    /// Drops a data or element segment. Does nothing when it is done again.
    DropsSegment,
    /// Allocates in the garbage-collected heap.
    AllocatesObject,
    /// Makes a continuation: a stack that may stay suspended between calls.
    SuspendsStack,
}

impl Effect {
    /// The predicate of a sentence whose subject is a function.
    pub(super) fn predicate(self) -> &'static str {
        match self {
            Effect::ChangesTable => "changes a table at run time",
            Effect::DropsSegment => "drops a segment at run time",
            Effect::AllocatesObject => "allocates in the garbage-collected heap",
            Effect::SuspendsStack => "makes a continuation",
        }
    }
}

/// The instruction's name and its effect on hidden state, if it has one.
pub(super) fn hidden_effect(operator: &Operator<'_>) -> Option<(&'static str, Effect)> {
    use Operator as O;
    let named = match operator {
        O::TableSet { .. } => ("table.set", Effect::ChangesTable),
        O::TableGrow { .. } => ("table.grow", Effect::ChangesTable),
        O::TableFill { .. } => ("table.fill", Effect::ChangesTable),
        O::TableCopy { .. } => ("table.copy", Effect::ChangesTable),
        O::TableInit { .. } => ("table.init", Effect::ChangesTable),
        O::TableAtomicSet { .. } => ("table.atomic.set", Effect::ChangesTable),
        O::TableAtomicRmwXchg { .. } => ("table.atomic.rmw.xchg", Effect::ChangesTable),
        O::TableAtomicRmwCmpxchg { .. } => ("table.atomic.rmw.cmpxchg", Effect::ChangesTable),
        O::DataDrop { .. } => ("data.drop", Effect::DropsSegment),
        O::ElemDrop { .. } => ("elem.drop", Effect::DropsSegment),
        O::StructNew { .. } => ("struct.new", Effect::AllocatesObject),
        O::StructNewDefault { .. } => ("struct.new_default", Effect::AllocatesObject),
        O::StructNewDesc { .. } => ("struct.new_desc", Effect::AllocatesObject),
        O::StructNewDefaultDesc { .. } => ("struct.new_default_desc", Effect::AllocatesObject),
        O::ArrayNew { .. } => ("array.new", Effect::AllocatesObject),
        O::ArrayNewDefault { .. } => ("array.new_default", Effect::AllocatesObject),
        O::ArrayNewFixed { .. } => ("array.new_fixed", Effect::AllocatesObject),
        O::ArrayNewData { .. } => ("array.new_data", Effect::AllocatesObject),
        O::ArrayNewElem { .. } => ("array.new_elem", Effect::AllocatesObject),
        O::ContNew { .. } => ("cont.new", Effect::SuspendsStack),
        _ => return None,
    };
    Some(named)
}
