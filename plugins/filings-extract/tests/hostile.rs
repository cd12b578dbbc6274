//! Bytes that are no filing, or no longer one: an error at worst, never a panic.

mod support;

use filings_common::Shape;
use filings_extract::Error;
use filings_extract::extraction::extract;
use proptest::prelude::*;

use crate::support::{document, facts};

#[test]
fn an_empty_file_is_empty_in_either_shape() {
    for bytes in [&b""[..], b" \r\n", "\u{feff}".as_bytes()] {
        assert_eq!(extract(bytes, Shape::Html), Err(Error::Empty));
    }
    assert_eq!(extract(b"\n", Shape::Submission), Err(Error::Empty));
}

#[test]
fn a_file_that_is_not_utf8_says_where() {
    assert_eq!(extract(b"<html>caf\xe9</html>", Shape::Html), Err(Error::NotUtf8 { offset: 9 }));
}

#[test]
fn a_page_without_facts_is_a_problem_and_no_error() {
    let extraction = extract(b"<html><p>Hello</p></html>", Shape::Html).unwrap();
    assert_eq!((extraction.rows, extraction.problems.len()), (0, 1));
}

/// A document with most of what a filing can have.
fn rich() -> String {
    document(
        r#"<ix:nonNumeric name="a:T" contextRef="s" continuedAt="n" escape="true">é <ix:exclude>7</ix:exclude>
        <ix:nonFraction name="us-gaap:Revenues" contextRef="q" unitRef="eps" scale="6" sign="-" decimals="-6" format="ixt:num-dot-decimal">81,797.5</ix:nonFraction>
        <ix:nonFraction name="a:N" contextRef="i" unitRef="usd" xsi:nil="true"/></ix:nonNumeric>
        <ix:continuation id="n">&amp;<ix:nonNumeric name="a:D" contextRef="q" format="ixt:date-monthname-day-year-en">June 30, 2023</ix:nonNumeric></ix:continuation>"#,
    )
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = extract(&bytes, Shape::Html);
        let _ = extract(&bytes, Shape::Submission);
    }

    #[test]
    fn random_markup_never_panics(text in "((<|</|&|<!|<!--|\\]\\]>|>|/>|=|\"|ix:|td|tr|table|html|xmlns|DOCUMENT>|TEXT>|XBRL>|SEC-DOCUMENT>| |é|a|1)){0,60}") {
        let _ = extract(text.as_bytes(), Shape::Html);
        let _ = extract(text.as_bytes(), Shape::Submission);
        let _ = extract(document(&text).as_bytes(), Shape::Html);
    }

    #[test]
    fn a_damaged_filing_never_panics_and_never_loses_its_form(
        at in any::<prop::sample::Index>(),
        removed in 0_usize..30,
        inserted in "[<>/&;\"'= a-z0-9:é-]{0,6}",
    ) {
        let whole = rich();
        let at = whole.floor_char_boundary(at.index(whole.len()));
        let end = whole.ceil_char_boundary((at + removed).min(whole.len()));
        let damaged = [&whole[..at], &inserted, &whole[end..]].concat();
        if let Ok(extraction) = extract(damaged.as_bytes(), Shape::Html) {
            let facts = facts(&extraction);
            let counted = extraction.numeric + extraction.text + extraction.rows;
            prop_assert_eq!(facts.len(), counted as usize);
            for fact in facts {
                prop_assert!(fact["value"].is_null() || fact["value"].is_number());
                prop_assert_eq!(fact.as_object().map(serde_json::Map::len), Some(12));
            }
        }
    }
}
