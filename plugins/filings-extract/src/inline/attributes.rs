//! The attributes of the elements that matter, borrowed from the document where they need no decoding.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_html5_entity;
use quick_xml::events::attributes::{AttrError, Attribute, Attributes};
use quick_xml::name::{Namespace, NamespaceResolver, QName, ResolveResult};

use super::element::SCHEMA_INSTANCE;
use crate::transform::Registry;

/// A `format`, with the registry that its prefix stands for. The prefix must be looked up where the
/// attribute stands, because it may be bound to something else elsewhere.
#[derive(Clone, Debug)]
pub struct Format<'d> {
    /// As the filing writes it.
    pub name: Cow<'d, str>,
    /// `None` when the prefix stands for no registry of transformations.
    pub registry: Option<Registry>,
}

/// The attributes of facts, continuations, contexts, units and members.
#[derive(Clone, Debug, Default)]
pub struct Known<'d> {
    pub id: Option<Cow<'d, str>>,
    pub name: Option<Cow<'d, str>>,
    pub context_ref: Option<Cow<'d, str>>,
    pub unit_ref: Option<Cow<'d, str>>,
    pub format: Option<Format<'d>>,
    pub scale: Option<Cow<'d, str>>,
    pub sign: Option<Cow<'d, str>>,
    pub decimals: Option<Cow<'d, str>>,
    pub continued_at: Option<Cow<'d, str>>,
    pub dimension: Option<Cow<'d, str>>,
    pub nil: bool,
}

impl<'d> Known<'d> {
    /// Reads the attributes of `tag`, which is what stands between `<` and `>` and begins with a name of
    /// `name_length` bytes. All of these attributes are tokens, so white space around them is dropped.
    ///
    /// # Errors
    /// When an attribute is malformed or given twice.
    pub fn read(tag: &'d str, name_length: usize, scope: &NamespaceResolver) -> Result<Self, AttrError> {
        let mut known = Self::default();
        for attribute in Attributes::new(tag, name_length) {
            let attribute = attribute?;
            let slot = match attribute.key.0 {
                "id" => &mut known.id,
                "name" => &mut known.name,
                "contextRef" => &mut known.context_ref,
                "unitRef" => &mut known.unit_ref,
                "scale" => &mut known.scale,
                "sign" => &mut known.sign,
                "decimals" => &mut known.decimals,
                "continuedAt" => &mut known.continued_at,
                "dimension" => &mut known.dimension,
                "format" => {
                    let name = token(attribute);
                    let registry = registry_of(&name, scope);
                    known.format = Some(Format { name, registry });
                    continue;
                }
                _ => {
                    known.nil |= is_nil(&attribute, scope);
                    continue;
                }
            };
            *slot = Some(token(attribute));
        }
        Ok(known)
    }
}

fn token(attribute: Attribute<'_>) -> Cow<'_, str> {
    let resolve = resolve_html5_entity;
    // An entity that does not exist is left as it is written.
    let value =
        attribute.normalized_value_with(XmlVersion::Implicit1_0, ENTITY_DEPTH_MAX, resolve).unwrap_or(attribute.value);
    match value {
        Cow::Borrowed(value) => Cow::Borrowed(value.trim()),
        Cow::Owned(value) => Cow::Owned(value.trim().to_owned()),
    }
}

/// How many entities within entities are expanded. The entities of HTML contain none.
const ENTITY_DEPTH_MAX: usize = 1;

fn registry_of(format: &str, scope: &NamespaceResolver) -> Option<Registry> {
    // A name without a prefix is in the default namespace here, unlike the name of an attribute.
    match scope.resolve(QName(format), true).0 {
        ResolveResult::Bound(Namespace(namespace)) => Registry::of_namespace(namespace),
        ResolveResult::Unbound | ResolveResult::Unknown(_) => None,
    }
}

fn is_nil(attribute: &Attribute<'_>, scope: &NamespaceResolver) -> bool {
    attribute.key.local_name().into_inner() == "nil"
        && scope.resolve_attribute(attribute.key).0 == ResolveResult::Bound(Namespace(SCHEMA_INSTANCE))
        && matches!(attribute.value.trim(), "true" | "1")
}
