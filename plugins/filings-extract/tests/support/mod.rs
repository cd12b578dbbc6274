//! What the tests share: reading documents, and looking at single facts.

use filings_common::Shape;
use filings_extract::extraction::{Extraction, extract};
use serde_json::Value;

/// The facts of an extraction, one JSON object each.
pub fn facts(extraction: &Extraction) -> Vec<Value> {
    let lines = std::str::from_utf8(&extraction.facts).expect("JSON Lines are UTF-8");
    let fact = |line: &str| serde_json::from_str(line).expect("every line is JSON");
    lines.lines().map(fact).collect()
}

/// What an inline XBRL document with this body says. The contexts are `q` (the second quarter of 2023),
/// `i` (its last day) and `s` (the quarter in one segment); the units are `usd`, `shares` and `eps`.
#[allow(dead_code, reason = "not every test file needs it")]
pub fn inline(body: &str) -> (Vec<Value>, Vec<String>) {
    let extraction = extract(document(body).as_bytes(), Shape::Html).expect("a whole document");
    (facts(&extraction), extraction.problems)
}

/// The only fact of such a document, and the problems.
#[allow(dead_code, reason = "not every test file needs it")]
pub fn only(body: &str) -> (Value, Vec<String>) {
    let (mut facts, problems) = inline(body);
    assert_eq!(facts.len(), 1, "{facts:?}");
    (facts.remove(0), problems)
}

/// Such a document.
#[allow(dead_code, reason = "not every test file needs it")]
pub fn document(body: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"
 xmlns:ix="http://www.xbrl.org/2013/inlineXBRL" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:ixt="http://www.xbrl.org/inlineXBRL/transformation/2020-02-12"
 xmlns:ixt-sec="http://www.sec.gov/inlineXBRL/transformation/2015-08-31"
 xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:xbrldi="http://xbrl.org/2006/xbrldi">
<body>{body}<ix:header><ix:resources>
<xbrli:context id="q"><xbrli:period><xbrli:startDate>2023-04-01</xbrli:startDate><xbrli:endDate>2023-06-30</xbrli:endDate></xbrli:period></xbrli:context>
<xbrli:context id="i"><xbrli:period><xbrli:instant>2023-06-30</xbrli:instant></xbrli:period></xbrli:context>
<xbrli:context id="s"><xbrli:entity><xbrli:segment><xbrldi:explicitMember dimension="us-gaap:SegmentAxis"> acme:AnvilsMember </xbrldi:explicitMember><xbrldi:typedMember dimension="acme:PlantAxis"><n>4</n></xbrldi:typedMember></xbrli:segment></xbrli:entity><xbrli:period><xbrli:startDate>2023-04-01</xbrli:startDate><xbrli:endDate>2023-06-30</xbrli:endDate></xbrli:period></xbrli:context>
<xbrli:unit id="usd"><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unit>
<xbrli:unit id="shares"><xbrli:measure>xbrli:shares</xbrli:measure></xbrli:unit>
<xbrli:unit id="eps"><xbrli:divide><xbrli:unitNumerator><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unitNumerator><xbrli:unitDenominator><xbrli:measure>xbrli:shares</xbrli:measure></xbrli:unitDenominator></xbrli:divide></xbrli:unit>
</ix:resources></ix:header></body></html>"#
    )
}
