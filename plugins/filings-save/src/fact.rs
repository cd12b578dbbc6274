//! One fact, as it stands in a line of JSON.
//!
//! The line is the contract between the extraction and this plugin, so it is read strictly: an unknown
//! field, a field of another type or a date that does not exist is an error, and not a null in a file
//! that someone will trust. A field that may be null may also be left out.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, de};

/// A fact of a filing.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What sort of fact it is.
    pub kind: Kind,
    /// The concept that it states, such as `us-gaap:Revenues`; of a table's row, its label.
    pub concept: String,
    /// The double nearest to the exact number, in [`unit`](Self::unit)s.
    pub value: Option<f64>,
    /// The text as the filing shows it.
    pub text: String,
    /// The unit, such as `USD` or `USD/shares`.
    pub unit: Option<String>,
    /// The first day of the period that the fact is about.
    pub period_start: Option<Date>,
    /// The last day of that period.
    pub period_end: Option<Date>,
    /// The day that the fact is about, where it is about a day.
    pub instant: Option<Date>,
    /// What the fact is narrowed to: member by axis. Sorted by axis, so that equal dimensions have
    /// equal text.
    pub dimensions: Option<BTreeMap<String, String>>,
    /// The id of the fact's context in the filing.
    pub context: Option<String>,
    /// The power of ten that the shown number was multiplied by.
    pub scale: Option<i32>,
    /// The accuracy: decimal places such as `-6`, or `INF`.
    pub decimals: Option<String>,
}

/// What sort of fact it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A tagged number.
    Numeric,
    /// A tagged text.
    Text,
    /// A row of a table in a filing without tags.
    Row,
}

impl Kind {
    /// The kind's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Text => "text",
            Self::Row => "row",
        }
    }
}

/// A calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(NaiveDate);

impl Date {
    /// Reads `YYYY-MM-DD`, a day that exists, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        // The parser also takes 2023-7-1 and +2023-07-01; only the canonical form prints back the same.
        (date.to_string() == text).then_some(Self(date))
    }

    /// Days since 1970-01-01, negative before it, as Parquet counts them.
    #[must_use]
    pub fn days_since_1970(self) -> i32 {
        self.0.to_epoch_days()
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"a date YYYY-MM-DD"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_is_counted_from_1970() {
        for (text, days) in [("1970-01-01", 0), ("1969-12-31", -1), ("2000-03-01", 11_017), ("2023-07-01", 19_539)] {
            assert_eq!(Date::parse(text).unwrap().days_since_1970(), days, "{text}");
        }
    }

    #[test]
    fn only_days_that_exist_in_the_one_spelling_are_dates() {
        for text in [
            "",
            "2023-02-29",
            "2023-13-01",
            "2023-7-1",
            "+2023-07-01",
            " 2023-07-01",
            "2023-07-01T00:00:00",
            "20230701",
            "12023-07-01",
        ] {
            assert_eq!(Date::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn later_days_have_larger_numbers(a in 0..3_000_000i32, b in 0..3_000_000i32) {
            let day = |n| NaiveDate::from_epoch_days(n).map(|d| d.to_string());
            if let (Some(first), Some(second)) = (day(a), day(b))
                && first.len() == 10 && second.len() == 10
            {
                let count = |text: &str| Date::parse(text).unwrap().days_since_1970();
                prop_assert_eq!(count(&first), a);
                prop_assert_eq!(first.cmp(&second), count(&first).cmp(&count(&second)));
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,14}|[0-9-]{8,11}") {
            if let Some(date) = Date::parse(&text) {
                prop_assert_eq!(date.0.to_string(), text);
            }
        }
    }
}
