//! What goes into a plugin, in one place: its own files and the SDK's side by side, and its world with Belljar's
//! contract beside it. A checksum of it all tells whether there is anything to build.

use super::Plugin;
use crate::files;
use crate::project::Project;
use anyhow::Context;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

/// The folders with what goes into a plugin.
pub struct Sources {
    /// The plugin's files and the SDK's.
    pub code: PathBuf,
    /// The plugin's world, with what it refers to in `deps/`.
    pub wit: PathBuf,
    /// A folder for what is made on the way.
    pub work: PathBuf,
    checksum: String,
}

impl Sources {
    /// Copies everything into the plugin's work folder.
    ///
    /// # Errors
    ///
    /// A folder is missing or cannot be written.
    pub fn collect(project: &Project, plugin: &Plugin, work: &Path) -> anyhow::Result<Self> {
        let (code, wit) = (work.join("source"), work.join("wit"));
        let contract = wit.join("deps/belljar-plugin");
        files::remove_folder(&code)?;
        files::remove_folder(&wit)?;
        let sdk = plugin.language.sdk(project);
        let extensions = plugin.language.extensions();
        files::copy_with_extension(&sdk, extensions, &code)?;
        files::copy_with_extension(&plugin.folder, extensions, &code)?;
        files::copy_with_extension(&plugin.folder.join("wit"), &["wit"], &wit)?;
        files::copy_with_extension(&project.root().join("wit"), &["wit"], &contract)?;
        // What else the SDK has is how to build, and in which versions.
        let checksum = checksum(&[&code, &wit, &contract, &sdk])?;
        Ok(Self { code, wit, work: work.to_owned(), checksum })
    }

    /// Whether nothing has changed since [`Sources::remember`].
    ///
    /// # Errors
    ///
    /// The checksum is there and cannot be read.
    pub fn are_those_of_last_time(&self) -> anyhow::Result<bool> {
        let file = self.checksum_file();
        if !file.exists() {
            return Ok(false);
        }
        let last = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(last == self.checksum)
    }

    /// Keeps the checksum for the next time.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn remember(&self) -> anyhow::Result<()> {
        files::write(&self.checksum_file(), &self.checksum)
    }

    fn checksum_file(&self) -> PathBuf {
        self.work.join("built-from")
    }
}

/// A checksum of the files in these folders, but not in folders inside of them. It is compared on this machine only,
/// so the hash of the standard library will do.
fn checksum(folders: &[&Path]) -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    for folder in folders {
        let mut entries = files::entries(folder)?;
        entries.sort();
        for file in entries.into_iter().filter(|entry| entry.is_file()) {
            let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            hasher.write(file.as_os_str().as_encoded_bytes());
            hasher.write_usize(content.len());
            hasher.write(&content);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_changes_with_the_content_and_the_names() {
        let folder = tempfile::tempdir().unwrap();
        let sum = || checksum(&[folder.path()]).unwrap();
        let empty = sum();

        files::write(&folder.path().join("app.c"), "int a;").unwrap();
        let first = sum();
        files::write(&folder.path().join("app.c"), "int b;").unwrap();
        let second = sum();
        files::rename(&folder.path().join("app.c"), &folder.path().join("b.c")).unwrap();

        assert!(empty != first && first != second && second != sum());
    }
}
