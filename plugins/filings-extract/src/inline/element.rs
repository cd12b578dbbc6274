//! The elements that the extraction looks at, told by namespace and local name.

use quick_xml::name::NamespaceResolver;
use quick_xml::name::{Namespace, QName, ResolveResult};

/// The namespaces of inline XBRL 1.1 and 1.0.
pub const INLINE_XBRL: [&str; 2] = ["http://www.xbrl.org/2013/inlineXBRL", "http://www.xbrl.org/2008/inlineXBRL"];
const INSTANCE: &str = "http://www.xbrl.org/2003/instance";
const DIMENSIONS: &str = "http://xbrl.org/2006/xbrldi";
/// The namespace of `xsi:nil`.
pub const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What an element is to the extraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A numeric fact.
    NonFraction,
    /// Any other fact.
    NonNumeric,
    /// A fact that is the quotient of two numbers; no filing to the SEC may have one.
    Fraction,
    /// A further piece of a text.
    Continuation,
    /// Text that belongs to no fact around it.
    Exclude,
    /// Another element of inline XBRL.
    OtherInline,
    /// A part of a context or a unit.
    Resource(Resource),
    /// Anything else.
    Other,
}

/// The parts of contexts and units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Context,
    Instant,
    StartDate,
    EndDate,
    /// `segment` or `scenario`: what narrows a context.
    Qualifier,
    ExplicitMember,
    TypedMember,
    Unit,
    Measure,
    Denominator,
}

impl Resource {
    /// Whether its text is needed.
    pub fn has_text(self) -> bool {
        match self {
            Self::Instant | Self::StartDate | Self::EndDate => true,
            Self::ExplicitMember | Self::TypedMember | Self::Measure => true,
            Self::Context | Self::Qualifier | Self::Unit | Self::Denominator => false,
        }
    }
}

impl Element {
    /// What the element of that name is, with the namespaces that are in scope.
    pub fn of(name: QName<'_>, scope: &NamespaceResolver) -> Self {
        let (namespace, local) = scope.resolve_element(name);
        let ResolveResult::Bound(Namespace(namespace)) = namespace else {
            return Self::Other;
        };
        let local = local.into_inner();
        if INLINE_XBRL.contains(&namespace) {
            return match local {
                "nonFraction" => Self::NonFraction,
                "nonNumeric" => Self::NonNumeric,
                "fraction" => Self::Fraction,
                "continuation" => Self::Continuation,
                "exclude" => Self::Exclude,
                _ => Self::OtherInline,
            };
        }
        let resource = match (namespace, local) {
            (INSTANCE, "context") => Resource::Context,
            (INSTANCE, "instant") => Resource::Instant,
            (INSTANCE, "startDate") => Resource::StartDate,
            (INSTANCE, "endDate") => Resource::EndDate,
            (INSTANCE, "segment" | "scenario") => Resource::Qualifier,
            (INSTANCE, "unit") => Resource::Unit,
            (INSTANCE, "measure") => Resource::Measure,
            (INSTANCE, "unitDenominator") => Resource::Denominator,
            (DIMENSIONS, "explicitMember") => Resource::ExplicitMember,
            (DIMENSIONS, "typedMember") => Resource::TypedMember,
            _ => return Self::Other,
        };
        Self::Resource(resource)
    }
}
