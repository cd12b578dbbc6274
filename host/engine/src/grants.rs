//! What a plugin is allowed to reach. Without a grant a component can compute, and nothing else.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything that one plugin was granted. The default grants nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// Directories of the host that the plugin sees at a path of its own.
    pub directories: Vec<DirectoryGrant>,
    /// Names of environment variables whose value the plugin may see. A variable that is not set stays unset.
    pub env: Vec<String>,
    /// HTTP origins (`https://www.example.org`, `http://127.0.0.1:8080`) that the plugin may send requests to.
    pub http: Vec<String>,
    /// Names of actors that the plugin may call; `account-*` means all whose name starts with `account-`.
    pub actors: Vec<String>,
    /// Whether the plugin may have the host compute for it: boards of automata, which take memory of the host up to the
    /// limit `compute_bytes_max`, and its processors.
    pub compute: bool,
}

/// A directory of the host at a path of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryGrant {
    /// The directory of the host. It must exist when the plugin is instantiated.
    pub host: PathBuf,
    /// Where the guest sees it, such as `/filings`.
    pub guest: String,
    /// What the guest may do there; reading by default.
    #[serde(default)]
    pub access: Access,
}

/// What a guest may do in a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// List and read.
    #[default]
    Read,
    /// List, read, create, change and delete.
    Write,
}

impl Grants {
    /// Adds a directory that the guest may read.
    pub fn read(mut self, host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        self.directories.push(DirectoryGrant { host: host.into(), guest: guest.into(), access: Access::Read });
        self
    }

    /// Adds a directory that the guest may read and write.
    pub fn write(mut self, host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        self.directories.push(DirectoryGrant { host: host.into(), guest: guest.into(), access: Access::Write });
        self
    }

    /// Adds an HTTP origin.
    pub fn http(mut self, origin: impl Into<String>) -> Self {
        self.http.push(origin.into());
        self
    }

    /// Adds an actor, or the beginning of names of actors: `account-*`.
    pub fn actor(mut self, pattern: impl Into<String>) -> Self {
        self.actors.push(pattern.into());
        self
    }

    /// Lets the plugin have the host compute for it.
    pub fn compute(mut self) -> Self {
        self.compute = true;
        self
    }

    /// Whether the plugin may call this actor.
    pub fn may_call(&self, actor: &str) -> bool {
        self.actors.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => actor.starts_with(beginning),
            None => actor == pattern,
        })
    }

    /// Adds the name of an environment variable.
    pub fn env(mut self, name: impl Into<String>) -> Self {
        self.env.push(name.into());
        self
    }
}
