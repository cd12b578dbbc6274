//! The pass over a component from which a survey is made.
//!
//! A component is a list of definitions, each of which refers to earlier ones by their index. So one pass from front
//! to back knows, at every instantiation, which module or component is instantiated: it is written out in this
//! component or in one around it. What comes from an import or from an export of an instance is not followed. It
//! makes no difference for the host (a module cannot be given to a component from outside), and no tool composes
//! components in that way.

use wasmparser::types::{Types, TypesRef};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Encoding,
    Instance, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

use super::super::module::{self, Module, ModuleSurvey};
use super::super::names::Taken;
use super::super::{CORE_INSTANCES_MAX, NESTING_MAX, Obstacle, PARTS_MAX, PrepareError, builtins, imports};
use super::{Component, ComponentId, Counts, Instantiation, ModuleId, Section, Survey};

/// Looks at a component from front to back.
pub(super) fn walk(source: &[u8]) -> Result<Survey<'_>, PrepareError> {
    // Every feature is switched on, to name what a snapshot would miss rather than to call it malformed. What
    // the engine cannot run is refused when it is compiled.
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut walk = Walk::new(source);
    for payload in Parser::new(0).parse_all(source) {
        let payload = payload?;
        match validator.payload(&payload)? {
            ValidPayload::End(types) => walk.end(&types)?,
            _ => match &payload {
                Payload::Version { encoding, .. } => walk.begin(*encoding)?,
                _ => walk.payload(payload, validator.types(0))?,
            },
        }
    }
    walk.finish()
}

/// The state of the pass over all payloads.
struct Walk<'a> {
    source: &'a [u8],
    modules: Vec<Module<'a>>,
    components: Vec<Component<'a>>,
    obstacles: Vec<Obstacle>,
    taken: Taken,
    /// The components that the pass is in, the outermost first.
    open: Vec<OpenComponent<'a>>,
    /// The module that it is in.
    open_module: Option<ModuleSurvey<'a>>,
}

