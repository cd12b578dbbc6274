//! What state a core module's instances have.

use std::collections::BTreeMap;

use wasm_encoder::{ConstExpr, RawSection};
use wasmparser::types::Types;
use wasmparser::{
    BinaryReaderError, DataKind, ElementItems, ExportSectionReader, ExternalKind, FunctionBody, FunctionSectionReader,
    GlobalType, KnownCustom, MemoryType, Name, NameSectionReader, Operator, OperatorsReader, Payload, TableInit,
    TypeRef, TypeSectionReader,
};

use super::instructions::{Effect, hidden_effect};
use super::names::Taken;
use super::words::{self, Word};
use super::{GLOBAL_WORDS_MAX, InitialData, Obstacle, PrepareError, PreparedMemory, start_only};

/// A core module: what there is to make visible, and the parts that are needed to write it again.
#[derive(Default)]
pub(super) struct Module<'a> {
    /// All sections in their order.
    pub(super) sections: Vec<RawSection<'a>>,
    pub(super) types: Option<TypeSectionReader<'a>>,
    pub(super) functions: Option<FunctionSectionReader<'a>>,
    pub(super) exports: Option<ExportSectionReader<'a>>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    pub(super) segments: Vec<Segment<'a>>,
    /// The length of the type index space.
    pub(super) type_count: u32,
    /// The length of the function index space.
    pub(super) function_count: u32,
    pub(super) start: Option<u32>,
    /// Whether instantiation copies data to a memory.
    pub(super) copies_data: bool,
    /// The memories that it defines.
    pub(super) memories: Vec<PreparedMemory<'a>>,
    /// The mutable globals that it defines.
    pub(super) words: Vec<Word>,
}

/// A data segment as it is to be written.
pub(super) enum Segment<'a> {
    /// As it was, encoded.
    Kept(&'a [u8]),
    /// Active and empty, because its contents are in [`Module::memories`].
    Emptied { memory: u32, offset: ConstExpr },
}

/// Where an instruction stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Function(u32),
    Constant(&'static str),
}

/// A look at a core module, section by section.
pub(super) struct ModuleSurvey<'a> {
    module: Module<'a>,
    source: &'a [u8],
    imported_functions: u32,
    imported_memories: u32,
    imported_globals: u32,
    /// Functions that are exported, or referred to in constants.
    exposed: Vec<u32>,
    /// The first place of each instruction that changes hidden state.
    effects: BTreeMap<&'static str, (Place, Effect)>,
    /// All functions that drop segments.
    drops: Vec<(&'static str, u32)>,
    reference_global: Option<u32>,
    shared: Option<&'static str>,
    names: Option<NameSectionReader<'a>>,
}

