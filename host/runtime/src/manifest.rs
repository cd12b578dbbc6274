//! The manifest of a plugin: `greeter.toml` beside `greeter.wasm` says what the plugin may reach and use.
//!
//! ```toml
//! [grants]
//! directories = [{ host = "data", guest = "/data" }]
//! http = ["https://www.example.org"]
//! env = ["LANG"]
//!
//! [limits]
//! memory_bytes_max = 1073741824
//! ```

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Grants, Limits, http};

/// What one plugin was granted, and its limits. Everything has a default: no grants, the usual limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manifest {
    /// What it may reach.
    pub grants: Grants,
    /// What it may use.
    pub limits: Limits,
}

impl Manifest {
    /// The manifest that stands beside a plugin file; the default one where there is none.
    pub fn beside(plugin: &Path) -> Result<Manifest, Error> {
        let path = plugin.with_extension("toml");
        if path.is_file() { Manifest::read(&path) } else { Ok(Manifest::default()) }
    }

    /// Reads a manifest. Relative directories are taken from the manifest's own folder.
    pub fn read(path: &Path) -> Result<Manifest, Error> {
        let wrong = |message: String| Error::Manifest { path: path.to_owned(), message };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let mut manifest: Manifest = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        for directory in &mut manifest.grants.directories {
            directory.host = folder.join(&directory.host);
        }
        manifest.normalised().map_err(wrong)
    }

    /// With its HTTP origins in the spelling that requests are compared in.
    pub(crate) fn normalised(mut self) -> Result<Manifest, String> {
        for origin in &mut self.grants.http {
            *origin = http::normal_origin(origin)?;
        }
        Ok(self)
    }
}