/// A component whose end was not reached yet.
#[derive(Default)]
struct OpenComponent<'a> {
    component: Component<'a>,
    /// Its index space of core modules; none where the code is not known.
    modules: Vec<Option<ModuleId>>,
    /// Its index space of components.
    components: Vec<Option<ComponentId>>,
    /// Names of its imports.
    imports: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn new(source: &'a [u8]) -> Walk<'a> {
        Walk {
            source,
            modules: Vec::new(),
            components: Vec::new(),
            obstacles: Vec::new(),
            taken: Taken::default(),
            open: Vec::new(),
            open_module: None,
        }
    }

    fn begin(&mut self, encoding: Encoding) -> Result<(), PrepareError> {
        let parts = self.modules.len() + self.components.len() + self.open.len();
        if parts >= PARTS_MAX {
            return Err(PrepareError::TooLarge { what: "modules and components", limit: PARTS_MAX });
        }
        match encoding {
            Encoding::Module if self.open.is_empty() => return Err(PrepareError::NotAComponent),
            Encoding::Module => self.open_module = Some(ModuleSurvey::new(self.source)),
            Encoding::Component if self.open.len() >= NESTING_MAX => {
                return Err(PrepareError::TooLarge { what: "components within one another", limit: NESTING_MAX });
            }
            Encoding::Component => self.open.push(OpenComponent::default()),
        }
        Ok(())
    }

    fn end(&mut self, types: &Types) -> Result<(), PrepareError> {
        if let Some(module) = self.open_module.take() {
            let id = ModuleId(self.modules.len());
            let (module, obstacles) = module.finish(types, id.0)?;
            self.modules.push(module);
            self.obstacles.extend(obstacles);
            if let Some(parent) = self.open.last_mut() {
                parent.component.sections.push(Section::Module(id));
                parent.modules.push(Some(id));
            }
        } else if let Some(mut ended) = self.open.pop() {
            let types = types.as_ref();
            let id = ComponentId(self.components.len());
            ended.component.counts = Counts {
                core_functions: types.function_count(),
                functions: types.component_function_count(),
                types: types.component_type_count(),
            };
            self.components.push(ended.component);
            match self.open.last_mut() {
                Some(parent) => {
                    parent.component.sections.push(Section::Component(id));
                    parent.components.push(Some(id));
                }
                None => {
                    let imports = ended.imports.iter();
                    let judged = imports.filter_map(|name| {
                        let item = types.component_item_for_import(name)?;
                        imports::judge(name, &item.ty, types)
                    });
                    self.obstacles.extend(judged);
                }
            }
        }
        Ok(())
    }

    fn payload(&mut self, payload: Payload<'a>, types: Option<TypesRef<'_>>) -> Result<(), PrepareError> {
        if let Some(module) = &mut self.open_module {
            return module.read(payload, &mut self.taken);
        }
        let (Some(types), Some(current)) = (types, self.open.last_mut()) else { return Ok(()) };
        // The two kinds of section that have parts of their own are added at the end of these parts.
        if !matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) {
            let section = module::section(self.source, &payload)?;
            current.component.sections.extend(section.map(Section::Verbatim));
        }
        match payload {
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    let import = import?;
                    current.imports.push(import.name.name);
                    match import.ty {
                        ComponentTypeRef::Module(_) => current.modules.push(None),
                        ComponentTypeRef::Component(_) => current.components.push(None),
                        _ => {}
                    }
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases {
                    self.alias(&alias?);
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    self.taken.note(export.name.name);
                    // An export is a definition too: it gives the thing one more index.
                    match export.kind {
                        ComponentExternalKind::Module => current.modules.push(at(&current.modules, export.index)),
                        ComponentExternalKind::Component => {
                            current.components.push(at(&current.components, export.index));
                        }
                        _ => {}
                    }
                }
            }
            Payload::InstanceSection(instances) => {
                let first = types.core_instance_count() - instances.count();
                for (instance, definition) in (first..).zip(instances) {
                    if let Instance::Instantiate { module_index, .. } = definition? {
                        self.instantiate_module(instance, module_index)?;
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                let first = types.component_instance_count() - instances.count();
                for (instance, definition) in (first..).zip(instances) {
                    if let ComponentInstance::Instantiate { component_index, .. } = definition? {
                        self.instantiate_component(instance, component_index)?;
                    }
                }
            }
            Payload::ComponentCanonicalSection(functions) => {
                for function in functions {
                    self.obstacles.extend(builtins::judge(&function?));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        let Some((current, around)) = self.open.split_last_mut() else { return };
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => current.modules.push(None),
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                current.components.push(None);
            }
            ComponentAlias::Outer { kind, count, index } => {
                // The count says how many components further out; 0 is the current one.
                let outer = match *count as usize {
                    0 => Some(&*current),
                    count => around.len().checked_sub(count).and_then(|place| around.get(place)),
                };
                match kind {
                    ComponentOuterAliasKind::CoreModule => {
                        let module = outer.and_then(|outer| at(&outer.modules, *index));
                        current.modules.push(module);
                    }
                    ComponentOuterAliasKind::Component => {
                        let component = outer.and_then(|outer| at(&outer.components, *index));
                        current.components.push(component);
                    }
                    ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {}
                }
            }
            _ => {}
        }
    }

    fn instantiate_module(&mut self, instance: u32, index: u32) -> Result<(), PrepareError> {
        let Some(current) = self.open.last_mut() else { return Ok(()) };
        match at(&current.modules, index) {
            Some(module) => {
                current.component.instantiations.push(Instantiation::Core { instance, module });
                current.component.add_core_instances(&[module])
            }
            None => {
                self.obstacles.push(Obstacle::Unresolved { kind: "core module", index });
                Ok(())
            }
        }
    }

    fn instantiate_component(&mut self, instance: u32, index: u32) -> Result<(), PrepareError> {
        let Some(current) = self.open.last_mut() else { return Ok(()) };
        match at(&current.components, index) {
            Some(component) => {
                current.component.instantiations.push(Instantiation::Nested { instance, component });
                current.component.add_core_instances(&self.components[component.0].core_instances)
            }
            None => {
                self.obstacles.push(Obstacle::Unresolved { kind: "component", index });
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<Survey<'a>, PrepareError> {
        if self.components.is_empty() {
            return Err(PrepareError::NotAComponent);
        }
        Ok(Survey {
            modules: self.modules,
            components: self.components,
            obstacles: self.obstacles,
            prefix: self.taken.free_prefix(),
        })
    }
}

impl Component<'_> {
    fn add_core_instances(&mut self, modules: &[ModuleId]) -> Result<(), PrepareError> {
        if self.core_instances.len() + modules.len() > CORE_INSTANCES_MAX {
            return Err(PrepareError::TooLarge { what: "core instances", limit: CORE_INSTANCES_MAX });
        }
        self.core_instances.extend_from_slice(modules);
        Ok(())
    }
}

/// What stands at an index of an index space.
fn at<T: Copy>(space: &[Option<T>], index: u32) -> Option<T> {
    space.get(index as usize).copied().flatten()
}