impl<'a> ModuleSurvey<'a> {
    /// Of a module in `source`, the bytes that the payloads' offsets refer to.
    pub(super) fn new(source: &'a [u8]) -> ModuleSurvey<'a> {
        ModuleSurvey {
            module: Module::default(),
            source,
            imported_functions: 0,
            imported_memories: 0,
            imported_globals: 0,
            exposed: Vec::new(),
            effects: BTreeMap::new(),
            drops: Vec::new(),
            reference_global: None,
            shared: None,
            names: None,
        }
    }

    /// Reads one payload, which is valid.
    pub(super) fn read(&mut self, payload: Payload<'a>, taken: &mut Taken) -> Result<(), PrepareError> {
        self.module.sections.extend(section(self.source, &payload)?);
        match payload {
            Payload::TypeSection(types) => self.module.types = Some(types),
            Payload::FunctionSection(functions) => self.module.functions = Some(functions),
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    match import?.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => self.imported_functions += 1,
                        TypeRef::Memory(_) => self.imported_memories += 1,
                        TypeRef::Global(_) => self.imported_globals += 1,
                        TypeRef::Table(_) | TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    let table = table?;
                    if table.ty.shared {
                        self.shared = Some("table");
                    }
                    if let TableInit::Expr(init) = &table.init {
                        self.constant("the initial value of a table", init.get_operators_reader())?;
                    }
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memory(&memory?);
                }
            }
            Payload::GlobalSection(globals) => {
                for (index, global) in (self.imported_globals..).zip(globals) {
                    let global = global?;
                    self.global(index, global.ty);
                    self.constant("the initial value of a global", global.init_expr.get_operators_reader())?;
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports.clone() {
                    let export = export?;
                    taken.note(export.name);
                    if matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
                        self.exposed.push(export.index);
                    }
                }
                self.module.exports = Some(exports);
            }
            Payload::StartSection { func, .. } => self.module.start = Some(func),
            Payload::ElementSection(elements) => {
                for element in elements {
                    match element?.items {
                        ElementItems::Functions(functions) => {
                            for function in functions {
                                self.exposed.push(function?);
                            }
                        }
                        ElementItems::Expressions(_, items) => {
                            for item in items {
                                self.constant("an element segment", item?.get_operators_reader())?;
                            }
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => self.body(body)?,
            Payload::DataSection(segments) => {
                for segment in segments {
                    self.segment(segment?);
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    self.names = Some(names);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn memory(&mut self, memory: &MemoryType) {
        if memory.shared {
            self.shared = Some("memory");
        }
        // A 64-bit memory may declare 2⁶⁴ bytes. No instance of it can be made, so being off by one is no matter.
        let bytes = |pages: u64| pages.saturating_mul(u64::from(memory.page_size()));
        self.module.memories.push(PreparedMemory {
            minimum_bytes: bytes(memory.initial),
            maximum_bytes: memory.maximum.map(bytes),
            data: Vec::new(),
        });
    }

    fn global(&mut self, index: u32, ty: GlobalType) {
        if ty.shared {
            self.shared = Some("global");
        }
        if ty.mutable {
            if ty.content_type.is_reference_type() {
                self.reference_global.get_or_insert(index);
            }
            self.module.words.extend(words::of_global(index, ty.content_type));
        }
    }

    fn constant(&mut self, place: &'static str, operators: OperatorsReader<'a>) -> Result<(), BinaryReaderError> {
        for operator in operators {
            let operator = operator?;
            if let Operator::RefFunc { function_index } = operator {
                self.exposed.push(function_index);
            }
            self.operator(Place::Constant(place), &operator);
        }
        Ok(())
    }

    fn body(&mut self, body: FunctionBody<'a>) -> Result<(), BinaryReaderError> {
        let function = self.imported_functions + self.module.bodies.len() as u32;
        for operator in body.get_operators_reader()? {
            self.operator(Place::Function(function), &operator?);
        }
        self.module.bodies.push(body);
        Ok(())
    }

    fn operator(&mut self, place: Place, operator: &Operator<'_>) {
        match (hidden_effect(operator), place) {
            (Some((name, Effect::DropsSegment)), Place::Function(function)) => {
                if self.drops.last() != Some(&(name, function)) {
                    self.drops.push((name, function));
                }
            }
            (Some((name, effect)), _) => {
                self.effects.entry(name).or_insert((place, effect));
            }
            (None, _) => {}
        }
    }

    /// Takes the contents of a segment out if it is certain where they go, and that they fit. Those that come after one
    /// that stays have to stay too: they may lie over it.
    fn segment(&mut self, segment: wasmparser::Data<'a>) {
        let emptied = match &segment.kind {
            DataKind::Active { memory_index, offset_expr } => {
                let offset = constant_offset(offset_expr).filter(|_| !segment.data.is_empty());
                let emptied = offset.filter(|_| !self.module.copies_data).and_then(|(offset, expression)| {
                    let ordinal = memory_index.checked_sub(self.imported_memories)?;
                    let memory = self.module.memories.get_mut(ordinal as usize)?;
                    let end = offset.checked_add(segment.data.len() as u64)?;
                    if end > memory.minimum_bytes {
                        return None;
                    }
                    memory.data.push(InitialData { offset, bytes: segment.data });
                    Some(Segment::Emptied { memory: *memory_index, offset: expression })
                });
                self.module.copies_data |= emptied.is_none() && !segment.data.is_empty();
                emptied
            }
            DataKind::Passive => None,
        };
        self.module.segments.push(emptied.unwrap_or_else(|| Segment::Kept(&self.source[segment.range])));
    }

    /// The module, which is number `ordinal` of the whole, and its obstacles.
    pub(super) fn finish(
        mut self,
        types: &Types,
        ordinal: usize,
    ) -> Result<(Module<'a>, Vec<Obstacle>), BinaryReaderError> {
        self.module.type_count = types.as_ref().core_type_count_in_module();
        self.module.function_count = types.as_ref().function_count();
        if !self.drops.is_empty() {
            let later = match self.module.start {
                Some(_) => start_only::run_later(&self.exposed, self.imported_functions, &self.module.bodies)?,
                None => vec![true; self.module.function_count as usize],
            };
            for (name, function) in std::mem::take(&mut self.drops) {
                if later[function as usize] {
                    self.effects.entry(name).or_insert((Place::Function(function), Effect::DropsSegment));
                }
            }
        }
        let obstacles = self.obstacles(ordinal);
        Ok((self.module, obstacles))
    }

    fn obstacles(&self, ordinal: usize) -> Vec<Obstacle> {
        let module = match self.module_name() {
            Some(name) => format!("core module `{name}`"),
            None => format!("core module {ordinal}"),
        };
        let mut obstacles = Vec::new();
        for (instruction, (place, effect)) in &self.effects {
            let place = match place {
                Place::Function(function) => self.function_name(*function),
                Place::Constant(place) => (*place).to_owned(),
            };
            obstacles.push(Obstacle::Instruction {
                module: module.clone(),
                place,
                instruction,
                effect: effect.predicate(),
            });
        }
        if let Some(global) = self.reference_global {
            obstacles.push(Obstacle::ReferenceGlobal { module: module.clone(), global });
        }
        if let Some(item) = self.shared {
            obstacles.push(Obstacle::Shared { module: module.clone(), item });
        }
        if self.module.words.len() > GLOBAL_WORDS_MAX {
            obstacles.push(Obstacle::TooManyGlobals { module, limit: GLOBAL_WORDS_MAX });
        }
        obstacles
    }

    /// What the name section says. One that is malformed is no reason to refuse a module, so it ends the search.
    fn names(&self) -> impl Iterator<Item = Name<'a>> {
        self.names.clone().into_iter().flatten().map_while(Result::ok)
    }

    fn module_name(&self) -> Option<&'a str> {
        self.names().find_map(|name| match name {
            Name::Module { name, .. } => Some(name),
            _ => None,
        })
    }

    fn function_name(&self, function: u32) -> String {
        let mut functions = self.names().filter_map(|name| match name {
            Name::Function(names) => Some(names),
            _ => None,
        });
        let named = functions.find_map(|names| names.into_iter().map_while(Result::ok).find(|n| n.index == function));
        match named {
            Some(naming) => format!("function `{:#}`", rustc_demangle::demangle(naming.name)),
            None => format!("function {function}"),
        }
    }
}

/// The section that a payload is, or begins with: the section of code is told before it is known to be complete.
pub(super) fn section<'a>(source: &'a [u8], payload: &Payload<'_>) -> Result<Option<RawSection<'a>>, PrepareError> {
    let Some((id, range)) = payload.as_section() else { return Ok(None) };
    let offset = range.start;
    match source.get(range) {
        Some(data) => Ok(Some(RawSection { id, data })),
        None => Err(PrepareError::Malformed { offset, message: "the section goes past the end".to_owned() }),
    }
}

/// The value of an offset that is written out as a number, and the expression to write it again.
fn constant_offset(expression: &wasmparser::ConstExpr<'_>) -> Option<(u64, ConstExpr)> {
    let mut operators = expression.get_operators_reader();
    let offset = match operators.read().ok()? {
        // The bits of an address are unsigned.
        Operator::I32Const { value } => (u64::from(value as u32), ConstExpr::i32_const(value)),
        Operator::I64Const { value } => (value as u64, ConstExpr::i64_const(value)),
        _ => return None,
    };
    matches!(operators.read(), Ok(Operator::End)).then_some(offset)
}
