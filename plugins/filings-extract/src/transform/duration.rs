//! Durations, as ISO 8601 writes them: `P2Y6M`.

use super::words;

/// How long a month is where a fraction of one is turned into days, in days: what the SEC's rules take.
const MONTH_DAYS: f64 = 30.4375;

/// A number of years; a fraction becomes months and days.
pub fn years(text: &str) -> Option<String> {
    let (years, sign) = amount(text)?;
    let months = years.fract() * 12.0;
    let days = months.fract() * MONTH_DAYS;
    Some(write(sign, &[(years, "Y"), (months, "M"), (days, "D")]))
}

/// A number of months; a fraction becomes days.
pub fn months(text: &str) -> Option<String> {
    let (months, sign) = amount(text)?;
    let days = months.fract() * MONTH_DAYS;
    Some(write(sign, &[(months, "M"), (days, "D")]))
}

/// A number of weeks, written in days.
pub fn weeks(text: &str) -> Option<String> {
    let (weeks, sign) = amount(text)?;
    Some(write(sign, &[(weeks * 7.0, "D")]))
}

/// A number of days; a fraction becomes hours.
pub fn days(text: &str) -> Option<String> {
    let (days, sign) = amount(text)?;
    Some(write(sign, &[(days, "D"), (days.fract() * 24.0, "TH")]))
}

/// A number of hours; a fraction is dropped.
pub fn hours(text: &str) -> Option<String> {
    let (hours, sign) = amount(text)?;
    Some(write(sign, &[(hours, "TH")]))
}

/// English words such as `ten years, 3 months and two days`.
pub fn in_words(text: &str) -> Option<String> {
    const UNITS: [(&str, &str, char); 3] = [("year", "years", 'Y'), ("month", "months", 'M'), ("day", "days", 'D')];
    let lower = text.to_lowercase();
    let words: Vec<&str> = words::split(&lower).collect();
    let mut units = UNITS.iter();
    let mut duration = String::from("P");
    let mut rest = words.as_slice();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let is_unit = |word: &&str| UNITS.iter().any(|(one, many, _)| word == one || word == many);
        let unit_at = rest.iter().position(is_unit)?;
        let unit = rest[unit_at];
        // Taking units from the iterator keeps them in order, each at most once.
        let (_, _, letter) = units.find(|(one, many, _)| unit == *one || unit == *many)?;
        let is_first = rest.len() == words.len();
        let amount = &rest[..unit_at];
        let joined = amount.strip_prefix(&["and"]).filter(|_| !is_first);
        let amount = joined.unwrap_or(amount);
        let amount = below_ten_thousand(amount)?;
        if amount > 0 {
            duration.push_str(&amount.to_string());
            duration.push(*letter);
        }
        rest = &rest[unit_at + 1..];
    }
    Some(if duration == "P" { "P0D".to_owned() } else { duration })
}

fn below_ten_thousand(words: &[&str]) -> Option<u64> {
    match words {
        ["no" | "none" | "zero"] => Some(0),
        [digits] if (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().ok()
        }
        words => words::count(words).filter(|&n| n < 10_000),
    }
}

/// A decimal number as its size and its sign.
fn amount(text: &str) -> Option<(f64, &'static str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let amount: f64 = unsigned.parse().ok().filter(|_| plain)?;
    // Past this, `trunc` as an integer would no longer be exact.
    const AMOUNT_MAX: f64 = 1e15;
    (amount < AMOUNT_MAX).then_some((amount, if text.starts_with('-') { "-" } else { "" }))
}

/// Writes the whole parts, the largest unit first. That one is written even when it is zero, as the
/// SEC's own implementation does it; the others are left out then.
fn write(sign: &str, parts: &[(f64, &str)]) -> String {
    let whole = parts.iter().map(|(amount, unit)| (amount.trunc() as u64, *unit));
    let is_zero = whole.clone().all(|(amount, _)| amount == 0);
    let written: String = whole
        .enumerate()
        .filter(|(position, (amount, _))| *position == 0 || *amount > 0)
        .map(|(_, (amount, unit))| part(amount, unit))
        .collect();
    format!("{}P{written}", if is_zero { "" } else { sign })
}

fn part(amount: u64, unit: &str) -> String {
    match unit.strip_prefix('T') {
        Some(unit) => format!("T{amount}{unit}"),
        None => format!("{amount}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(duration: Option<String>, expected: &str) {
        assert_eq!(duration.as_deref(), Some(expected));
    }

    #[test]
    fn an_amount_spills_into_the_smaller_units() {
        is(years("10"), "P10Y");
        is(years("2.5"), "P2Y6M");
        is(years("0.9"), "P0Y10M24D");
        is(months("18"), "P18M");
        is(months("1.5"), "P1M15D");
        is(weeks("26"), "P182D");
        is(days("90"), "P90D");
        is(days("1.5"), "P1DT12H");
        is(hours("36.9"), "PT36H");
        is(years("-1.5"), "-P1Y6M");
        is(years("0"), "P0Y");
        is(days("-0"), "P0D");
        is(hours("0"), "PT0H");
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", ".", "ten", "1e3", "inf", "NaN", "1,000", "--1", "99999999999999999999"] {
            assert_eq!(years(text), None, "{text:?}");
        }
    }

    #[test]
    fn words_name_years_months_and_days() {
        is(in_words("ten years"), "P10Y");
        is(in_words("One Year"), "P1Y");
        is(in_words("12 months"), "P12M");
        is(in_words("two years, three months and ten days"), "P2Y3M10D");
        is(in_words("twenty-four months"), "P24M");
        is(in_words("one hundred and eighty days"), "P180D");
        is(in_words("no years"), "P0D");
        is(in_words("zero years and six months"), "P6M");
    }

    #[test]
    fn other_words_are_refused() {
        for text in
            ["", "years", "ten", "ten weeks", "two days one year", "one year one year", "a year", "about ten years"]
        {
            assert_eq!(in_words(text), None, "{text:?}");
        }
    }
}
