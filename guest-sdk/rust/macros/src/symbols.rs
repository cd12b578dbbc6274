//! Names that a method may not have. A method that a world exports by itself becomes a symbol of its
//! plain name, and the linker then takes it for the C function of that name: the standard library's
//! own call of `read` would end in the plugin's method, without any error. A name with a dash is no C
//! name, and a method in an interface has a symbol with the interface's name in it, so both are free.
//!
//! The names are those of one lower-case word among the symbols that the two libraries define.

/// Whose function has a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Owner {
    /// The compiler's own library, `compiler_builtins`, which is part of every plugin.
    Compiler,
    /// The C library for WASI, on which the standard library of `wasm32-wasip2` is built.
    CLibrary,
}

/// The owner of the C function of this name, if there is one.
pub fn owner(name: &str) -> Option<Owner> {
    if contains(BUILTINS, name) {
        Some(Owner::Compiler)
    } else if contains(C_LIBRARY, name) {
        Some(Owner::CLibrary)
    } else {
        None
    }
}

/// The symbols of `compiler_builtins` for `wasm32-unknown-unknown` (Rust 1.96).
const BUILTINS: &str = include_str!("symbols/builtins.txt");

/// The symbols of wasi-libc beyond those, sockets and signals included.
const C_LIBRARY: &str = include_str!("symbols/c_library.txt");

fn contains(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_c_functions_are_owned() {
        assert_eq!(owner("pow"), Some(Owner::Compiler));
        assert_eq!(owner("read"), Some(Owner::CLibrary));
        assert_eq!(owner("send"), Some(Owner::CLibrary));
    }

    #[test]
    fn other_names_are_free() {
        for name in ["add", "hello", "read-file", "step"] {
            assert_eq!(owner(name), None, "{name}");
        }
    }
}
