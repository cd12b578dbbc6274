//! The sample filings that ship with the project, read whole.

mod support;

use std::path::{Path, PathBuf};

use filings_common::Shape;
use filings_extract::Error;
use filings_extract::extraction::{Extraction, Mode, extract};
use serde_json::{Value, json};

use crate::support::facts;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/filings")
}

fn read(path: &str) -> (Vec<u8>, Shape) {
    let path = samples().join(path);
    let name = path.file_name().and_then(|name| name.to_str()).expect("a file's name");
    let shape = Shape::of_file(name).expect("a known shape");
    (std::fs::read(&path).expect("the sample is there"), shape)
}

fn sample(path: &str) -> Extraction {
    let (bytes, shape) = read(path);
    let extraction = extract(&bytes, shape).expect("the sample is whole");
    assert_eq!(extraction.problems, [""; 0]);
    extraction
}

/// The facts of a concept, in order.
fn of<'f>(facts: &'f [Value], concept: &str) -> Vec<&'f Value> {
    facts.iter().filter(|fact| fact["concept"] == concept).collect()
}

fn texts(facts: &[&Value]) -> Vec<String> {
    facts.iter().map(|fact| fact["text"].as_str().unwrap_or_default().to_owned()).collect()
}

const ACME: &str = "ACME/10-Q/9990000001-23-000019/primary-document.html";
const BOLT: &str = "BOLT/10-Q/9990000002-24-000007/full-submission.txt";
const CORA: &str = "CORA/10-Q/9990000003-09-000005/full-submission.txt";
const DYNE: &str = "DYNE/10-Q/9990000004-24-000003/primary-document.html";

#[test]
fn acme_reports_a_quarter_by_segment() {
    let extraction = sample(ACME);
    assert_eq!(extraction.mode, Mode::InlineXbrl);
    assert_eq!((extraction.numeric, extraction.text, extraction.rows), (63, 23, 0));
    assert_eq!(extraction.revenue.as_deref(), Some("51864000"));
    let facts = facts(&extraction);
    let revenue = of(&facts, "us-gaap:RevenueFromContractWithCustomerExcludingAssessedTax");
    let in_the_quarter: Vec<_> = revenue
        .iter()
        .filter(|fact| fact["period_start"] == "2023-07-01")
        .map(|fact| (fact["value"].as_i64(), fact["dimensions"]["us-gaap:StatementBusinessSegmentsAxis"].as_str()))
        .collect();
    assert_eq!(
        in_the_quarter,
        [
            (Some(51_864_000), None),
            (Some(33_519_000), Some("acme:AnvilsMember")),
            (Some(18_345_000), Some("acme:SpringsMember")),
        ]
    );
    let impairment = of(&facts, "us-gaap:GoodwillImpairmentLoss");
    let values: Vec<_> = impairment.iter().map(|fact| &fact["value"]).collect();
    assert_eq!(values, [&json!(0), &json!(0), &json!(0), &Value::Null]);
    assert_eq!(of(&facts, "us-gaap:NumberOfStores")[0]["value"], 25);
    assert_eq!(of(&facts, "us-gaap:ConcentrationRiskPercentage")[0]["value"], json!(0.142));
    let plant = of(&facts, "us-gaap:PropertyPlantAndEquipmentGross")[0];
    assert_eq!(
        (&plant["value"], &plant["dimensions"], &plant["instant"]),
        (&json!(12_600_000), &json!({"acme:PlantNumberAxis": "4"}), &json!("2023-09-30"))
    );
}

#[test]
fn acme_has_a_cover_and_a_note_in_three_pieces() {
    let extraction = sample(ACME);
    let facts = facts(&extraction);
    for (concept, text) in [
        ("dei:DocumentPeriodEndDate", "2023-09-30"),
        ("dei:DocumentQuarterlyReport", "true"),
        ("dei:DocumentTransitionReport", "false"),
        ("dei:EntityIncorporationStateCountryCode", "DE"),
        ("dei:SecurityExchangeName", "NYSE"),
        ("dei:EntityFilerCategory", "Accelerated Filer"),
        ("us-gaap:FiniteLivedIntangibleAssetUsefulLife", "P10Y"),
        ("acme:PaymentTerm", "P30D"),
        ("acme:CustomersLost", "0"),
        ("acme:PlantOpeningDate", "2021-05-01"),
    ] {
        assert_eq!(texts(&of(&facts, concept)), [text], "{concept}");
    }
    let note = texts(&of(&facts, "us-gaap:RevenueFromContractWithCustomerTextBlock")).remove(0);
    assert!(note.starts_with("Note 1 – Revenue."), "{note}");
    assert!(note.contains("within 30 days.See also"), "the page number is excluded: {note}");
    assert!(!note.contains("belongs to no note"), "{note}");
    assert!(note.ends_with("no customers were lost."), "{note}");
}

