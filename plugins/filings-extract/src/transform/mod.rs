//! The transformations that a `format` attribute names.
//!
//! A filing shows `—` or `June 30, 2023` or `☒`, and its `format` says how to read that as a value. The
//! names come from two registries: XBRL International's (`ixt`, in five versions so far) and the SEC's
//! (`ixt-sec`). The versions renamed what they kept (`numdotdecimal`, `num-dot-decimal`), and no name
//! means different things in different versions. So a name is looked up without its hyphens and in
//! lower case, whatever the version. A name that is not here is reported by the caller; nothing is
//! guessed. The registry's names for other languages than English are not here: no SEC filing may use
//! them.

mod codes;
mod date;
mod duration;
mod number;
mod words;

use std::borrow::Cow;

/// Whose names a format's prefix stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    /// XBRL International's, any version.
    Xbrl,
    /// The SEC's.
    Sec,
}

impl Registry {
    /// The registry of that namespace.
    #[must_use]
    pub fn of_namespace(namespace: &str) -> Option<Self> {
        if namespace.starts_with("http://www.xbrl.org/inlineXBRL/transformation/")
            || namespace == "http://www.xbrl.org/2008/inlineXBRL/transformation"
        {
            Some(Self::Xbrl)
        } else if namespace.starts_with("http://www.sec.gov/inlineXBRL/transformation/") {
            Some(Self::Sec)
        } else {
            None
        }
    }
}

/// Reads a shown text, trimmed, as a value in the lexical form of XML Schema. `None` when the text is
/// not of the form that the transformation is for.
pub type Transform = for<'t> fn(&'t str) -> Option<Cow<'t, str>>;

/// The transformation of that name.
#[must_use]
pub fn find(registry: Registry, name: &str) -> Option<Transform> {
    let name: String = name.chars().filter(|&c| c != '-').map(|c| c.to_ascii_lowercase()).collect();
    match registry {
        Registry::Xbrl => fixed(&name).or_else(|| number::find(&name)).or_else(|| date::find(&name)),
        Registry::Sec => sec(&name),
    }
}

fn fixed(name: &str) -> Option<Transform> {
    Some(match name {
        "fixedzero" => |_| Some("0".into()),
        "fixedtrue" | "booleantrue" => |_| Some("true".into()),
        "fixedfalse" | "booleanfalse" => |_| Some("false".into()),
        "fixedempty" | "nocontent" => |_| Some("".into()),
        _ => return None,
    })
}

fn sec(name: &str) -> Option<Transform> {
    Some(match name {
        "numwordsen" => |text| words::number(text).map(|n| n.to_string().into()),
        "numinf" => |_| Some("INF".into()),
        "numneginf" => |_| Some("-INF".into()),
        "numnan" => |_| Some("NaN".into()),
        "durwordsen" => |text| duration::in_words(text).map(Cow::from),
        "duryear" => |text| duration::years(text).map(Cow::from),
        "durmonth" => |text| duration::months(text).map(Cow::from),
        "durweek" => |text| duration::weeks(text).map(Cow::from),
        "durday" => |text| duration::days(text).map(Cow::from),
        "durhour" => |text| duration::hours(text).map(Cow::from),
        "datequarterend" => |text| date::quarter_end(text).map(Cow::from),
        "boolballotbox" => |text| ballot_box(text, "true", "false"),
        "yesnoballotbox" => |text| ballot_box(text, "Yes", "No"),
        "countrynameen" => |text| codes::country(text).map(Cow::from),
        "stateprovnameen" => |text| codes::state_or_province(text).map(Cow::from),
        "edgarprovcountryen" => |text| codes::edgar_province_or_country(text).map(Cow::from),
        "exchnameen" => |text| codes::exchange(text).map(Cow::from),
        "entityfilercategoryen" => |text| codes::filer_category(text).map(Cow::from),
        _ => return None,
    })
}

/// `☐` is no; `☑` and `☒` are yes.
fn ballot_box<'t>(text: &str, yes: &'t str, no: &'t str) -> Option<Cow<'t, str>> {
    match text {
        "\u{2610}" => Some(no.into()),
        "\u{2611}" | "\u{2612}" => Some(yes.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn apply(registry: Registry, name: &str, text: &str) -> Option<String> {
        let transform = find(registry, name).unwrap_or_else(|| panic!("no transformation {name}"));
        transform(text).map(Cow::into_owned)
    }

    #[test]
    fn the_versions_of_the_registry_differ_in_their_writing_only() {
        for name in ["numdotdecimal", "num-dot-decimal", "NUMdotDecimal"] {
            assert_eq!(apply(Registry::Xbrl, name, "1,234.5").as_deref(), Some("1234.5"));
        }
        for version in ["2010-04-20", "2015-02-26", "2020-02-12", "2022-02-16"] {
            let namespace = format!("http://www.xbrl.org/inlineXBRL/transformation/{version}");
            assert_eq!(Registry::of_namespace(&namespace), Some(Registry::Xbrl));
        }
    }

    #[test]
    fn a_name_belongs_to_one_registry() {
        assert!(find(Registry::Sec, "numdotdecimal").is_none());
        assert!(find(Registry::Xbrl, "numwordsen").is_none());
        assert!(find(Registry::Xbrl, "num-dot-decimals").is_none());
        assert_eq!(Registry::of_namespace("http://www.w3.org/1999/xhtml"), None);
    }

    #[test]
    fn fixed_values_do_not_look_at_the_text() {
        let fixed = |name| apply(Registry::Xbrl, name, "anything").unwrap();
        assert_eq!(fixed("fixed-zero"), "0");
        assert_eq!(fixed("fixed-true"), "true");
        assert_eq!(fixed("booleanfalse"), "false");
        assert_eq!(fixed("fixed-empty"), "");
        assert_eq!(fixed("nocontent"), "");
    }

    #[test]
    fn a_ballot_box_is_checked_or_not() {
        let boxed = |text| apply(Registry::Sec, "boolballotbox", text);
        assert_eq!(boxed("☐").as_deref(), Some("false"));
        assert_eq!(boxed("☑").as_deref(), Some("true"));
        assert_eq!(boxed("☒").as_deref(), Some("true"));
        assert_eq!(boxed("X"), None);
        assert_eq!(apply(Registry::Sec, "yesnoballotbox", "☐").as_deref(), Some("No"));
    }
}
