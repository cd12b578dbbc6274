//! The items of a workflow: what `[for_each]` finds.

use std::collections::HashSet;
use std::path::Path;

use belljar_store::NAME_BYTES_MAX;

use super::diagnostic::Problem;
use super::file::ForEach;
use super::template::Template;

/// Items of one run: 100,000.
pub(crate) const ITEMS_MAX: usize = 100_000;

/// Finds the items, sorted by name unless they are listed; there may be none. `text` resolves a text of the workflow.
pub(crate) fn find(
    for_each: &toml::Spanned<ForEach>,
    text: &mut dyn FnMut(&toml::Spanned<String>) -> Result<String, Problem>,
) -> Result<Vec<String>, Problem> {
    let place = for_each.span();
    let source = for_each.get_ref();
    let select = match &source.select {
        Some(select) => text(select)?,
        None => String::new(),
    };
    let selected: Vec<String> =
        select.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let items = match (&source.folders, &source.files, &source.values) {
        (Some(directory), None, None) => list(Path::new(&text(directory)?), "", true, directory)?,
        (None, Some(directory), None) => {
            let ending = match &source.ending {
                Some(ending) => text(ending)?,
                None => String::new(),
            };
            list(Path::new(&text(directory)?), &ending, false, directory)?
        }
        (None, None, Some(values)) => listed(values)?,
        _ => {
            return Err(Problem::new("[for_each] needs one of `folders`, `files` and `values`").at(place));
        }
    };
    let mut seen = HashSet::new();
    let items: Vec<String> = if selected.is_empty() { items } else { selected };
    let items: Vec<String> = items.into_iter().filter(|item| seen.insert(item.clone())).collect();
    if let Some(bad) = items.iter().find(|item| item.is_empty() || item.len() > NAME_BYTES_MAX) {
        let message = format!("an item's name has 1 to {NAME_BYTES_MAX} bytes, and one has {}", bad.len());
        return Err(Problem::new(message).at(place));
    }
    if items.len() > ITEMS_MAX {
        let message = format!("there are {} items, and a run may have {ITEMS_MAX}", items.len());
        return Err(Problem::new(message).at(place).help("split the run, for instance with `select`"));
    }
    Ok(items)
}

fn list(directory: &Path, ending: &str, folders: bool, place: &toml::Spanned<String>) -> Result<Vec<String>, Problem> {
    let unreadable = |error: std::io::Error| {
        Problem::new(format!("the directory {} cannot be read: {error}", directory.display()))
            .at(place.span())
            .help("create it, or set the parameter to another one with --set")
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        let Ok(name) = entry.file_name().into_string() else {
            tracing::warn!(path = %entry.path().display(), "left out: an item's name must be UTF-8");
            continue;
        };
        // A link counts as either: where it leads is for the sandbox to judge.
        let fits = kind.is_symlink() || kind.is_dir() == folders;
        if fits && !name.starts_with('.') && name.ends_with(ending) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn listed(values: &toml::Spanned<toml::Value>) -> Result<Vec<String>, Problem> {
    let wrong = || Problem::new("`values` is a list of texts").at(values.span());
    values
        .get_ref()
        .as_array()
        .ok_or_else(wrong)?
        .iter()
        .map(|value| value.as_str().map(str::to_owned).ok_or_else(wrong))
        .collect()
}

/// Resolves a text that may refer to parameters only.
pub(crate) fn resolve_text(
    text: &toml::Spanned<String>,
    params: &std::collections::HashMap<String, String>,
) -> Result<String, Problem> {
    let at = |message: String| Problem::new(message).at(text.span());
    let template = Template::parse_text(text.get_ref()).map_err(at)?;
    let value = template.resolve(
        &mut |reference| match &reference.root {
            super::template::Root::Param(name) if reference.path.is_empty() => params
                .get(name)
                .map(|value| value.as_str().into())
                .ok_or_else(|| format!("there is no parameter `{name}`")),
            _ => Err(format!("only parameters can stand here, not {reference}")),
        },
        &mut |_| Err("a list cannot stand here".to_owned()),
    );
    value.map_err(at)?.as_str().map(str::to_owned).ok_or_else(|| at("expected a text".to_owned()))
}
