//! Decimal numbers as text.
//!
//! A filing says `81,797` and `scale="6"`, and means exactly 81797000000. Multiplying floats would
//! round; here the decimal point moves through the digits instead, and nothing is ever rounded.

use std::fmt::{self, Display};

/// An exact decimal number in its one canonical writing: no exponent, no needless zeros, no `-0`. That
/// writing is also a valid JSON number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal(String);

impl Decimal {
    /// Reads `digits[.digits]`, optionally with a sign, times ten to the power of `scale`. `None` when
    /// the text is anything else.
    ///
    /// The result has at most `scale.abs()` digits more than `text`: bounding both is the caller's part.
    #[must_use]
    pub fn parse(text: &str, scale: i32) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix(['-', '+']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let digits = [whole, fraction].concat();
        // Digits before the point; negative when zeros must stand between the point and the digits.
        let point = i64::try_from(whole.len()).ok()? + i64::from(scale);
        Some(Self::canonical(negative, &digits, point))
    }

    fn canonical(negative: bool, digits: &str, point: i64) -> Self {
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let significant = digits[leading..].trim_end_matches('0');
        if significant.is_empty() {
            return Self("0".to_owned());
        }
        let point = point - leading as i64;
        let mut text = String::with_capacity(significant.len() + point.unsigned_abs() as usize + 3);
        if negative {
            text.push('-');
        }
        if point <= 0 {
            text.push_str("0.");
            push_zeros(&mut text, point.unsigned_abs());
            text.push_str(significant);
        } else if point as usize >= significant.len() {
            text.push_str(significant);
            push_zeros(&mut text, point as u64 - significant.len() as u64);
        } else {
            let (whole, fraction) = significant.split_at(point as usize);
            text.push_str(whole);
            text.push('.');
            text.push_str(fraction);
        }
        Self(text)
    }

    /// The number with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        match self.0.strip_prefix('-') {
            Some(positive) => Self(positive.to_owned()),
            None if self.0 == "0" => self,
            None => Self(format!("-{}", self.0)),
        }
    }

    /// Whether a double can hold the number, rounded to nearest.
    #[must_use]
    pub fn fits_a_double(&self) -> bool {
        self.0.parse::<f64>().is_ok_and(f64::is_finite)
    }

    /// The canonical writing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn push_zeros(text: &mut String, count: u64) {
    text.extend((0..count).map(|_| '0'));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shifted(text: &str, scale: i32) -> String {
        Decimal::parse(text, scale).expect("a decimal").to_string()
    }

    #[test]
    fn the_point_moves_and_nothing_is_rounded() {
        assert_eq!(shifted("81797", 6), "81797000000");
        assert_eq!(shifted("1.26", 0), "1.26");
        assert_eq!(shifted("14.7", -2), "0.147");
        assert_eq!(shifted("5", -2), "0.05");
        assert_eq!(shifted("0.005", 2), "0.5");
        assert_eq!(shifted("0.1", 1), "1");
        assert_eq!(shifted("123456789012345678901.5", 0), "123456789012345678901.5");
    }

    #[test]
    fn there_is_one_writing_for_each_number() {
        for zero in ["0", "-0", "+0.000", ".0", "00."] {
            assert_eq!(shifted(zero, 3), "0");
        }
        assert_eq!(shifted("007.50", 0), "7.5");
        assert_eq!(shifted("-.5", 0), "-0.5");
        assert_eq!(Decimal::parse("0", 0).unwrap().negated().as_str(), "0");
        assert_eq!(Decimal::parse("-2", 0).unwrap().negated().as_str(), "2");
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for text in ["", ".", "-", "1,000", "1e6", "--1", "1.2.3", " 1", "٣", "NaN"] {
            assert_eq!(Decimal::parse(text, 0), None, "{text:?}");
        }
    }

    #[test]
    fn a_number_past_the_doubles_is_seen() {
        assert!(Decimal::parse("1", 100).unwrap().fits_a_double());
        assert!(!Decimal::parse(&"9".repeat(400), 0).unwrap().fits_a_double());
    }

    proptest! {
        #[test]
        fn shifting_agrees_with_integers(units in 0_u64..1_000_000_000, places in 0_u32..9, up in 0_u32..9) {
            let power = 10_u64.pow(places);
            let width = places as usize;
            let text = format!("{}.{:0width$}", units / power, units % power);
            // Shifting by `places` makes the number whole, further shifts multiply it.
            let expected = u128::from(units) * 10_u128.pow(up);
            prop_assert_eq!(shifted(&text, (places + up) as i32), expected.to_string());
        }

        #[test]
        fn shifting_there_and_back_changes_nothing(text in "-?[0-9]{1,20}(\\.[0-9]{1,20})?", by in -30..30_i32) {
            let there = Decimal::parse(&text, by).unwrap();
            let back = Decimal::parse(there.as_str(), -by).unwrap();
            prop_assert_eq!(back, Decimal::parse(&text, 0).unwrap());
        }

        #[test]
        fn the_writing_is_json_and_reads_as_the_same_number(text in "-?[0-9]{1,15}(\\.[0-9]{1,5})?") {
            let decimal = Decimal::parse(&text, 0).unwrap();
            prop_assert!(serde_json::from_str::<serde_json::Number>(decimal.as_str()).is_ok());
            prop_assert_eq!(decimal.as_str().parse::<f64>().unwrap(), text.parse::<f64>().unwrap() + 0.0);
        }
    }
}
