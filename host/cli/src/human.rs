//! Quantities as people read them: counts with separators, sizes, durations, times.

use std::time::{Duration, SystemTime};

use serde_json::Number;

/// Beyond this a float is shown with an exponent: its digits would say more than it knows.
const PLAIN_FLOAT_MAX: f64 = 1e15;
/// Below this a float is shown with an exponent: it would be mostly zeros.
const PLAIN_FLOAT_MIN: f64 = 1e-6;

/// Digits from which on a text of digits is taken for a quantity.
const DECIMAL_DIGITS_MIN: usize = 5;

/// `81,797,000,000`
pub fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// A number of JSON, with separators in its whole part.
pub fn number(number: &Number) -> String {
    match number.as_f64() {
        _ if number.is_i64() || number.is_u64() => grouped(&number.to_string()),
        Some(float) if float == 0.0 || (PLAIN_FLOAT_MIN..PLAIN_FLOAT_MAX).contains(&float.abs()) => {
            grouped(&float.to_string())
        }
        _ => number.to_string(),
    }
}

/// A number that is kept as text because it is exact, such as `81797000000.25`, with separators. Short ones, which
/// may be years, and those that begin with 0, which may be codes, are none.
pub fn decimal(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = is_digits(whole) && is_digits(fraction) && !whole.starts_with('0');
    (is_number && whole.len() >= DECIMAL_DIGITS_MIN).then(|| grouped(text))
}

/// Puts separators into the whole part of a decimal number.
fn grouped(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (whole, fraction) = digits.find('.').map_or((digits, ""), |at| digits.split_at(at));
    let mut text = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

/// `48.2 KB`: decimal units, as disks have them.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_000.0;
    let mut unit = 0;
    // 999.95 would be rounded to `1000.0`.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `1.3 s`, `420 ms`, `2m 5s`
pub fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else if duration < Duration::from_secs(60) {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
    }
}

/// A duration that may be far below a millisecond: `250 µs`, `4.0 ms`, else as [`duration`] has it.
pub fn short_duration(short: Duration) -> String {
    if short < Duration::from_millis(1) {
        format!("{} µs", short.as_micros())
    } else if short < Duration::from_millis(10) {
        format!("{:.1} ms", short.as_secs_f64() * 1e3)
    } else {
        duration(short)
    }
}

/// A time in milliseconds since 1970, in UTC: `2026-01-31 12:00:05Z`.
pub fn time(since_1970_ms: i64) -> String {
    let since = Duration::from_millis(u64::try_from(since_1970_ms).unwrap_or_default());
    match SystemTime::UNIX_EPOCH.checked_add(since) {
        // The formatter refuses what lies past the year 9999.
        Some(time) if since.as_secs() < 253_402_300_800 => {
            humantime::format_rfc3339_seconds(time).to_string().replacen('T', " ", 1)
        }
        _ => format!("{since_1970_ms} ms"),
    }
}

/// A text that may come from a plugin, without what would make a terminal do more than show it.
pub fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{fffd}")
}

/// `1 item`, `2 items`
pub fn plural(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(number as u64), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> String {
        number(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn numbers_have_separators_in_their_whole_part_only() {
        assert_eq!(count(999), "999");
        assert_eq!(count(81_797_000_000), "81,797,000,000");
        assert_eq!(shown("-1234"), "-1,234");
        assert_eq!(shown("1234567.12345"), "1,234,567.12345");
        assert_eq!(shown("81797000000.0"), "81,797,000,000");
        assert_eq!(shown("-0.5"), "-0.5");
        assert_eq!(shown("18446744073709551615"), "18,446,744,073,709,551,615");
    }

    #[test]
    fn exact_numbers_that_came_as_text_have_separators_too() {
        assert_eq!(decimal("81797000000").unwrap(), "81,797,000,000");
        assert_eq!(decimal("-12345.50").unwrap(), "-12,345.50");
        for other in ["2023", "0000320193", "0000320193-23-000077", "12345.", "1e10", "", "-", "12,345", "١٢٣٤٥"] {
            assert_eq!(decimal(other), None, "{other}");
        }
    }

    #[test]
    fn floats_of_extreme_size_keep_their_exponent() {
        assert_eq!(shown("1e300"), "1e+300");
        assert_eq!(shown("1e-9"), "1e-9");
        assert_eq!(shown("0.0"), "0");
    }

    #[test]
    fn sizes_take_the_unit_that_leaves_few_digits() {
        assert_eq!(size(999), "999 B");
        assert_eq!(size(48_220), "48.2 KB");
        assert_eq!(size(999_999), "1.0 MB");
        assert_eq!(size(u64::MAX), "18446.7 PB");
    }

    #[test]
    fn durations_grow_coarser_with_their_length() {
        assert_eq!(duration(Duration::from_millis(420)), "420 ms");
        assert_eq!(duration(Duration::from_millis(1_340)), "1.3 s");
        assert_eq!(duration(Duration::from_millis(125_900)), "2m 5s");
    }

    #[test]
    fn short_durations_keep_two_digits() {
        assert_eq!(short_duration(Duration::from_nanos(250_700)), "250 µs");
        assert_eq!(short_duration(Duration::from_micros(4_040)), "4.0 ms");
        assert_eq!(short_duration(Duration::from_millis(42)), "42 ms");
    }

    #[test]
    fn no_text_reaches_the_terminal_as_a_command() {
        assert_eq!(printable("a\tb\nc\u{1b}[2J\u{9b}1m\r"), "a\tb\nc\u{fffd}[2J\u{fffd}1m\u{fffd}");
    }

    #[test]
    fn times_are_utc_and_never_panic() {
        assert_eq!(time(1_700_000_000_000), "2023-11-14 22:13:20Z");
        assert_eq!(time(-5), "1970-01-01 00:00:00Z");
        assert_eq!(time(i64::MAX), format!("{} ms", i64::MAX));
    }
}
