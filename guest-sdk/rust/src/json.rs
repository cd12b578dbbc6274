//! Values as the host writes them in JSON, where it differs from what serde makes of Rust's types.

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

/// The arguments of a call: what serde makes of them, save that no arguments are an empty list and not null.
pub(crate) fn arguments(arguments: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(arguments)?;
    Ok(if text == "null" { "[]".to_owned() } else { text })
}

/// A number of which every value goes to the host and comes back. 64-bit integers past ±(2⁵³ − 1), infinities and
/// NaN are strings there, because JSON's numbers do not carry them; serde by itself refuses a string for an `i64`
/// or an `f64`, and writes an `f64` without a number as null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number<T>(pub T);

impl<T: Display + Serialize> Serialize for Number<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_string().as_str() {
            "NaN" => serializer.serialize_str("nan"),
            infinity @ ("inf" | "-inf") => serializer.serialize_str(infinity),
            _ => self.0.serialize(serializer),
        }
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor(PhantomData))
    }
}

/// Reads the number from its digits, whichever way JSON wrote them.
struct NumberVisitor<T>(PhantomData<T>);

impl<T: FromStr<Err: Display>> Visitor<'_> for NumberVisitor<T> {
    type Value = Number<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a number, or a string that holds one")
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map(Number).map_err(|error| E::custom(format_args!("{text}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_arguments_are_an_empty_list() {
        assert_eq!(arguments(&()).unwrap(), "[]");
        assert_eq!(arguments(&(5,)).unwrap(), "[5]");
        assert_eq!(arguments(&("a", 0.5)).unwrap(), r#"["a",0.5]"#);
    }

    #[test]
    fn a_number_is_read_from_digits_in_a_string_as_well() {
        let read = |text| serde_json::from_str::<Number<i64>>(text).map(|number| number.0);

        assert_eq!(read("-5").unwrap(), -5);
        assert_eq!(read("\"9223372036854775807\"").unwrap(), i64::MAX);
        assert!(read("\"9223372036854775808\"").is_err());
        assert!(read("1.5").is_err());
        assert!(read("true").is_err());
    }

    #[test]
    fn floats_that_json_does_not_have_are_read_from_their_names() {
        let read = |text| serde_json::from_str::<Number<f64>>(text).map(|number| number.0);

        assert_eq!(read("0.1").unwrap(), 0.1);
        assert_eq!(read("\"-inf\"").unwrap(), f64::NEG_INFINITY);
        assert!(read("\"nan\"").unwrap().is_nan());
    }

    #[test]
    fn floats_that_json_does_not_have_are_written_by_their_names() {
        let floats = (Number(f64::NAN), Number(f64::INFINITY), Number(f32::NEG_INFINITY), Number(0.1));

        assert_eq!(arguments(&floats).unwrap(), r#"["nan","inf","-inf",0.1]"#);
        assert_eq!(arguments(&(Number(u64::MAX),)).unwrap(), "[18446744073709551615]");
    }
}
