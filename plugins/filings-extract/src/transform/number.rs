//! Numbers in digits: which marks group them and which mark is the decimal point.

use std::borrow::Cow;

use super::Transform;

/// The transformation of that normalised name.
pub fn find(name: &str) -> Option<Transform> {
    Some(match name {
        "numdotdecimal" | "numdotdecimalin" => |text| decimal(text, '.', &[',', ' ', NBSP]),
        "numcommadecimal" => |text| decimal(text, ',', &['.', ' ', NBSP]),
        "numcommadot" => |text| decimal(text, '.', &[',']),
        "numspacedot" => |text| decimal(text, '.', &[' ', NBSP]),
        "numdotcomma" => |text| decimal(text, ',', &['.']),
        "numspacecomma" => |text| decimal(text, ',', &[' ', NBSP]),
        "numcomma" => |text| decimal(text, ',', &[]),
        "numdotdecimalapos" => |text| decimal(text, '.', &[',', ' ', NBSP, '\'', '`', '´', '’', '′']),
        "numcommadecimalapos" => |text| decimal(text, ',', &['.', ' ', NBSP, '\'', '`', '´', '’', '′']),
        "numunitdecimal" | "numunitdecimalin" => |text| with_unit(text, &['.', ',', ' ', NBSP]),
        "numunitdecimalapos" => |text| with_unit(text, &['.', ',', ' ', NBSP, '\'', '`', '´', '’', '′']),
        "zerodash" => |text| is_dash(text).then(|| "0".into()),
        "numdash" => |text| (text == "-").then(|| "0".into()),
        _ => return None,
    })
}

const NBSP: char = '\u{a0}';

/// Digits with grouping marks before the decimal point; where spaces group, they may stand behind it as
/// well. Where the marks stand among the digits does not matter: the newer versions of the registry
/// leave that open.
fn decimal<'t>(text: &'t str, point: char, groups: &[char]) -> Option<Cow<'t, str>> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(text.into());
    }
    let (whole, fraction) = match text.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut value = String::with_capacity(text.len());
    for c in whole.chars() {
        match c {
            '0'..='9' => value.push(c),
            _ if groups.contains(&c) => {}
            _ => return None,
        }
    }
    if let Some(fraction) = fraction {
        value.push('.');
        for c in fraction.chars() {
            match c {
                '0'..='9' => value.push(c),
                ' ' | NBSP if groups.contains(&c) => {}
                _ => return None,
            }
        }
    }
    let ends_in_a_digit = value.ends_with(|c: char| c.is_ascii_digit());
    ends_in_a_digit.then_some(value.into())
}

/// A whole number, its unit, hundredths and optionally their unit: `12 dollars 5 cents`.
fn with_unit<'t>(text: &'t str, groups: &[char]) -> Option<Cow<'t, str>> {
    let is_digit = |c: char| c.is_ascii_digit();
    let whole_end = text.find(|c| !is_digit(c) && !groups.contains(&c))?;
    let whole: String = text[..whole_end].chars().filter(|&c| is_digit(c)).collect();
    let rest = &text[whole_end..];
    let hundredths_start = rest.find(is_digit)?;
    let after = &rest[hundredths_start..];
    let hundredths_end = after.find(|c| !is_digit(c)).unwrap_or(after.len());
    let hundredths = &after[..hundredths_end];
    if whole.is_empty() || hundredths.len() > 2 || after[hundredths_end..].contains(is_digit) {
        return None;
    }
    Some(format!("{whole}.{hundredths:0>2}").into())
}

/// Whether the text is one dash, of any length that Unicode has.
fn is_dash(text: &str) -> bool {
    let mut chars = text.chars();
    let dash = chars.next().is_some_and(super::words::is_dash);
    dash && chars.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::super::{Registry, tests::apply};

    fn number(name: &str, text: &str) -> Option<String> {
        apply(Registry::Xbrl, name, text)
    }

    #[test]
    fn a_point_or_a_comma_is_the_decimal_mark() {
        let us = |text| number("num-dot-decimal", text);
        assert_eq!(us("81,797").as_deref(), Some("81797"));
        assert_eq!(us("1 234\u{a0}567.89").as_deref(), Some("1234567.89"));
        assert_eq!(us(".25").as_deref(), Some(".25"));
        assert_eq!(us("7").as_deref(), Some("7"));
        let eu = |text| number("num-comma-decimal", text);
        assert_eq!(eu("1.234,5").as_deref(), Some("1234.5"));
        assert_eq!(eu("1 234").as_deref(), Some("1234"));
        assert_eq!(number("num-dot-decimal-apos", "1’234.5").as_deref(), Some("1234.5"));
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        for text in ["", " ", ",", "—", "(5)", "-5", "1.2.3", "5.", "$5", "5%", "1e3", "٣"] {
            assert_eq!(number("num-dot-decimal", text), None, "{text:?}");
        }
        assert_eq!(number("num-comma-decimal", "1,234,567"), None);
        assert_eq!(number("numcommadot", "1 234"), None);
        assert_eq!(number("numspacecomma", "1.234"), None);
    }

    #[test]
    fn units_may_stand_between_whole_and_hundredths() {
        let money = |text| number("num-unit-decimal", text);
        assert_eq!(money("1,012 dollars 5 cents").as_deref(), Some("1012.05"));
        assert_eq!(money("12 euro 34").as_deref(), Some("12.34"));
        assert_eq!(money("12 dollars"), None);
        assert_eq!(money("12 dollars 345"), None);
    }

    #[test]
    fn only_a_dash_is_a_zero_dash() {
        for dash in ["-", "–", "—", "\u{2012}"] {
            assert_eq!(number("zerodash", dash).as_deref(), Some("0"), "{dash:?}");
        }
        assert_eq!(number("zerodash", "--"), None);
        assert_eq!(number("numdash", "—"), None);
    }
}
