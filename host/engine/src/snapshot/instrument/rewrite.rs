//! Writes a component again, with accessors for mutable globals and without the data that was taken out.
//!
//! Everything that is added stands behind what is there, so no index changes; every section that need not change is
//! copied byte by byte.

use wasm_encoder::reencode::{Reencode as _, RoundtripReencoder};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CodeSection, ComponentAliasSection, ComponentExportKind, ComponentExportSection,
    ComponentTypeSection, ComponentValType, DataSection, ExportKind, ExportSection, FunctionSection, PrimitiveValType,
    RawSection, SectionId, TypeSection,
};

use super::module::{Module, Segment};
use super::names::Prefix;
use super::survey::{Component, Instantiation, Section, Survey};
use super::{PrepareError, words};

/// The order in which the sections of a core module come.
const ORDER: [SectionId; 13] = [
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
    SectionId::Tag,
    SectionId::Global,
    SectionId::Export,
    SectionId::Start,
    SectionId::Element,
    SectionId::DataCount,
    SectionId::Code,
    SectionId::Data,
];

/// The sections of a core module.
type Sections<'a> = Vec<Box<dyn wasm_encoder::Section + 'a>>;

/// The component that the survey was made of, changed.
pub(super) fn rewrite(survey: &Survey<'_>) -> Result<Vec<u8>, PrepareError> {
    encode_component(survey, survey.root())
}

/// As deep a recursion as components are nested, which is limited.
fn encode_component(survey: &Survey<'_>, component: &Component<'_>) -> Result<Vec<u8>, PrepareError> {
    let mut output = wasm_encoder::Component::new();
    for section in &component.sections {
        match section {
            Section::Verbatim(section) => output.section(section),
            Section::Module(id) => {
                let bytes = encode_module(survey.module(*id), &survey.prefix)?;
                output.section(&RawSection { id: wasm_encoder::ComponentSectionId::CoreModule.into(), data: &bytes })
            }
            Section::Component(id) => {
                let bytes = encode_component(survey, survey.component(*id))?;
                output.section(&RawSection { id: wasm_encoder::ComponentSectionId::Component.into(), data: &bytes })
            }
        };
    }
    export_accessors(survey, component, &mut output);
    Ok(output.finish())
}

/// Makes exports of the accessors of all core instances with mutable globals that the component makes itself, and of
/// all accessors that its nested instances export.
fn export_accessors(survey: &Survey<'_>, component: &Component<'_>, output: &mut wasm_encoder::Component) {
    let accessors = survey.accessors(component);
    if accessors.is_empty() {
        return;
    }
    let word = ("word", ComponentValType::Primitive(PrimitiveValType::U32));
    let value = ("value", ComponentValType::Primitive(PrimitiveValType::U64));
    let mut types = ComponentTypeSection::new();
    types.function().params([word]).result(Some(value.1));
    types.function().params([word, value]).result(None);
    output.section(&types);
    let (getter_type, setter_type) = (component.counts.types, component.counts.types + 1);

    // Every accessor becomes a function of this component, in order, and so takes the next two indices.
    let mut core_function = component.counts.core_functions;
    for instantiation in &component.instantiations {
        let mut aliases = ComponentAliasSection::new();
        match *instantiation {
            Instantiation::Core { instance, module } if !survey.module(module).words.is_empty() => {
                for name in [survey.prefix.core_getter(), survey.prefix.core_setter()] {
                    aliases.alias(Alias::CoreInstanceExport { instance, kind: ExportKind::Func, name: &name });
                }
                let mut lifts = CanonicalFunctionSection::new();
                lifts.lift(core_function, getter_type, []).lift(core_function + 1, setter_type, []);
                core_function += 2;
                output.section(&aliases).section(&lifts);
            }
            Instantiation::Core { .. } => {}
            Instantiation::Nested { instance, component } => {
                for accessor in survey.accessors(survey.component(component)) {
                    for name in [&accessor.getter, &accessor.setter] {
                        aliases.alias(Alias::InstanceExport { instance, kind: ComponentExportKind::Func, name });
                    }
                }
                output.section(&aliases);
            }
        }
    }
    let mut exports = ComponentExportSection::new();
    let names = accessors.iter().flat_map(|accessor| [&accessor.getter, &accessor.setter]);
    for (function, name) in (component.counts.functions..).zip(names) {
        exports.export(name.as_str(), ComponentExportKind::Func, function, None);
    }
    output.section(&exports);
}

