//! What a component imports, and how Belljar satisfies it.

use wasmtime::component::Component;
use wasmtime::component::types::{ComponentInstance, ComponentItem};

use crate::Grants;

/// Something that a component imports.
pub(crate) struct Import {
    /// As the component names it.
    pub name: String,
    /// Whether it is an interface of nothing but types, which nobody has to implement: a component imports one when
    /// its own interfaces use types of another.
    types_only: bool,
}

/// How an import is satisfied.
pub(crate) enum Provision {
    /// It is there for every component.
    Always,
    /// It is there for every component, and can do nothing without a grant.
    Powerless,
    /// It is refused without this grant.
    Granted { grant: &'static str, is_given: fn(&Grants) -> bool },
    /// It is not there.
    Missing { remedy: String },
}

const CONTRACT: &str = "belljar:plugin/";
const CONTRACT_VERSION: &str = "0.1.0";
const ALWAYS: [&str; 7] = ["log", "progress", "metrics", "clock", "random", "objects", "timers"];
const GRANTED: [&str; 5] = ["http", "actors", "automaton", "compute", "tensor"];
/// Those of them for which the host computes.
const COMPUTE: [&str; 3] = ["automaton", "compute", "tensor"];
const WASI: [&str; 6] = ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];
const WASI_VERSION: &str = "0.2.";

/// Reads every import off a component.
pub(crate) fn read(component: &Component, engine: &wasmtime::Engine) -> Vec<Import> {
    let has_only_types = |instance: &ComponentInstance| {
        instance.exports(engine).all(|(_, item)| matches!(item.ty, ComponentItem::Type(_)))
    };
    let ty = component.component_type();
    let imports = ty.imports(engine).map(|(name, item)| Import {
        name: name.to_owned(),
        types_only: matches!(&item.ty, ComponentItem::ComponentInstance(instance) if has_only_types(instance)),
    });
    imports.collect()
}

impl Import {
    /// Whether the component runs kernels of its own through it.
    pub(crate) fn is_of_device(&self) -> bool {
        !self.types_only && self.name.strip_prefix(CONTRACT).is_some_and(|name| name.starts_with("compute@"))
    }

    /// How Belljar satisfies it.
    pub(crate) fn provision(&self) -> Provision {
        if self.types_only {
            return Provision::Always;
        }
        let (path, version) = self.name.split_once('@').unwrap_or((&self.name, ""));
        if let Some(interface) = path.strip_prefix(CONTRACT) {
            return provision_of_contract(interface, version);
        }
        if WASI.iter().any(|package| path.starts_with(package)) {
            return if version.starts_with(WASI_VERSION) {
                Provision::Powerless
            } else {
                Provision::Missing { remedy: "build the plugin for WASI 0.2 (wasm32-wasip2)".to_owned() }
            };
        }
        let remedy = if path.starts_with("wasi:http/") {
            "use `belljar:plugin/http` with a granted origin"
        } else {
            "build the plugin without it, or compose it with a component that exports it"
        };
        Provision::Missing { remedy: remedy.to_owned() }
    }
}

fn provision_of_contract(interface: &str, version: &str) -> Provision {
    if !GRANTED.contains(&interface) && !ALWAYS.contains(&interface) {
        let remedy = format!("the interfaces are {}, {}", ALWAYS.join(", "), GRANTED.join(", "));
        Provision::Missing { remedy }
    } else if version != CONTRACT_VERSION {
        let remedy =
            format!("this Belljar offers {CONTRACT}{interface}@{CONTRACT_VERSION}; rebuild the plugin with its SDK");
        Provision::Missing { remedy }
    } else if interface == "http" {
        Provision::Granted { grant: "http = [\"https://…\"]", is_given: |grants| !grants.http.is_empty() }
    } else if interface == "actors" {
        Provision::Granted { grant: "actors = [\"name\", \"prefix-*\"]", is_given: |grants| !grants.actors.is_empty() }
    } else if COMPUTE.contains(&interface) {
        Provision::Granted { grant: "compute = true", is_given: |grants| grants.compute }
    } else {
        Provision::Always
    }
}
