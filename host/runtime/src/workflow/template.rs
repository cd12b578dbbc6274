//! `${…}` in a workflow: references to `params.NAME`, to `item` and its fields, to the output of another step as
//! `steps.NAME` and its fields, and, where a step says what to record, to its own `output`.
//!
//! A text that is one reference alone keeps the type of what it refers to; a reference within a longer text is
//! written into it. `$${` stands for `${` itself. A table with the single key `each` makes a list: its value once
//! for every completed item.

use std::fmt;

use serde_json::{Map, Value as Json};

/// Nesting of a template: 32 levels.
const DEPTH_MAX: usize = 32;

/// A value with references in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template {
    /// A value without references.
    Literal(Json),
    /// One reference.
    Reference(Reference),
    /// Text with references in it.
    Text(Vec<Piece>),
    List(Vec<Template>),
    Table(Vec<(String, Template)>),
    /// The inner template for each completed item.
    Each(Box<Template>),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    Reference(Reference),
}

/// What is referred to: a root and a path of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub root: Root,
    pub path: Vec<String>,
}

/// Where a reference starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    Param(String),
    Item,
    Step(String),
    Output,
}

impl Template {
    /// Reads a value of a TOML file.
    pub(crate) fn parse(value: &toml::Value) -> Result<Template, String> {
        parse(value, 0)
    }

    /// A text, such as the path of a granted directory.
    pub(crate) fn parse_text(text: &str) -> Result<Template, String> {
        pieces(text)
    }

    /// All references in it, with whether each stands inside an `each`.
    pub(crate) fn references(&self, found: &mut Vec<Reference>) {
        match self {
            Template::Literal(_) => {}
            Template::Reference(reference) => found.push(reference.clone()),
            Template::Text(pieces) => found.extend(pieces.iter().filter_map(|piece| match piece {
                Piece::Reference(reference) => Some(reference.clone()),
                Piece::Text(_) => None,
            })),
            Template::List(items) => items.iter().for_each(|item| item.references(found)),
            Template::Table(fields) => fields.iter().for_each(|(_, value)| value.references(found)),
            Template::Each(inner) => inner.references(found),
        }
    }

    /// The value, with `look_up` for each reference and `items` for each `each`: it is called with the inner
    /// template and returns a value for every item.
    pub(crate) fn resolve(
        &self,
        look_up: &mut dyn FnMut(&Reference) -> Result<Json, String>,
        items: &mut dyn FnMut(&Template) -> Result<Vec<Json>, String>,
    ) -> Result<Json, String> {
        Ok(match self {
            Template::Literal(json) => json.clone(),
            Template::Reference(reference) => look_up(reference)?,
            Template::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(part) => text.push_str(part),
                        Piece::Reference(reference) => match look_up(reference)? {
                            Json::String(part) => text.push_str(&part),
                            Json::Null => {}
                            other => text.push_str(&other.to_string()),
                        },
                    }
                }
                Json::String(text)
            }
            Template::List(list) => {
                list.iter().map(|inner| inner.resolve(look_up, items)).collect::<Result<Vec<_>, _>>()?.into()
            }
            Template::Table(fields) => {
                let mut table = Map::with_capacity(fields.len());
                for (name, inner) in fields {
                    table.insert(name.clone(), inner.resolve(look_up, items)?);
                }
                Json::Object(table)
            }
            Template::Each(inner) => Json::Array(items(inner)?),
        })
    }
}

impl Reference {
    fn parse(text: &str) -> Result<Reference, String> {
        let mut segments = text.trim().split('.').map(str::to_owned);
        let root = segments.next().unwrap_or_default();
        let mut named = |what: &str| {
            segments
                .next()
                .filter(|name| !name.is_empty())
                .ok_or_else(|| format!("`${{{text}}}` does not say which {what}"))
        };
        let root = match root.as_str() {
            "params" => Root::Param(named("parameter")?),
            "steps" => Root::Step(named("step")?),
            "item" => Root::Item,
            "output" => Root::Output,
            _ => {
                return Err(format!(
                    "`${{{text}}}` refers to nothing; write ${{params.NAME}}, ${{item}}, ${{steps.NAME.FIELD}} or, in `record`, ${{output.FIELD}}"
                ));
            }
        };
        Ok(Reference { root, path: segments.collect() })
    }

