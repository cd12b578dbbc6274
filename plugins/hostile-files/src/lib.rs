//! Reaches for files and environment variables through the standard library, as any program would.
//! Tests give it paths and names that it was and was not granted.

belljar_guest::plugin!(
    r#"
    package belljar:hostile-files;

    world hostile-files {
        /// In an interface, as a function `read` outside of one would replace the C library's.
        export files: interface {
            /// The text of a file.
            read: func(path: string) -> result<string, string>;
            /// Writes a file.
            write: func(path: string, text: string) -> result<_, string>;
            /// An environment variable, if it is set.
            env: func(name: string) -> option<string>;
            /// The text of a file; panics if it cannot be had.
            read-or-die: func(path: string) -> string;
        }
    }"#
);

struct HostileFiles;

impl exports::files::Guest for HostileFiles {
    fn read(path: String) -> Result<String, String> {
        std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
    }

    fn write(path: String, text: String) -> Result<(), String> {
        std::fs::write(&path, text).map_err(|error| format!("{path}: {error}"))
    }

    fn env(name: String) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read_or_die(path: String) -> String {
        Self::read(path).unwrap_or_else(|error| panic!("{error}"))
    }
}

export!(HostileFiles);