fn encode_module(module: &Module<'_>, prefix: &Prefix) -> Result<Vec<u8>, PrepareError> {
    let mut sections: Sections<'_> = Vec::with_capacity(module.sections.len());
    for section in &module.sections {
        sections.push(Box::new(*section));
    }
    if !module.words.is_empty() {
        add_accessors(module, prefix, &mut sections)?;
    }
    if module.segments.iter().any(|segment| matches!(segment, Segment::Emptied { .. })) {
        put(&mut sections, encode_data(module));
    }
    let mut bytes = wasm_encoder::Module::HEADER.to_vec();
    for section in &sections {
        section.append_to(&mut bytes);
    }
    Ok(bytes)
}

fn encode_data(module: &Module<'_>) -> DataSection {
    let mut data = DataSection::new();
    for segment in &module.segments {
        match segment {
            Segment::Kept(encoded) => data.raw(encoded),
            Segment::Emptied { memory, offset } => data.active(*memory, offset, []),
        };
    }
    data
}

/// Adds two functions and what belongs to them: their types, bodies and exports.
fn add_accessors(module: &Module<'_>, prefix: &Prefix, sections: &mut Sections<'_>) -> Result<(), PrepareError> {
    let mut types = TypeSection::new();
    let mut functions = FunctionSection::new();
    let mut exports = ExportSection::new();
    let mut code = CodeSection::new();
    if let Some(old) = &module.types {
        RoundtripReencoder.parse_type_section(&mut types, old.clone()).map_err(not_encodable)?;
    }
    if let Some(old) = &module.functions {
        RoundtripReencoder.parse_function_section(&mut functions, old.clone()).map_err(not_encodable)?;
    }
    if let Some(old) = &module.exports {
        RoundtripReencoder.parse_export_section(&mut exports, old.clone()).map_err(not_encodable)?;
    }
    for body in &module.bodies {
        code.raw(body.as_bytes());
    }
    let added = [
        (prefix.core_getter(), words::GETTER, words::getter(&module.words)),
        (prefix.core_setter(), words::SETTER, words::setter(&module.words)),
    ];
    for (index, (name, (params, results), body)) in (0..).zip(added) {
        types.ty().function(params.iter().copied(), results.iter().copied());
        functions.function(module.type_count + index);
        exports.export(&name, ExportKind::Func, module.function_count + index);
        code.function(&body);
    }
    put(sections, types);
    put(sections, functions);
    put(sections, exports);
    put(sections, code);
    Ok(())
}

/// Puts a section in the place of the one with its id, or where one with its id has to be.
fn put<'a>(sections: &mut Sections<'a>, section: impl wasm_encoder::Section + 'a) {
    // Custom sections have no rank: they may stand anywhere.
    let rank = |id: u8| ORDER.iter().position(|ordered| *ordered as u8 == id);
    let id = section.id();
    match sections.iter().position(|other| other.id() == id) {
        Some(place) => sections[place] = Box::new(section),
        None => {
            let place = sections.iter().position(|other| rank(other.id()) > rank(id)).unwrap_or(sections.len());
            sections.insert(place, Box::new(section));
        }
    }
}

fn not_encodable(error: wasm_encoder::reencode::Error) -> PrepareError {
    PrepareError::Malformed { offset: 0, message: error.to_string() }
}
