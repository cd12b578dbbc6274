//! The two functions that read and write the mutable globals of a core module.
//!
//! One pair for all globals of a module, and not one for each, because a component that links shared libraries
//! (Python's) has hundreds of mutable globals, and every exported function costs time at load.

use wasm_encoder::{Function, InstructionSink, ValType};
use wasmparser::ValType as GlobalContent;

/// 64 bits of a core module's mutable globals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    global: u32,
    part: Part,
}

/// What of its global a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    I32,
    I64,
    F32,
    F64,
    Lane(u8),
}

/// The parameters and results of the getter: word → value.
pub(super) const GETTER: (&[ValType], &[ValType]) = (&[ValType::I32], &[ValType::I64]);
/// The parameters and results of the setter: word, value → nothing.
pub(super) const SETTER: (&[ValType], &[ValType]) = (&[ValType::I32, ValType::I64], &[]);

/// The words of a global, none for a reference.
pub(super) fn of_global(global: u32, content: GlobalContent) -> impl Iterator<Item = Word> {
    let parts: &[Part] = match content {
        GlobalContent::I32 => &[Part::I32],
        GlobalContent::I64 => &[Part::I64],
        GlobalContent::F32 => &[Part::F32],
        GlobalContent::F64 => &[Part::F64],
        GlobalContent::V128 => &[Part::Lane(0), Part::Lane(1)],
        GlobalContent::Ref(_) => &[],
    };
    parts.iter().map(move |part| Word { global, part: *part })
}

/// A function that returns the word whose number is its argument.
pub(super) fn getter(words: &[Word]) -> Function {
    select(words, |code, word| {
        code.global_get(word.global);
        match word.part {
            Part::I64 => {}
            Part::I32 => {
                code.i64_extend_i32_u();
            }
            Part::F32 => {
                code.i32_reinterpret_f32().i64_extend_i32_u();
            }
            Part::F64 => {
                code.i64_reinterpret_f64();
            }
            Part::Lane(lane) => {
                code.i64x2_extract_lane(lane);
            }
        }
    })
}

/// A function that gives the word whose number is its first argument the value of its second.
pub(super) fn setter(words: &[Word]) -> Function {
    select(words, |code, word| {
        if let Part::Lane(_) = word.part {
            code.global_get(word.global);
        }
        code.local_get(1);
        match word.part {
            Part::I64 => {}
            Part::I32 => {
                code.i32_wrap_i64();
            }
            Part::F32 => {
                code.i32_wrap_i64().f32_reinterpret_i32();
            }
            Part::F64 => {
                code.f64_reinterpret_i64();
            }
            Part::Lane(lane) => {
                code.i64x2_replace_lane(lane);
            }
        }
        code.global_set(word.global);
    })
}

/// A function that does with one of the words what `access` makes code for, and returns; it traps if its first
/// argument is not a word's number. One block for each word, all of them around a jump table.
fn select(words: &[Word], access: impl Fn(&mut InstructionSink<'_>, Word)) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    let blocks = 0..words.len() as u32;
    // The outermost block is where a wrong number goes.
    code.block(wasm_encoder::BlockType::Empty);
    for _ in blocks.clone() {
        code.block(wasm_encoder::BlockType::Empty);
    }
    code.local_get(0).br_table(blocks.clone().collect::<Vec<_>>(), blocks.end).end();
    for word in words {
        access(&mut code, *word);
        code.return_().end();
    }
    code.unreachable().end();
    function
}
