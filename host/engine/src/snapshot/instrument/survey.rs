//! A look at a whole component: its modules, the components nested in it, and who instantiates what.
//!
//! Nothing is copied: a survey refers to the bytes of the component that it is of.

mod walk;

use wasm_encoder::RawSection;

use super::module::Module;
use super::names::Prefix;
use super::{GlobalAccessor, Obstacle, PrepareError};

/// The place of a module among all of a survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ModuleId(usize);

/// The place of a component among all of a survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ComponentId(usize);

/// All parts of a component.
pub(super) struct Survey<'a> {
    modules: Vec<Module<'a>>,
    /// Each after those that are nested in it, so the outermost is the last.
    components: Vec<Component<'a>>,
    /// Why it is not snapshotable.
    pub(super) obstacles: Vec<Obstacle>,
    /// What names of new exports begin with.
    pub(super) prefix: Prefix,
}

/// A component, the outermost or a nested one.
#[derive(Default)]
pub(super) struct Component<'a> {
    /// Its sections in their order.
    pub(super) sections: Vec<Section<'a>>,
    /// What it instantiates, in this order.
    pub(super) instantiations: Vec<Instantiation>,
    /// The modules of all core instances that one instantiation of it makes, nested ones included, in this order.
    pub(super) core_instances: Vec<ModuleId>,
    /// The lengths of three of its index spaces.
    pub(super) counts: Counts,
}

/// Lengths of index spaces of a component.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) core_functions: u32,
    pub(super) functions: u32,
    pub(super) types: u32,
}

/// A section of a component.
pub(super) enum Section<'a> {
    Verbatim(RawSection<'a>),
    Module(ModuleId),
    Component(ComponentId),
}

/// An instance that a component makes; `instance` is its index there.
#[derive(Debug, Clone, Copy)]
pub(super) enum Instantiation {
    Core { instance: u32, module: ModuleId },
    Nested { instance: u32, component: ComponentId },
}

impl<'a> Survey<'a> {
    /// Looks at a component.
    pub(super) fn of(source: &'a [u8]) -> Result<Survey<'a>, PrepareError> {
        walk::walk(source)
    }

    /// The outermost component.
    pub(super) fn root(&self) -> &Component<'a> {
        self.components.last().expect("a survey has at least one component")
    }

    /// One of its modules.
    pub(super) fn module(&self, id: ModuleId) -> &Module<'a> {
        &self.modules[id.0]
    }

    /// One of its components.
    pub(super) fn component(&self, id: ComponentId) -> &Component<'a> {
        &self.components[id.0]
    }

    /// The functions for mutable globals that a component is going to export.
    pub(super) fn accessors(&self, component: &Component<'a>) -> Vec<GlobalAccessor> {
        let words = component.core_instances.iter().map(|module| self.module(*module).words.len() as u32);
        let accessor = |(ordinal, words)| GlobalAccessor {
            getter: self.prefix.getter(ordinal),
            setter: self.prefix.setter(ordinal),
            words,
        };
        words.filter(|words| *words > 0).enumerate().map(accessor).collect()
    }
}
