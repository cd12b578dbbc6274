//! Names that the SEC's transformations turn into codes: places, stock exchanges, kinds of filers.
//!
//! The tables beside this file have one name a line, in lower case, without accents and punctuation, and
//! then its codes. They hold the names that the SEC's registry accepts. Names with two codes of which one
//! is missing have `-` there.

/// Name, ISO 3166-1 code, EDGAR code.
const PLACES: &str = include_str!("places.tsv");
/// Name, code of the US state or Canadian province.
const STATES: &str = include_str!("states.tsv");
/// Name, code of the stock exchange.
const EXCHANGES: &str = include_str!("exchanges.tsv");

/// The ISO code of a country.
pub fn country(name: &str) -> Option<&'static str> {
    look_up(PLACES, &normalise(name), 1)
}

/// The postal code of a US state or territory or a Canadian province.
pub fn state_or_province(name: &str) -> Option<&'static str> {
    look_up(STATES, &normalise(name), 1)
}

/// EDGAR's own code of a country or a Canadian province.
pub fn edgar_province_or_country(name: &str) -> Option<&'static str> {
    look_up(PLACES, &normalise(name), 2)
}

/// The code of a stock exchange.
pub fn exchange(name: &str) -> Option<&'static str> {
    let name = normalise(name);
    let company = [" llc", " inc"].iter().find_map(|suffix| name.strip_suffix(suffix));
    look_up(EXCHANGES, company.unwrap_or(&name), 1)
}

/// The kind of filer, as the taxonomy writes it.
pub fn filer_category(name: &str) -> Option<&'static str> {
    Some(match normalise(name).as_str() {
        "large accelerated filer" => "Large Accelerated Filer",
        "accelerated filer" => "Accelerated Filer",
        "non accelerated filer" => "Non-accelerated Filer",
        _ => return None,
    })
}

fn look_up(table: &'static str, name: &str, column: usize) -> Option<&'static str> {
    let line = table.lines().find(|line| line.split('\t').next() == Some(name))?;
    line.split('\t').nth(column).filter(|code| *code != "-")
}

/// Lower case, one space between words, no accents, no punctuation, no leading `the`.
fn normalise(name: &str) -> String {
    let plain: String = name.chars().filter_map(plain).flat_map(char::to_lowercase).collect();
    let mut words: Vec<&str> = plain.split_whitespace().collect();
    if words.first() == Some(&"the") {
        words.remove(0);
    }
    words.join(" ")
}

fn plain(c: char) -> Option<char> {
    match c {
        '.' | ',' | '\'' | '’' | '(' | ')' => None,
        c if super::words::is_dash(c) => Some(' '),
        'å' | 'Å' | 'ã' => Some('a'),
        'é' | 'É' => Some('e'),
        'ô' => Some('o'),
        'ç' => Some('c'),
        'ñ' => Some('n'),
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_a_code_in_each_list() {
        assert_eq!(state_or_province("California"), Some("CA"));
        assert_eq!(state_or_province("NEW  YORK"), Some("NY"));
        assert_eq!(state_or_province("Québec"), Some("QC"));
        assert_eq!(country("United States of America"), Some("US"));
        assert_eq!(country("Côte d’Ivoire"), Some("CI"));
        assert_eq!(edgar_province_or_country("Ontario, Canada"), Some("A6"));
        assert_eq!(edgar_province_or_country("the Republic of Korea"), Some("M5"));
        assert_eq!(edgar_province_or_country("Cayman Islands"), Some("E9"));
    }

    #[test]
    fn a_name_that_is_not_listed_has_no_code() {
        assert_eq!(state_or_province("Calif"), None);
        assert_eq!(country("Ontario"), None);
        assert_eq!(country(""), None);
        assert_eq!(exchange("the"), None);
        assert_eq!(filer_category("Filer"), None);
    }

    #[test]
    fn exchanges_and_filers() {
        assert_eq!(exchange("The Nasdaq Stock Market LLC"), Some("NASDAQ"));
        assert_eq!(exchange("New York Stock Exchange"), Some("NYSE"));
        assert_eq!(exchange("NYSE American"), Some("NYSEAMER"));
        assert_eq!(filer_category("Large accelerated filer"), Some("Large Accelerated Filer"));
        assert_eq!(filer_category("Non-accelerated filer"), Some("Non-accelerated Filer"));
    }

    #[test]
    fn every_line_of_every_table_can_be_found_by_its_own_name() {
        for (table, columns) in [(PLACES, 3), (STATES, 2), (EXCHANGES, 2)] {
            for line in table.lines() {
                let fields: Vec<_> = line.split('\t').collect();
                assert_eq!(fields.len(), columns, "{line:?}");
                assert_eq!(normalise(fields[0]), fields[0], "{line:?}");
                let (code, column) = (fields[columns - 1], columns - 1);
                assert_eq!(look_up(table, fields[0], column), Some(code).filter(|c| *c != "-"));
            }
        }
    }
}
