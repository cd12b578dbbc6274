//! What a component exports, as methods: every function of its world and of its exported interfaces. Each
//! has the shortest name that no other one has, so that `step` is enough where there is one `step`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex};

use crate::Method;

/// A method, and what a call of it needs.
pub(crate) struct Export {
    pub method: Method,
    /// The method's name, to be shared with every call of it.
    pub name: Arc<str>,
    pub index: ComponentExportIndex,
    /// The compiler's own types of the parameters, which WAVE is read by.
    pub params: Vec<Type>,
}

/// Reads every exported function off a component, in the order of its exports, but for the engine's own accessors.
pub(crate) fn read(component: &Component, engine: &wasmtime::Engine, accessors: &HashSet<&str>) -> Vec<Export> {
    let mut exports = Vec::new();
    for (name, item) in component.component_type().exports(engine) {
        match &item.ty {
            ComponentItem::ComponentFunc(_) if accessors.contains(name) => {}
            ComponentItem::ComponentFunc(func) => {
                exports
                    .extend(component.get_export_index(None, name).map(|index| Export::new(None, name, index, func)));
            }
            ComponentItem::ComponentInstance(instance) => {
                let Some(interface) = component.get_export_index(None, name) else { continue };
                for (function, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(func) = &item.ty {
                        let index = component.get_export_index(Some(&interface), function);
                        exports.extend(index.map(|index| Export::new(Some(name), function, index, func)));
                    }
                }
            }
            _ => {}
        }
    }
    name_shortest(&mut exports);
    exports
}

/// The one export that a name means. A name that several interfaces have means none of them; a function of the
/// world goes before those of interfaces, which can be named with theirs.
pub(crate) fn find<'a>(exports: &'a [Export], name: &str) -> Option<&'a Export> {
    let (interface, function) = match name.split_once('#').or_else(|| name.rsplit_once('/')) {
        Some((interface, function)) => (Some(interface), function),
        None => (None, name),
    };
    let meant = |method: &Method| match (interface, method.interface.as_deref()) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(named), Some(full)) => named == full || named == short_interface(full),
    };
    let mut found = exports.iter().filter(|export| export.method.function == function && meant(&export.method));
    let first = found.next()?;
    match found.next() {
        None => Some(first),
        Some(second) => [first, second].into_iter().chain(found).find(|export| export.method.interface.is_none()),
    }
}

/// Gives each export the shortest of its names that no other export has.
fn name_shortest(exports: &mut [Export]) {
    let mut uses: HashMap<String, usize> = HashMap::new();
    for name in exports.iter().flat_map(Export::names) {
        *uses.entry(name).or_default() += 1;
    }
    for export in exports {
        let mut names = export.names();
        let unique = names.iter().position(|name| uses[name] == 1).unwrap_or(names.len() - 1);
        export.method.name = names.swap_remove(unique);
        export.name = export.method.name.as_str().into();
    }
}

impl Export {
    fn new(interface: Option<&str>, function: &str, index: ComponentExportIndex, func: &ComponentFunc) -> Export {
        let params = func.params().map(|(_, ty)| ty).collect();
        Export { method: Method::new(interface, function, func), name: function.into(), index, params }
    }

    /// The method's names, shortest first. The last one is its alone, or, for a function of the world, goes before
    /// others' short names.
    fn names(&self) -> Vec<String> {
        let function = &self.method.function;
        match &self.method.interface {
            None => vec![function.clone()],
            Some(interface) => vec![
                function.clone(),
                format!("{}/{function}", short_interface(interface)),
                format!("{interface}#{function}"),
            ],
        }
    }
}

/// `game` of `demo:life/game@0.1.0`.
fn short_interface(interface: &str) -> &str {
    let unversioned = interface.split('@').next().unwrap_or(interface);
    unversioned.rsplit('/').next().unwrap_or(unversioned)
}
