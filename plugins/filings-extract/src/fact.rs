//! One fact, in the form in which it leaves the extraction.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use serde_json::value::RawValue;

use crate::decimal::Decimal;

/// What kind of row a fact becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An `ix:nonFraction`.
    Numeric,
    /// An `ix:nonNumeric`.
    Text,
    /// A row of a table, or a line, of a filing without inline XBRL.
    Row,
}

/// The days that a fact is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Period<'a> {
    /// Not known, or all of time.
    #[default]
    None,
    /// One day, at its end.
    Instant(&'a str),
    /// From the first day to the last, both included.
    Duration {
        /// The first day.
        start: &'a str,
        /// The last day.
        end: &'a str,
    },
}

/// Axis and member, in the order of the filing.
pub type Dimension<'d> = (Cow<'d, str>, Cow<'d, str>);

/// One fact. Dates are `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact<'a> {
    /// What kind of row it becomes.
    pub kind: Kind,
    /// The concept as the filing names it, such as `us-gaap:Revenues`.
    pub concept: Cow<'a, str>,
    /// The exact number, with format, scale and sign applied.
    pub value: Option<Decimal>,
    /// A number as the filing shows it; of a text fact, its value.
    pub text: Cow<'a, str>,
    /// The unit, such as `USD` or `USD/shares`.
    pub unit: Option<&'a str>,
    /// The days that it is about.
    pub period: Period<'a>,
    /// What it is narrowed to; empty for the whole company, `None` where a filing has no dimensions.
    pub dimensions: Option<&'a [Dimension<'a>]>,
    /// The id of its context.
    pub context: Option<&'a str>,
    /// The power of ten that the shown number was multiplied by.
    pub scale: Option<i32>,
    /// How many decimal places are exact, as the filing writes it: `INF`, `2`, `-6`.
    pub decimals: Option<&'a str>,
}

impl Serialize for Fact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (start, end, instant) = match self.period {
            Period::None => (None, None, None),
            Period::Instant(day) => (None, None, Some(day)),
            Period::Duration { start, end } => (Some(start), Some(end), None),
        };
        // The exact digits go out as they are: a reader that wants a double rounds once, itself.
        let value = match &self.value {
            Some(decimal) => {
                Some(serde_json::from_str::<&RawValue>(decimal.as_str()).map_err(serde::ser::Error::custom)?)
            }
            None => None,
        };
        let mut line = serializer.serialize_struct("Fact", 12)?;
        line.serialize_field("kind", &self.kind)?;
        line.serialize_field("concept", &self.concept)?;
        line.serialize_field("value", &value)?;
        line.serialize_field("text", &self.text)?;
        line.serialize_field("unit", &self.unit)?;
        line.serialize_field("period_start", &start)?;
        line.serialize_field("period_end", &end)?;
        line.serialize_field("instant", &instant)?;
        line.serialize_field("dimensions", &self.dimensions.map(AsObject))?;
        line.serialize_field("context", &self.context)?;
        line.serialize_field("scale", &self.scale)?;
        line.serialize_field("decimals", &self.decimals)?;
        line.end()
    }
}

struct AsObject<'a>(&'a [Dimension<'a>]);

impl Serialize for AsObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.0.len()))?;
        for (axis, member) in self.0 {
            object.serialize_entry(axis, member)?;
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_every_column_and_the_exact_digits() {
        let dimensions = [("us-gaap:Axis".into(), "acme:Member".into())];
        let fact = Fact {
            kind: Kind::Numeric,
            concept: "us-gaap:Revenues".into(),
            value: Decimal::parse("12345678901234567890.5", 0),
            text: "1 \"x\"".into(),
            unit: Some("USD"),
            period: Period::Duration { start: "2023-01-01", end: "2023-03-31" },
            dimensions: Some(&dimensions),
            context: Some("c-1"),
            scale: Some(6),
            decimals: Some("INF"),
        };
        assert_eq!(
            serde_json::to_string(&fact).unwrap(),
            r#"{"kind":"numeric","concept":"us-gaap:Revenues","value":12345678901234567890.5,"text":"1 \"x\"","unit":"USD","period_start":"2023-01-01","period_end":"2023-03-31","instant":null,"dimensions":{"us-gaap:Axis":"acme:Member"},"context":"c-1","scale":6,"decimals":"INF"}"#
        );
    }
}
