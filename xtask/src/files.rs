//! Folders and files, with errors that name them.

use anyhow::Context;
use std::fs;
use std::path::{Path, PathBuf};

/// Makes a folder and those above it.
pub fn create_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// Removes a folder with all that is in it, if it is there.
pub fn remove_folder(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove the folder {}", folder.display()))
}

/// Gives a file or folder another name in the same file system.
pub fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to).with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

/// Writes a file.
pub fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// What is in a folder.
pub fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .with_context(|| format!("cannot list the folder {}", folder.display()))
}

/// Copies the files of a folder that have one of these extensions into another, which is made.
pub fn copy_with_extension(from: &Path, extensions: &[&str], to: &Path) -> anyhow::Result<()> {
    create_folder(to)?;
    for file in entries(from)? {
        let wanted = file.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted));
        let (true, Some(name)) = (wanted, file.file_name()) else {
            continue;
        };
        fs::copy(&file, to.join(name))
            .with_context(|| format!("cannot copy {} to {}", file.display(), to.display()))?;
    }
    Ok(())
}

/// Brings `to` to the content of `from`, and says whether that changed it. A file that is the same is
/// not touched; another appears at once, so that whoever reads it never finds half of it.
pub fn publish(from: &Path, to: &Path) -> anyhow::Result<bool> {
    let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).is_ok_and(|present| present == content) {
        return Ok(false);
    }
    let folder = to.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() {
        create_folder(folder)?;
    }
    let partial = to.with_extension(format!("{}.partial", std::process::id()));
    fs::write(&partial, content).with_context(|| format!("cannot write {}", partial.display()))?;
    rename(&partial, to)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishing_the_same_content_again_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("built.wasm");
        let to = folder.path().join("plugins/greeter.wasm");
        fs::write(&from, "one").unwrap();

        assert!(publish(&from, &to).unwrap());
        assert!(!publish(&from, &to).unwrap());

        fs::write(&from, "two").unwrap();
        assert!(publish(&from, &to).unwrap());
        assert_eq!(fs::read_to_string(&to).unwrap(), "two");
        assert_eq!(entries(to.parent().unwrap()).unwrap(), [to]);
    }

    #[test]
    fn only_files_with_the_extension_are_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        create_folder(&from).unwrap();
        fs::write(from.join("libstd.rlib"), "").unwrap();
        fs::write(from.join("libstd.d"), "").unwrap();

        copy_with_extension(&from, &["rlib"], &to).unwrap();

        assert_eq!(entries(&to).unwrap(), [to.join("libstd.rlib")]);
    }
}
