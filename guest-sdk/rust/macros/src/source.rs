//! The author's WIT: read, completed with Belljar's contract, and checked. It is checked here, and
//! not left to the generator of the bindings, so that an error names the author's own file or macro
//! and the line in it.

use crate::contract;
use std::path::{Path, PathBuf};
use wit_parser::{Resolve, WorldItem};

/// What a plugin's WIT says.
pub struct Source {
    /// The author's package, followed by the contract as a nested package.
    pub wit: String,
    /// The file that the author's package came from; none if it stood in the macro.
    pub file: Option<PathBuf>,
    /// The interfaces of the contract that the plugin's world refers to.
    pub interfaces: Vec<Interface>,
    /// The functions that the world exports by themselves, and not in an interface.
    pub functions: Vec<String>,
    /// Whether the world exports the contract's interface `durable`.
    pub is_durable: bool,
}

/// An interface of the contract.
#[derive(Debug, PartialEq, Eq)]
pub struct Interface {
    /// The full name, such as `belljar:plugin/log@0.1.0`.
    pub id: String,
    /// The short name, such as `log`, which is that of the SDK's module, too.
    pub name: String,
}

impl Source {
    /// Takes the macro's argument: WIT, or the path of a file that holds it, relative to `folder`
    /// and ending in `.wit`.
    ///
    /// # Errors
    ///
    /// Says which file cannot be read, or what in the WIT is not valid, and where.
    pub fn new(argument: &str, folder: &Path) -> Result<Self, String> {
        let argument = argument.trim_end();
        if !argument.ends_with(".wit") {
            return Self::parse(argument, "plugin!", None);
        }
        let path = folder.join(argument.trim_start());
        let author = std::fs::read_to_string(&path)
            .map_err(|error| format!("cannot read the plugin's WIT from {}: {error}", path.display()))?;
        Self::parse(&author, argument, Some(path))
    }

    fn parse(author: &str, place: &str, file: Option<PathBuf>) -> Result<Self, String> {
        let wit = format!("{author}\n\n{}", contract::nested_package());
        let mut resolve = Resolve::default();
        let world = resolve
            .push_str(place, &wit)
            .and_then(|package| resolve.select_world(&[package], None))
            .map_err(|error| resolve.render_error(&error))?;
        let world = &resolve.worlds[world];
        let imports = world.imports.values();
        let interfaces = imports.filter_map(|import| contract_interface(&resolve, import));
        let mut exported = world.exports.values().filter_map(|export| contract_interface(&resolve, export));
        let is_durable = exported.any(|interface| interface.name == contract::DURABLE);
        let exports = world.exports.values();
        let functions = exports.filter_map(|export| match export {
            WorldItem::Function(function) => Some(function.name.clone()),
            _ => None,
        });
        Ok(Self { interfaces: interfaces.collect(), functions: functions.collect(), is_durable, wit, file })
    }
}

/// The interface of the contract that an item of the world is; none if it is something else. An
/// interface of which only a type is used is imported, too.
fn contract_interface(resolve: &Resolve, item: &WorldItem) -> Option<Interface> {
    let WorldItem::Interface { id, .. } = item else {
        return None;
    };
    let interface = &resolve.interfaces[*id];
    let package = &resolve.packages[interface.package?].name;
    if (package.namespace.as_str(), package.name.as_str()) != contract::PACKAGE {
        return None;
    }
    Some(Interface { id: resolve.id_of(*id)?, name: interface.name.clone()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the contract's interfaces in a world with this body.
    fn interfaces(body: &str) -> Vec<String> {
        let wit = format!("package demo:test;\nworld test {{\n{body}\n}}");
        let source = Source::new(&wit, Path::new("")).unwrap();
        source.interfaces.into_iter().map(|it| it.name).collect()
    }

    #[test]
    fn a_task_refers_to_what_needs_no_grant() {
        let names = interfaces("include belljar:plugin/task@0.1.0;");

        assert_eq!(names, ["log", "progress", "metrics", "clock", "random", "objects"]);
    }

    #[test]
    fn a_type_of_an_interface_is_a_reference_to_it() {
        let names = interfaces(
            "use belljar:plugin/objects@0.1.0.{object-ref};
             export size: func(object: object-ref) -> u64;",
        );

        assert_eq!(names, ["objects"]);
    }

    #[test]
    fn a_plugin_may_refer_to_nothing() {
        let names = interfaces("export add: func(a: u32, b: u32) -> u32;");

        assert_eq!(names, [""; 0]);
    }

    #[test]
    fn only_functions_outside_of_interfaces_are_listed() {
        let wit = "package demo:test;
            world test {
                export add: func();
                export files: interface { read: func(); }
            }";

        let source = Source::new(wit, Path::new("")).unwrap();

        assert_eq!(source.functions, ["add"]);
    }

    #[test]
    fn a_durable_actor_is_known_by_what_it_exports() {
        let source = |body: &str| {
            let wit = format!("package demo:test;\nworld test {{\ninclude belljar:plugin/actor@0.1.0;\n{body}\n}}");
            Source::new(&wit, Path::new("")).unwrap()
        };

        let durable = source("export belljar:plugin/durable@0.1.0;");

        assert!(durable.is_durable);
        assert!(durable.interfaces.iter().all(|interface| interface.name != contract::DURABLE));
        assert!(!source("export durable: func();").is_durable);
    }

    #[test]
    fn an_error_in_the_wit_names_its_line() {
        let wit = "package demo:test;\nworld test {\n    export add: func(a: u33);\n}";

        let error = Source::new(wit, Path::new("")).err().unwrap();

        assert!(error.contains("u33"), "{error}");
        assert!(error.contains("plugin!:3:"), "{error}");
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let error = Source::new("wit/none.wit", Path::new("/nowhere")).err().unwrap();

        assert!(error.contains("/nowhere/wit/none.wit"), "{error}");
    }
}
