//! The dates in contexts.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};

/// The day that an `instant`, a `startDate` or an `endDate` names, as `YYYY-MM-DD`. A date without a time
/// is itself. With a time of midnight, the end of a period is the end of the day before, as XBRL
/// defines it. A time zone says nothing about the day and is dropped.
pub fn read(text: &str, is_end: bool) -> Option<String> {
    let text = without_zone(text);
    if !text.contains('T') {
        // Parsed and written again, so that nothing but the one form passes.
        return Date::from_str(text).ok().map(|date| date.to_string()).filter(|day| day == text);
    }
    let moment = DateTime::from_str(text).ok()?;
    let is_midnight = moment.time() == Time::midnight();
    let date = if is_end && is_midnight { moment.date().yesterday().ok()? } else { moment.date() };
    Some(date.to_string())
}

/// How many days a period has, the last one not counted; `None` when a date is none.
pub fn days_between(start: &str, end: &str) -> Option<i32> {
    let (start, end) = (Date::from_str(start).ok()?, Date::from_str(end).ok()?);
    Some(start.until(end).ok()?.get_days())
}

fn without_zone(text: &str) -> &str {
    const DATE_LENGTH: usize = "2023-01-01".len();
    if let Some(local) = text.strip_suffix('Z') {
        return local;
    }
    // The zone is `+hh:mm` or `-hh:mm`; the hyphens of the date itself stand before it.
    let sign = text.char_indices().find(|&(at, c)| at >= DATE_LENGTH && matches!(c, '+' | '-'));
    match sign {
        Some((at, _)) => &text[..at],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day_whatever_its_writing() {
        assert_eq!(read("2023-07-01", true).as_deref(), Some("2023-07-01"));
        assert_eq!(read("2023-07-01Z", false).as_deref(), Some("2023-07-01"));
        assert_eq!(read("2023-07-01-05:00", true).as_deref(), Some("2023-07-01"));
        assert_eq!(read("2023-07-01T09:30:00", true).as_deref(), Some("2023-07-01"));
    }

    #[test]
    fn midnight_ends_the_day_before_and_starts_its_own() {
        assert_eq!(read("2023-07-01T00:00:00", true).as_deref(), Some("2023-06-30"));
        assert_eq!(read("2023-07-01T00:00:00Z", false).as_deref(), Some("2023-07-01"));
    }

    #[test]
    fn other_texts_are_no_days() {
        for text in ["", "Z", "2023", "2023-02-30", "20230701", "2023-7-1", "July 1, 2023", "2023-07-01T", "T"] {
            assert_eq!(read(text, true), None, "{text:?}");
        }
    }

    #[test]
    fn quarters_are_measured_in_days() {
        assert_eq!(days_between("2023-04-02", "2023-07-01"), Some(90));
        assert_eq!(days_between("2023-07-01", "2023-04-02"), Some(-90));
        assert_eq!(days_between("2023-07-01", ""), None);
    }
}
