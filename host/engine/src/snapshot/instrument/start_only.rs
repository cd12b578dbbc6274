//! Which functions can run after a core module's start function has returned.
//!
//! The linkers of threaded programs put `data.drop` into a start function. That is no obstacle, because a fresh
//! instance runs it again, as long as nothing else can. A function may run later if it is exported, if a reference
//! to it exists (in a table, a global, or made by `ref.func`), or if such a function calls it.

use wasmparser::{BinaryReaderError, FunctionBody, Operator};

/// For each function of a module, by index, whether it may run after the start function.
///
/// `exposed` are the functions that are exported, or referred to outside of function bodies; `bodies` are those of
/// the functions from index `imported` on.
pub(super) fn run_later(
    exposed: &[u32],
    imported: u32,
    bodies: &[FunctionBody<'_>],
) -> Result<Vec<bool>, BinaryReaderError> {
    let mut callees = Vec::with_capacity(bodies.len());
    let mut open = exposed.to_vec();
    for body in bodies {
        let mut called = Vec::new();
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                    called.push(function_index);
                }
                Operator::RefFunc { function_index } => open.push(function_index),
                _ => {}
            }
        }
        callees.push(called);
    }
    let mut later = vec![false; imported as usize + bodies.len()];
    while let Some(function) = open.pop() {
        let Some(seen) = later.get_mut(function as usize) else { continue };
        if !std::mem::replace(seen, true)
            && let Some(body) = function.checked_sub(imported)
        {
            open.append(&mut callees[body as usize]);
        }
    }
    Ok(later)
}
