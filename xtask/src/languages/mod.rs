//! Building plugins in other languages than Rust. Such a plugin is a folder with `app.c`, `app.py` or `app.js`, and
//! with its world in `wit/`; the SDK of its language is in `guest-sdk/`. What a plugin may reach stands in `NAME.toml`
//! beside its code, as for one in Rust.
//!
//! The tools come from PyPI and npm into folders under `target/languages/`, in the versions that the SDKs name;
//! nothing is installed elsewhere. Where one cannot be had (there is no Python, no Node, no network), the plugins
//! that need it are skipped with a line that says why: nothing else in Belljar depends on them. A plugin that does
//! not compile is an error.
//!
//! ```text
//! target/languages/
//!   c-tools/ python-tools/ javascript-tools/   what was installed, and in which versions
//!   PLUGIN/source/                             the plugin's files and the SDK's, side by side
//!   PLUGIN/wit/                                its world, with Belljar's contract in deps/
//!   PLUGIN/built-from                          a checksum of all that went in
//! ```

mod c;
mod javascript;
mod python;
mod sources;
mod tools;

use crate::files;
use crate::guests;
use crate::process::step;
use crate::project::Project;
use anyhow::bail;
use sources::Sources;
use std::path::{Path, PathBuf};

/// A language that plugins are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    C,
    Python,
    JavaScript,
}

impl Language {
    const ALL: [Self; 3] = [Self::C, Self::Python, Self::JavaScript];

    /// The file by which a plugin in this language is known.
    fn main_file(self) -> &'static str {
        match self {
            Self::C => "app.c",
            Self::Python => "app.py",
            Self::JavaScript => "app.js",
        }
    }

    /// The extensions of the files that go into a plugin.
    fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::C => &["c", "h"],
            Self::Python => &["py"],
            Self::JavaScript => &["js"],
        }
    }

    /// The SDK, in the project.
    fn sdk(self, project: &Project) -> PathBuf {
        let folder = match self {
            Self::C => "c",
            Self::Python => "python",
            Self::JavaScript => "js",
        };
        project.root().join("guest-sdk").join(folder)
    }

    /// Gets the tools, if they are not there yet.
    fn tools(self, project: &Project) -> anyhow::Result<Box<dyn Tools>> {
        Ok(match self {
            Self::C => Box::new(c::Compiler::ensure(project, &self.sdk(project))?),
            Self::Python => Box::new(python::Componentizer::ensure(project, &self.sdk(project))?),
            Self::JavaScript => Box::new(javascript::Componentizer::ensure(project, &self.sdk(project))?),
        })
    }
}

/// The tools of a language, which are there.
trait Tools {
    /// Makes a component of a plugin.
    ///
    /// # Errors
    ///
    /// The plugin does not compile.
    fn build(&self, sources: &Sources, component: &Path) -> anyhow::Result<()>;
}

/// A plugin in one of the languages.
struct Plugin {
    name: String,
    folder: PathBuf,
    language: Language,
}

/// Whether there is a plugin of this name in one of the languages.
pub fn has(project: &Project, name: &str) -> bool {
    language_of(&project.plugins().join(name)).is_some()
}

/// Builds the plugins in all the languages, or only the one of that name.
///
/// # Errors
///
/// A plugin does not compile. That a language's tools cannot be had is none, unless one plugin was asked for.
pub fn build_all(project: &Project, only: Option<&str>) -> anyhow::Result<()> {
    for plugin in plugins(project)? {
        if only.is_some_and(|only| only != plugin.name) {
            continue;
        }
        match plugin.language.tools(project) {
            Ok(tools) => plugin.build(project, tools.as_ref())?,
            Err(error) if only.is_none() => step("SKIPPED", format_args!("{}: {error:#}", plugin.name)),
            Err(error) => bail!("the tools for {} cannot be had: {error:#}", plugin.name),
        }
    }
    Ok(())
}

impl Plugin {
    fn build(&self, project: &Project, tools: &dyn Tools) -> anyhow::Result<()> {
        let component = project.components().join(format!("{}.wasm", self.name));
        guests::publish_grants(&self.folder.join(format!("{}.toml", self.name)), &component)?;
        let work = project.languages().join(&self.name);
        let sources = Sources::collect(project, self, &work)?;
        // What componentize-py makes differs from build to build, and an actor belongs to one component.
        if component.is_file() && sources.are_those_of_last_time()? {
            step("Unchanged", project.short(&component));
            return Ok(());
        }
        step("Building", format_args!("{} in {:?}", self.name, self.language));
        let built = work.join("built.wasm");
        tools.build(&sources, &built)?;
        files::publish(&built, &component)?;
        sources.remember()?;
        step("Built", project.short(&component));
        Ok(())
    }
}

fn plugins(project: &Project) -> anyhow::Result<Vec<Plugin>> {
    let mut folders = files::entries(&project.plugins())?;
    folders.sort();
    let plugins = folders.into_iter().filter_map(|folder| {
        let language = language_of(&folder)?;
        let name = folder.file_name()?.to_str()?.to_owned();
        Some(Plugin { name, folder, language })
    });
    Ok(plugins.collect())
}

fn language_of(folder: &Path) -> Option<Language> {
    Language::ALL.into_iter().find(|language| folder.join(language.main_file()).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_known_by_its_main_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(language_of(folder.path()), None);

        files::write(&folder.path().join("app.py"), "").unwrap();

        assert_eq!(language_of(folder.path()), Some(Language::Python));
    }

    #[test]
    fn there_is_a_plugin_in_each_language() {
        let project = Project::of_this_xtask().unwrap();

        let languages: Vec<_> = plugins(&project).unwrap().iter().map(|plugin| plugin.language).collect();

        for language in Language::ALL {
            assert!(languages.contains(&language), "{language:?}");
        }
        assert!(!has(&project, "greeter"));
    }
}
