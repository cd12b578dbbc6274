//! The contract between Belljar and its plugins (`belljar:plugin`), embedded so that a plugin needs
//! no copy of it. Embedding makes the compiler rebuild this crate, and with it every plugin, when
//! the contract changes.

/// Namespace and name of the contract's package.
pub const PACKAGE: (&str, &str) = ("belljar", "plugin");

/// The interface of the contract that an actor exports and does not import.
pub const DURABLE: &str = "durable";

/// The statement of `worlds.wit` that gives the package its name and version.
const HEADER: &str = "package belljar:plugin@0.1.0;";

/// The file with the package statement and the worlds.
const WORLDS: &str = include_str!("../../../../wit/worlds.wit");

/// The files with one interface each.
const INTERFACES: [&str; 13] = [
    include_str!("../../../../wit/actors.wit"),
    include_str!("../../../../wit/automaton.wit"),
    include_str!("../../../../wit/clock.wit"),
    include_str!("../../../../wit/compute.wit"),
    include_str!("../../../../wit/durable.wit"),
    include_str!("../../../../wit/http.wit"),
    include_str!("../../../../wit/log.wit"),
    include_str!("../../../../wit/metrics.wit"),
    include_str!("../../../../wit/objects.wit"),
    include_str!("../../../../wit/progress.wit"),
    include_str!("../../../../wit/random.wit"),
    include_str!("../../../../wit/tensor.wit"),
    include_str!("../../../../wit/timers.wit"),
];

/// The whole contract as one nested package, which can stand in a file of another package.
pub fn nested_package() -> String {
    let (docs, worlds) = WORLDS.split_once(HEADER).expect("worlds.wit states the package; a test checks it");
    let header = HEADER.trim_end_matches(';');
    let interfaces = INTERFACES.concat();
    format!("{docs}{header} {{\n{worlds}\n{interfaces}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_contract_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../wit");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();

            let embedded = text == WORLDS || INTERFACES.contains(&text.as_str());

            assert!(embedded, "{} is not embedded", path.display());
        }
    }

    #[test]
    fn the_package_statement_becomes_the_head_of_a_block() {
        let text = nested_package();

        assert!(text.contains("package belljar:plugin@0.1.0 {"), "{text}");
        assert!(!text.contains(HEADER), "{text}");
        assert!(text.trim_end().ends_with('}'), "{text}");
    }
}
