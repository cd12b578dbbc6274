//! Dates in digits and in English, read by the order of their parts.
//!
//! A full date becomes `YYYY-MM-DD`, a month of a year `YYYY-MM`, a day of every year `--MM-DD`. A year
//! of one or two digits is in the 2000s. A date that the calendar does not have is refused.

use std::borrow::Cow;

use jiff::civil::Date;

use self::Part::{Day, Month, MonthName, Year};
use super::Transform;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Day,
    Month,
    MonthName,
    Year,
}

/// The transformation of that normalised name.
pub fn find(name: &str) -> Option<Transform> {
    Some(match name {
        "datedaymonthyear" | "dateslasheu" | "datedoteu" => |t| read(t, &[Day, Month, Year]),
        "datemonthdayyear" | "dateslashus" | "datedotus" => |t| read(t, &[Month, Day, Year]),
        "dateyearmonthday" => |t| read(t, &[Year, Month, Day]),
        "datedaymonth" | "dateslashdaymontheu" => |t| read(t, &[Day, Month]),
        "datemonthday" | "dateslashmonthdayus" => |t| read(t, &[Month, Day]),
        "datemonthyear" => |t| read(t, &[Month, Year]),
        "dateyearmonth" => |t| read(t, &[Year, Month]),
        "datedaymonthnameyearen" | "datedaymonthyearen" | "datelonguk" | "dateshortuk" => {
            |t| read(t, &[Day, MonthName, Year])
        }
        "datemonthnamedayyearen" | "datemonthdayyearen" | "datelongus" | "dateshortus" => {
            |t| read(t, &[MonthName, Day, Year])
        }
        "datedaymonthnameen" | "datedaymonthen" | "datelongdaymonthuk" | "dateshortdaymonthuk" => {
            |t| read(t, &[Day, MonthName])
        }
        "datemonthnamedayen" | "datemonthdayen" | "datelongmonthdayus" | "dateshortmonthdayus" => {
            |t| read(t, &[MonthName, Day])
        }
        "datemonthnameyearen" | "datemonthyearen" | "datelongmonthyear" | "dateshortmonthyear" => {
            |t| read(t, &[MonthName, Year])
        }
        "dateyearmonthnameen" | "dateyearmonthen" | "datelongyearmonth" | "dateshortyearmonth" => {
            |t| read(t, &[Year, MonthName])
        }
        _ => return None,
    })
}

/// How many letters may follow a day: `June 30th`.
const SUFFIX_LETTERS_MAX: usize = 2;

/// Reads the parts in that order. Between them may stand anything but digits and names of months: `the`
/// and `of` in `1st of June, 2023`.
fn read<'t>(text: &'t str, parts: &[Part]) -> Option<Cow<'t, str>> {
    let (mut day, mut month, mut year) = (None, None, None);
    let mut rest = text;
    for (position, part) in parts.iter().enumerate() {
        let (before, token, after) = next_token(rest)?;
        // The first part begins the text, and a part is never glued to the one before it.
        if (position == 0) != before.is_empty() {
            return None;
        }
        match part {
            Day => day = Some(two_digits(token)?),
            Month => month = Some(two_digits(token)?),
            MonthName => month = Some(month_of_name(token)?),
            Year => year = Some(full_year(token)?),
        }
        rest = after;
    }
    let may_have_a_suffix = parts.last() == Some(&Day);
    let is_suffix = rest.len() <= SUFFIX_LETTERS_MAX && rest.bytes().all(|b| b.is_ascii_alphabetic());
    let is_complete = rest.is_empty() || (may_have_a_suffix && is_suffix);
    if !is_complete {
        return None;
    }
    match (year, month, day) {
        (Some(year), Some(month), Some(day)) => {
            let date = Date::new(year, month, day).ok()?;
            Some(date.to_string().into())
        }
        (Some(year), Some(month), None) => {
            Date::new(year, month, 1).ok()?;
            Some(format!("{year:04}-{month:02}").into())
        }
        (None, Some(month), Some(day)) => {
            // The 29th of February is a day of some years, such as 2000.
            Date::new(2000, month, day).ok()?;
            Some(format!("--{month:02}-{day:02}").into())
        }
        _ => None,
    }
}

/// The next run of digits or name of a month, with what stands before and after it.
fn next_token(text: &str) -> Option<(&str, &str, &str)> {
    let mut start = 0;
    loop {
        let begin = start + text[start..].find(|c: char| c.is_ascii_alphanumeric())?;
        let is_digit = text.as_bytes()[begin].is_ascii_digit();
        let same_kind = |c: char| {
            if is_digit { c.is_ascii_digit() } else { c.is_alphabetic() }
        };
        let length = text[begin..].find(|c| !same_kind(c)).unwrap_or(text.len() - begin);
        let end = begin + length;
        let token = &text[begin..end];
        if is_digit || month_of_name(token).is_some() {
            return Some((&text[..begin], token, &text[end..]));
        }
        start = end;
    }
}

fn two_digits(token: &str) -> Option<i8> {
    let number = token.parse().ok()?;
    (token.len() <= 2).then_some(number)
}

