//! The check of a binding against the type that it must have.

use std::collections::HashMap;

use belljar_engine::{WitType, codec};
use serde_json::Value as Json;

use super::template::{Piece, Reference, Root, Template};

/// What a reference may refer to at some place of a workflow.
pub(crate) struct Scope<'a> {
    /// The parameters' values.
    pub params: &'a HashMap<String, String>,
    /// Output types of the steps that may be referred to; none for a method without a result.
    pub steps: HashMap<&'a str, Option<&'a WitType>>,
    /// Steps that exist and may not be referred to here, with the reason.
    pub forbidden: HashMap<&'a str, &'static str>,
    /// The step's own output, where `record` may refer to it.
    pub output: Option<&'a WitType>,
    /// Whether there is an item here.
    pub item: bool,
    /// Scope inside of an `each`, where that is allowed.
    pub each: Option<&'a Scope<'a>>,
}

/// What a reference refers to.
enum Found<'a> {
    /// A parameter's value, which is known already.
    Text(&'a str),
    /// Some text.
    AnyText,
    /// A value of this type.
    Typed(&'a WitType),
}

impl Scope<'_> {
    /// Whether the template can give a value of this type; the error says why not.
    pub(crate) fn check(&self, template: &Template, expected: &WitType) -> Result<(), String> {
        if let WitType::Option(inner) = expected
            && !matches!(template, Template::Literal(Json::Null) | Template::Reference(_))
        {
            return self.check(template, inner);
        }
        match (template, expected) {
            (Template::Literal(json), _) => {
                let json = param_value(json, expected);
                codec::from_json(&json, expected).map(drop).map_err(|error| error.to_string())
            }
            (Template::Reference(reference), _) => self.check_reference(reference, expected),
            (Template::Text(pieces), WitType::String) => {
                for piece in pieces {
                    if let Piece::Reference(reference) = piece {
                        self.find(reference)?;
                    }
                }
                Ok(())
            }
            (Template::Text(_), other) => Err(format!("expected {other}, got a text")),
            (Template::List(items), WitType::List(inner) | WitType::FixedList(inner, _)) => {
                items.iter().enumerate().try_for_each(|(at, item)| {
                    self.check(item, inner).map_err(|error| format!("element {}: {error}", at + 1))
                })
            }
            (Template::List(items), WitType::Tuple(types)) if items.len() == types.len() => {
                items.iter().zip(types.iter()).try_for_each(|(item, ty)| self.check(item, ty))
            }
            (Template::Table(fields), WitType::Record(expected)) => {
                for (name, value) in fields {
                    let Some(field) = expected.iter().find(|field| field.name == *name) else {
                        let names: Vec<&str> = expected.iter().map(|field| field.name.as_str()).collect();
                        return Err(format!("there is no field `{name}`; the fields are {}", names.join(", ")));
                    };
                    self.check(value, &field.ty).map_err(|error| format!("`{name}`: {error}"))?;
                }
                let given = |name: &str| fields.iter().any(|(its, _)| its == name);
                match expected.iter().find(|f| !given(&f.name) && !matches!(f.ty, WitType::Option(_))) {
                    Some(missing) => Err(format!("the field `{}: {}` is missing", missing.name, missing.ty)),
                    None => Ok(()),
                }
            }
            (Template::Table(fields), WitType::Variant(cases)) => match &fields[..] {
                [(name, value)] => match cases.iter().find(|case| case.name == *name) {
                    Some(case) => match &case.ty {
                        Some(ty) => self.check(value, ty).map_err(|error| format!("`{name}`: {error}")),
                        None => Err(format!("the case `{name}` carries nothing; write \"{name}\"")),
                    },
                    None => Err(format!("there is no case `{name}` in {expected}")),
                },
                _ => Err("a variant is written as a table with one key, the case".to_owned()),
            },
            (Template::Each(inner), WitType::List(ty)) => match self.each {
                Some(scope) => scope.check(inner, ty).map_err(|error| format!("each: {error}")),
                None => Err("`each` makes a list over the items, which only a step with `once = true` can".to_owned()),
            },
            (Template::Each(_), other) => Err(format!("expected {other}, got a list")),
            (Template::List(_), other) => Err(format!("expected {other}, got a list")),
            (Template::Table(_), other) => Err(format!("expected {other}, got a table")),
        }
    }

    /// Whether every reference in a template of any type refers to something.
    pub(crate) fn check_any(&self, template: &Template) -> Result<(), String> {
        let mut references = Vec::new();
        template.references(&mut references);
        references.iter().try_for_each(|reference| self.find(reference).map(drop))
    }

    fn check_reference(&self, reference: &Reference, expected: &WitType) -> Result<(), String> {
        match self.find(reference)? {
            Found::Text(value) => codec::from_json(&param_value(&value.into(), expected), expected)
                .map(drop)
                .map_err(|error| format!("{reference} is `{value}`: {error}")),
            Found::AnyText => match strip_option(expected) {
                WitType::String => Ok(()),
                other => Err(format!("expected {other}, and {reference} is a text")),
            },
            Found::Typed(ty) if ty == expected || ty == strip_option(expected) => Ok(()),
            // The name of a case is a text.
            Found::Typed(WitType::Enum(_)) if *strip_option(expected) == WitType::String => Ok(()),
            Found::Typed(ty) => Err(format!("expected {expected}, and {reference} is {ty}")),
        }
    }

    fn find<'a>(&'a self, reference: &'a Reference) -> Result<Found<'a>, String> {
        let ty = match &reference.root {
            Root::Param(name) => {
                let value = self.params.get(name).ok_or_else(|| {
                    let mut names: Vec<&str> = self.params.keys().map(String::as_str).collect();
                    names.sort_unstable();
                    format!("there is no parameter `{name}`; there are {}", names.join(", "))
                })?;
                return if reference.path.is_empty() {
                    Ok(Found::Text(value))
                } else {
                    Err(format!("{reference}: a parameter is a text and has no fields"))
                };
            }
            Root::Item if !self.item => {
                return Err(
                    "there is no ${item} here; it exists with [for_each], in steps without `once = true`".to_owned()
                );
            }
            Root::Item if reference.path.is_empty() => return Ok(Found::AnyText),
            Root::Item => return Err(format!("{reference}: an item is a text and has no fields")),
            Root::Step(name) => match self.steps.get(name.as_str()) {
                Some(Some(ty)) => ty,
                Some(None) => return Err(format!("the step `{name}` returns nothing")),
                None => match self.forbidden.get(name.as_str()) {
                    Some(reason) => return Err(format!("the step `{name}` cannot be referred to here: {reason}")),
                    None => return Err(format!("there is no step `{name}`")),
                },
            },
            Root::Output => self.output.ok_or("there is no ${output} here; it exists in `record`")?,
        };
        let mut found = ty;
        for field in &reference.path {
            found = found.field(field).ok_or_else(|| {
                let has = match found {
                    WitType::Record(fields) => {
                        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                        format!("its fields are {}", names.join(", "))
                    }
                    other => format!("it is {other}"),
                };
                format!("{reference}: there is no `{field}`; {has}")
            })?;
        }
        Ok(Found::Typed(found))
    }
}

fn strip_option(ty: &WitType) -> &WitType {
    match ty {
        WitType::Option(inner) => inner,
        other => other,
    }
}

/// Parameters come as text; where a number or a truth value is wanted, the text is read as one.
pub(crate) fn param_value(json: &Json, expected: &WitType) -> Json {
    let Json::String(text) = json else { return json.clone() };
    match strip_option(expected) {
        WitType::Bool | WitType::F32 | WitType::F64 => serde_json::from_str(text).unwrap_or_else(|_| json.clone()),
        _ => json.clone(),
    }
}