    /// Follows the path into a value; a field that is not there is null.
    pub(crate) fn follow(&self, value: &Json) -> Json {
        self.path.iter().try_fold(value, |value, field| value.get(field)).cloned().unwrap_or_default()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Root::Param(name) => write!(f, "${{params.{name}")?,
            Root::Step(name) => write!(f, "${{steps.{name}")?,
            Root::Item => f.write_str("${item")?,
            Root::Output => f.write_str("${output")?,
        }
        self.path.iter().try_for_each(|field| write!(f, ".{field}"))?;
        f.write_str("}")
    }
}

fn parse(value: &toml::Value, depth: usize) -> Result<Template, String> {
    if depth > DEPTH_MAX {
        return Err(format!("nested more than {DEPTH_MAX} levels deep"));
    }
    Ok(match value {
        toml::Value::String(text) => pieces(text)?,
        toml::Value::Array(items) => {
            Template::List(items.iter().map(|item| parse(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(fields) => match fields.get("each") {
            Some(each) if fields.len() == 1 => Template::Each(Box::new(parse(each, depth + 1)?)),
            _ => Template::Table(
                fields
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), parse(value, depth + 1)?)))
                    .collect::<Result<_, String>>()?,
            ),
        },
        toml::Value::Integer(number) => Template::Literal((*number).into()),
        toml::Value::Float(number) => Template::Literal((*number).into()),
        toml::Value::Boolean(truth) => Template::Literal((*truth).into()),
        toml::Value::Datetime(time) => Template::Literal(time.to_string().into()),
    })
}

fn pieces(text: &str) -> Result<Template, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            plain.push_str(&rest[..at]);
            plain.push('{');
            rest = &rest[at + 2..];
            continue;
        }
        plain.push_str(&rest[..at]);
        let end = rest[at..].find('}').ok_or_else(|| format!("`{text}` opens a `${{` that it does not close"))?;
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Reference(Reference::parse(&rest[at + 2..at + end])?));
        rest = &rest[at + end + 1..];
    }
    plain.push_str(rest);
    Ok(match (&mut pieces[..], plain.is_empty()) {
        ([], _) => Template::Literal(plain.into()),
        ([Piece::Reference(reference)], true) => Template::Reference(reference.clone()),
        (_, true) => Template::Text(pieces),
        (_, false) => {
            pieces.push(Piece::Text(plain));
            Template::Text(pieces)
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn resolved(text: &str) -> Result<Json, String> {
        let output = json!({ "path": "/out/AAPL.parquet", "rows": 1039 });
        Template::parse(&toml::Value::String(text.to_owned()))?.resolve(
            &mut |reference| match &reference.root {
                Root::Param(name) => Ok(name.to_uppercase().into()),
                Root::Step(_) => Ok(reference.follow(&output)),
                _ => Err(format!("{reference} is not there")),
            },
            &mut |_| Ok(Vec::new()),
        )
    }

    #[test]
    fn a_reference_alone_keeps_its_type() {
        assert_eq!(resolved("${steps.save.rows}"), Ok(json!(1039)));
        assert_eq!(resolved("${ params.out }"), Ok(json!("OUT")));
    }

    #[test]
    fn references_within_a_text_are_written_into_it() {
        assert_eq!(resolved("${params.a}: ${steps.save.rows} rows"), Ok(json!("A: 1039 rows")));
        assert_eq!(resolved("nothing here"), Ok(json!("nothing here")));
        assert_eq!(resolved("a literal $${x}"), Ok(json!("a literal ${x}")));
    }

    #[test]
    fn a_field_that_is_not_there_is_null() {
        assert_eq!(resolved("${steps.save.pages}"), Ok(Json::Null));
    }

    #[test]
    fn a_wrong_reference_says_what_there_is() {
        assert!(resolved("${filings}").unwrap_err().contains("${params.NAME}"));
        assert!(resolved("${params.").unwrap_err().contains("does not close"));
        assert!(resolved("${steps}").unwrap_err().contains("which step"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[$\\{}a-z. ]{0,40}") {
            resolved(&text).ok();
        }
    }
}