fn full_year(token: &str) -> Option<i16> {
    let year: i16 = token.parse().ok()?;
    match token.len() {
        1 | 2 => Some(2000 + year),
        4 => Some(year),
        _ => None,
    }
}

/// January to December, in full or as three letters (or `Sept`), in any case.
fn month_of_name(word: &str) -> Option<i8> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let is = |name: &str| {
        word.eq_ignore_ascii_case(name)
            || word.eq_ignore_ascii_case(&name[..3])
            || (name == "september" && word.eq_ignore_ascii_case("sept"))
    };
    NAMES.into_iter().zip(1..).find(|(name, _)| is(name)).map(|(_, month)| month)
}

/// The last day of a calendar quarter: `second quarter of 2023`, `2023 Q2`.
pub fn quarter_end(text: &str) -> Option<String> {
    let (mut year, mut quarter) = (None, None);
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let lower = word.to_ascii_lowercase();
        let ordinal = match lower.trim_start_matches('q') {
            "1" | "1st" | "first" => Some(1),
            "2" | "2nd" | "second" => Some(2),
            "3" | "3rd" | "third" => Some(3),
            "4" | "4th" | "fourth" | "last" => Some(4),
            _ => None,
        };
        let is_digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        let found_before = match (ordinal, is_digits) {
            (Some(ordinal), _) => quarter.replace(ordinal).is_some(),
            (None, true) if word.len() == 4 => year.replace(word.parse::<i16>().ok()?).is_some(),
            (None, true) => return None,
            (None, false) => false,
        };
        if found_before {
            return None;
        }
    }
    let last_month = Date::new(year?, quarter? * 3, 1).ok()?;
    Some(last_month.last_of_month().to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Registry, tests::apply};
    use super::*;

    fn date(name: &str, text: &str) -> Option<String> {
        apply(Registry::Xbrl, name, text)
    }

    #[test]
    fn the_name_says_the_order_of_the_parts() {
        for (name, text, expected) in [
            ("date-monthname-day-year-en", "July 1, 2023", "2023-07-01"),
            ("date-monthname-day-year-en", "June\u{a0}30, 23", "2023-06-30"),
            ("date-monthname-day-year-en", "Sept. 30th, 2023", "2023-09-30"),
            ("datemonthdayyearen", "DEC 31 2022", "2022-12-31"),
            ("date-day-monthname-year-en", "1st of June, 2023", "2023-06-01"),
            ("date-day-month-year", "01.07.2023", "2023-07-01"),
            ("date-month-day-year", "7/1/23", "2023-07-01"),
            ("date-year-month-day", "2023-07-01", "2023-07-01"),
            ("date-monthname-day-en", "December 31", "--12-31"),
            ("date-monthname-day-en", "June 30th", "--06-30"),
            ("date-day-monthname-en", "31 May", "--05-31"),
            ("date-month-day", "02/29", "--02-29"),
            ("date-day-month", "31.12", "--12-31"),
            ("date-monthname-year-en", "March 2023", "2023-03"),
            ("date-year-monthname-en", "2023, Mar", "2023-03"),
            ("date-month-year", "3/2023", "2023-03"),
        ] {
            assert_eq!(date(name, text).as_deref(), Some(expected), "{name} of {text:?}");
        }
    }

    #[test]
    fn dates_that_do_not_exist_or_do_not_fit_are_refused() {
        for (name, text) in [
            ("date-month-day-year", "13/1/2023"),
            ("date-monthname-day-year-en", "June 31, 2023"),
            ("date-monthname-day-year-en", "1 June 2023"),
            ("date-monthname-day-year-en", "as of June 30, 2023"),
            ("date-monthname-day-year-en", "June 30, 2023 (unaudited)"),
            ("date-monthname-day-year-en", "June 30, 202"),
            ("date-month-day", "02/30"),
            ("date-day-month-year", "1July2023"),
            ("date-monthname-day-en", ""),
            ("date-monthname-day-en", "Juny 3"),
            ("date-monthname-year-en", "June 30th"),
        ] {
            assert_eq!(date(name, text), None, "{name} of {text:?}");
        }
    }

    #[test]
    fn a_quarter_ends_on_its_last_day() {
        for text in ["second quarter of 2024", "2024 Q2", "2nd quarter, 2024"] {
            assert_eq!(quarter_end(text).as_deref(), Some("2024-06-30"), "{text:?}");
        }
        assert_eq!(quarter_end("Last quarter 2023").as_deref(), Some("2023-12-31"));
        for text in ["", "2024", "first quarter", "first and second quarter 2024", "fifth quarter 2024"] {
            assert_eq!(quarter_end(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,30}|([0-9]{1,3}[ ./-]?){0,4}|(May|[0-9]{1,4}|é| ){0,8}") {
            for name in ["datedaymonthyear", "datemonthnamedayyearen", "datemonthday", "dateyearmonthen"] {
                let _ = date(name, &text);
            }
            let _ = quarter_end(&text);
        }
    }
}