#[test]
fn bolt_comes_in_an_envelope_and_has_an_older_registry() {
    let extraction = sample(BOLT);
    assert_eq!((extraction.mode, extraction.numeric, extraction.text), (Mode::InlineXbrl, 23, 12));
    // Exact, although the text below says 1.2 billion, and the total although a part is tagged too.
    assert_eq!(extraction.revenue.as_deref(), Some("1204000000"));
    let facts = facts(&extraction);
    for (concept, text) in [
        ("dei:EntityRegistrantName", "Bolt & Nut Fasteners, Inc."),
        ("dei:DocumentPeriodEndDate", "2024-03-31"),
        ("dei:CurrentFiscalYearEndDate", "--12-31"),
        ("dei:EntityIncorporationStateCountryCode", "A6"),
        ("dei:SecurityExchangeName", "NASDAQ"),
        ("dei:EntityShellCompany", "false"),
        ("us-gaap:DebtInstrumentTerm", "P5Y6M"),
    ] {
        assert_eq!(texts(&of(&facts, concept)), [text], "{concept}");
    }
    let loan = of(&facts, "us-gaap:DebtInstrumentFaceAmount")[0];
    assert_eq!((&loan["value"], &loan["unit"]), (&json!(250_500_000), &json!("EUR")));
    assert_eq!(of(&facts, "us-gaap:DebtInstrumentInterestRateStatedPercentage")[0]["value"], json!(0.04125));
    assert_eq!(of(&facts, "us-gaap:EarningsPerShareDiluted")[0]["value"], json!(-0.46));
}

#[test]
fn cora_has_no_tags_and_gives_ten_rows() {
    let extraction = sample(CORA);
    assert_eq!((extraction.mode, extraction.rows), (Mode::TableRows, 10));
    assert_eq!(extraction.revenue, None);
    let facts = facts(&extraction);
    let shown: Vec<_> = facts
        .iter()
        .map(|fact| (fact["concept"].as_str().unwrap(), fact["text"].as_str().unwrap(), fact["value"].as_i64()))
        .collect();
    assert_eq!(shown[0], ("2009", "2008", Some(2008)));
    assert_eq!(shown[1], ("Net sales", "$ 18,442", Some(18_442)));
    assert_eq!(shown[4], ("Selling & administrative", "5,120", Some(5_120)));
    assert_eq!(shown[5], ("Operating income (loss)", "(583)", Some(-583)));
    assert_eq!(shown[7], ("Income tax benefit", "—", None));
    assert_eq!(facts[9]["dimensions"], Value::Null);
}

#[test]
fn dyne_has_unusual_prefixes() {
    let extraction = sample(DYNE);
    assert_eq!((extraction.mode, extraction.numeric, extraction.text), (Mode::InlineXbrl, 7, 6));
    assert_eq!(extraction.revenue.as_deref(), Some("417900000"));
    let facts = facts(&extraction);
    assert_eq!(of(&facts, "dyne:Turbines")[0]["value"], 115);
    assert_eq!(of(&facts, "us-gaap:WarrantsAndRightsOutstanding")[0]["value"], 0);
    let price = of(&facts, "dyne:PricePerMegawattHour")[0];
    assert_eq!((&price["value"], &price["unit"], &price["scale"]), (&json!(61.25), &json!("USD/MWh"), &Value::Null));
    let turbines = of(&facts, "us-gaap:Revenues")[2];
    assert_eq!(turbines["dimensions"], json!({"us-gaap:StatementBusinessSegmentsAxis": "dyne:TurbinesMember"}));
}

#[test]
fn every_sample_is_truncated_wherever_it_is_cut() {
    for path in [ACME, BOLT, CORA, DYNE] {
        let (bytes, shape) = read(path);
        let last_tag = bytes.iter().rposition(|&b| b == b'>').expect("it ends in a tag");
        for cut in (100..last_tag).step_by(97) {
            // A cut inside a character is seen as such, at the same place.
            let cut = String::from_utf8_lossy(&bytes[..cut]).into_owned();
            let error = extract(cut.as_bytes(), shape).expect_err("it is not whole");
            let is_seen = matches!(error, Error::Truncated { .. } | Error::NoDocument { .. });
            assert!(is_seen, "{path} cut at {}: {error}", cut.len());
        }
    }
}
