//! Whole numbers in English words: `twenty-five`, `one hundred and two`, `no`.

/// The number that `text` says, or `None` when it is not a number in words below a quintillion.
pub fn number(text: &str) -> Option<u64> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = split(&lower).collect();
    match words.as_slice() {
        ["no" | "none" | "nil" | "zero"] => Some(0),
        words => count(words),
    }
}

/// The words of a number: dashes and commas stand between them as spaces do.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',' || is_dash(c)).filter(|word| !word.is_empty())
}

/// Whether the character is a hyphen or a dash of any length.
pub fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{58a}' | '\u{5be}' | '\u{2010}'..='\u{2015}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

/// The number of one or more words without `zero`. Each magnitude must be smaller than the one before.
pub fn count(words: &[&str]) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = words;
    let mut magnitude_below = u64::MAX;
    while !rest.is_empty() {
        if total > 0 && rest[0] == "and" {
            rest = &rest[1..];
        }
        let (group, after) = below_a_thousand(rest)?;
        let magnitude = after.first().and_then(|word| magnitude(word));
        rest = if magnitude.is_some() { &after[1..] } else { after };
        let magnitude = magnitude.unwrap_or(1);
        if magnitude >= magnitude_below {
            return None;
        }
        magnitude_below = magnitude;
        // "Twelve hundred" alone is 1,200; as a count of thousands it is not English.
        if group >= 1000 && (total > 0 || magnitude > 1) {
            return None;
        }
        total = total.checked_add(group.checked_mul(magnitude)?)?;
    }
    (total > 0).then_some(total)
}

/// Reads `[one..nineteen hundred [and]] [one..ninety-nine]` off the front.
fn below_a_thousand<'w, 's>(words: &'w [&'s str]) -> Option<(u64, &'w [&'s str])> {
    let (first, rest) = below_a_hundred(words)?;
    if rest.first() != Some(&"hundred") {
        return Some((first, rest));
    }
    if first >= 20 {
        return None;
    }
    let hundreds = first * 100;
    let rest = &rest[1..];
    let more = rest.strip_prefix(&["and"]).unwrap_or(rest);
    match below_a_hundred(more) {
        // The words belong to a smaller group when a magnitude follows: "one hundred, two thousand" is
        // not a number, but "and" with nothing after it is left for the caller to refuse as well.
        Some((ones, after)) => Some((hundreds + ones, after)),
        None => Some((hundreds, rest)),
    }
}

fn below_a_hundred<'w, 's>(words: &'w [&'s str]) -> Option<(u64, &'w [&'s str])> {
    let (word, rest) = words.split_first()?;
    if let Some(small) = small(word) {
        return Some((small, rest));
    }
    let tens = tens(word)?;
    match rest.split_first() {
        Some((word, after)) => match small(word) {
            Some(ones @ 1..=9) => Some((tens + ones, after)),
            _ => Some((tens, rest)),
        },
        None => Some((tens, rest)),
    }
}

fn small(word: &str) -> Option<u64> {
    const SMALL: [&str; 19] = [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    SMALL.into_iter().zip(1..).find(|(w, _)| *w == word).map(|(_, n)| n)
}

fn tens(word: &str) -> Option<u64> {
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    TENS.into_iter().zip(2..).find(|(w, _)| *w == word).map(|(_, n)| n * 10)
}

fn magnitude(word: &str) -> Option<u64> {
    Some(match word {
        "thousand" => 1_000,
        "million" => 1_000_000,
        "billion" => 1_000_000_000,
        "trillion" => 1_000_000_000_000,
        "quadrillion" => 1_000_000_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_read_as_they_are_said() {
        for (text, expected) in [
            ("No", 0),
            ("none", 0),
            ("zero", 0),
            ("One", 1),
            ("twenty-five", 25),
            ("twenty five", 25),
            ("Ninety", 90),
            ("one hundred and two", 102),
            ("twelve hundred", 1_200),
            ("twelve thousand three hundred four", 12_304),
            ("one million, two hundred thousand and one", 1_200_001),
            ("one thousand and five", 1_005),
        ] {
            assert_eq!(number(text), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_number_in_words_is_refused() {
        for text in [
            "",
            "and",
            "25",
            "some",
            "hundred",
            "one two",
            "twenty twelve",
            "zero one",
            "five and",
            "one thousand million",
            "one thousand two thousand",
            "twenty hundred",
            "one hundred and",
            "one hundred two thousand three million",
            "and one",
            "minus one",
        ] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    /// Says a number, as a child would learn it.
    fn say(n: u64) -> String {
        const ONES: [&str; 20] = [
            "",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ];
        const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
        let text = match n {
            0..20 => ONES[n as usize].to_owned(),
            20..100 => format!("{}-{}", TENS[n as usize / 10], say(n % 10)),
            100..1000 => format!("{} hundred {}", say(n / 100), say(n % 100)),
            1000..1_000_000 => format!("{} thousand {}", say(n / 1000), say(n % 1000)),
            _ => format!("{} million {}", say(n / 1_000_000), say(n % 1_000_000)),
        };
        text.trim_end_matches([' ', '-']).to_owned()
    }

    proptest! {
        #[test]
        fn every_number_that_can_be_said_can_be_read(n in 1_u64..1_000_000_000) {
            prop_assert_eq!(number(&say(n)), Some(n));
        }

        #[test]
        fn no_words_panic(text in "((one|two|twenty|ninety|hundred|thousand|million|and|no|[a-z]{0,3})[ ,-]?){0,9}") {
            let _ = number(&text);
        }
    }
}
