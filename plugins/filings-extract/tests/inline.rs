//! What inline XBRL says, told in small documents.

mod support;

use filings_common::Shape;
use filings_extract::Error;
use filings_extract::extraction::{Mode, extract};
use filings_extract::limits;
use serde_json::{Value, json};

use crate::support::{document, facts, inline, only};

/// A numeric fact with these further attributes, shown as `shown`.
fn number(attributes: &str, shown: &str) -> String {
    format!(r#"<ix:nonFraction name="a:N" contextRef="q" unitRef="usd" {attributes}>{shown}</ix:nonFraction>"#)
}

fn text(attributes: &str, shown: &str) -> String {
    format!(r#"<ix:nonNumeric name="a:T" contextRef="q" {attributes}>{shown}</ix:nonNumeric>"#)
}

#[test]
fn a_number_has_its_format_scale_and_sign_applied() {
    let (fact, problems) =
        only(&number(r#"format="ixt:num-dot-decimal" scale="6" sign="-" decimals="-6""#, " 81,797 "));
    assert_eq!(
        fact,
        json!({
            "kind": "numeric", "concept": "a:N", "value": -81_797_000_000_i64, "text": "81,797",
            "unit": "USD", "period_start": "2023-04-01", "period_end": "2023-06-30", "instant": null,
            "dimensions": {}, "context": "q", "scale": 6, "decimals": "-6",
        })
    );
    assert_eq!(problems, [""; 0]);
}

#[test]
fn a_context_gives_dates_and_dimensions_and_a_unit_is_written_out() {
    let body = number("", "1").replace("\"q\"", "\"s\"").replace("\"usd\"", "\"eps\"");
    let (fact, _) = only(&body);
    assert_eq!(fact["unit"], "USD/shares");
    assert_eq!(fact["dimensions"], json!({"us-gaap:SegmentAxis": "acme:AnvilsMember", "acme:PlantAxis": "4"}));
    let (fact, _) = only(&number("", "1").replace("\"q\"", "\"i\""));
    assert_eq!((&fact["instant"], &fact["period_start"]), (&json!("2023-06-30"), &Value::Null));
}

#[test]
fn facts_inside_facts_are_facts_of_their_own_in_the_order_of_their_tags() {
    let inner = number(r#"format="ixt:num-dot-decimal""#, "1,000");
    let (facts, _) = inline(&text("", &format!("<p>We sold {inner} anvils.</p>")));
    assert_eq!(facts[0]["text"], "We sold 1,000 anvils.");
    assert_eq!(facts[1]["value"], 1000);
    let nested = number(r#"scale="3""#, &number(r#"scale="0""#, "5"));
    let (facts, _) = inline(&nested);
    assert_eq!((&facts[0]["value"], &facts[1]["value"]), (&json!(5000), &json!(5)));
}

#[test]
fn nil_is_no_value_and_no_problem() {
    let (facts, problems) = inline(&format!(
        "{}{}",
        number(r#"xsi:nil="true" format="ixt:num-dot-decimal""#, ""),
        text(r#"xsi:nil="1""#, "")
    ));
    assert_eq!((&facts[0]["value"], &facts[0]["text"]), (&Value::Null, &json!("")));
    assert_eq!(facts[1]["text"], "");
    assert_eq!(problems, [""; 0]);
}

#[test]
fn an_unknown_format_is_reported_and_nothing_is_guessed() {
    let (facts, problems) = inline(&format!(
        "{}{}{}",
        number(r#"format="ixt:num-martian""#, "81,797"),
        text(r#"format="ixt-sec:num-dot-decimal""#, "1"),
        text(r#"format="nowhere:date-month-day""#, "1/2"),
    ));
    assert_eq!((&facts[0]["value"], &facts[0]["text"]), (&Value::Null, &json!("81,797")));
    assert_eq!((&facts[1]["text"], &facts[2]["text"]), (&json!("1"), &json!("1/2")));
    assert_eq!(problems.len(), 3);
    assert!(problems[0].ends_with("a:N: the format ixt:num-martian is not known"), "{problems:?}");
}

#[test]
fn what_does_not_fit_its_format_is_reported() {
    for (attributes, shown) in [
        (r#"format="ixt:num-dot-decimal""#, "n/a"),
        ("", "81,797"),
        ("", ""),
        (r#"scale="six""#, "1"),
        (r#"scale="-2147483648""#, "1"),
        (r#"sign="+""#, "1"),
        (r#"format="ixt:fixed-true""#, "1"),
        (r#"format="ixt-sec:numinf""#, "∞"),
        (r#"scale="100""#, &"9".repeat(300)),
    ] {
        let (fact, problems) = only(&number(attributes, shown));
        assert_eq!(fact["value"], Value::Null, "{attributes} {shown}");
        assert_eq!(problems.len(), 1, "{attributes} {shown}: {problems:?}");
    }
}

#[test]
fn a_text_fact_with_a_format_has_the_transformed_text() {
    for (format, shown, expected) in [
        ("ixt:date-monthname-day-year-en", "July&#160;1, 2023", "2023-07-01"),
        ("ixt:fixed-false", "&#168;", "false"),
        ("ixt-sec:boolballotbox", "&#9746;", "true"),
        ("ixt-sec:durwordsen", "ten years", "P10Y"),
        ("ixt-sec:numwordsen", "Twenty-five", "25"),
        ("ixt:fixed-empty", "none", ""),
    ] {
        let (fact, problems) = only(&text(&format!("format=\"{format}\""), shown));
        assert_eq!(fact["text"], expected, "{format}: {problems:?}");
    }
}

#[test]
fn a_dangling_reference_is_reported_and_the_fact_is_kept() {
    let body = number("", "1").replace("\"q\"", "\"gone\"").replace("\"usd\"", "\"gone\"");
    let (fact, problems) = only(&body);
    assert_eq!((&fact["value"], &fact["context"]), (&json!(1), &json!("gone")));
    assert_eq!((&fact["unit"], &fact["dimensions"]), (&Value::Null, &Value::Null));
    assert!(problems.iter().any(|problem| problem.ends_with("there is no context gone")));
    assert!(problems.iter().any(|problem| problem.ends_with("there is no unit gone")));
}

#[test]
fn a_text_runs_through_its_continuations_wherever_they_stand() {
    let continuation =
        |id: &str, next: &str, text: &str| format!(r#"<ix:continuation id="{id}" {next}>{text}</ix:continuation>"#);
    let body = [
        continuation("two", "", " three"),
        text(r#"continuedAt="one""#, "one"),
        "<p>not this</p>".to_owned(),
        continuation("one", r#"continuedAt="two""#, " <b>two</b>"),
    ];
    let (fact, problems) = only(&body.concat());
    assert_eq!(fact["text"], "one two three");
    assert_eq!(problems, [""; 0]);
}

#[test]
fn a_circle_of_continuations_ends_and_a_missing_one_is_named() {
    let circle = r#"<ix:continuation id="one" continuedAt="one">+</ix:continuation>"#;
    let (fact, problems) = only(&format!("{}{circle}", text(r#"continuedAt="one""#, "a")));
    assert_eq!(fact["text"], "a+");
    assert!(problems[0].contains("circle through one"), "{problems:?}");
    let (fact, problems) = only(&text(r#"continuedAt="gone""#, "a"));
    assert_eq!(fact["text"], "a");
    assert!(problems[0].contains("no continuation gone"), "{problems:?}");
}

#[test]
fn excluded_text_is_not_part_of_the_text_around_it() {
    let page = format!("<ix:exclude>Page {}</ix:exclude>", number("", "7"));
    let (facts, _) = inline(&text("", &format!("before {page}after")));
    assert_eq!(facts[0]["text"], "before after");
    assert_eq!(facts[1]["value"], 7);
}

#[test]
fn entities_character_data_and_comments_are_read_as_xml_has_them() {
    let shown = "A&amp;B&#8217;s &eacute;&mdash;<![CDATA[<&>]]><!-- no --><?no?>\r\n&#x41;";
    let (fact, problems) = only(&text("", shown));
    assert_eq!(fact["text"], "A&B’s é—<&>\nA");
    assert_eq!(problems, [""; 0]);
    let (fact, problems) = only(&text("", "&nope;"));
    assert_eq!(fact["text"], "&nope;");
    assert!(problems[0].contains("&nope; does not exist"), "{problems:?}");
}

#[test]
fn prefixes_mean_nothing_and_namespaces_everything() {
    let mut renamed = document(&number(r#"format="ixt:numcommadecimal""#, "1.000,5"));
    for (from, to) in [("ix", "banana"), ("ixt", "t"), ("xbrli", "x")] {
        renamed = renamed
            .replace(&format!("xmlns:{from}="), &format!("xmlns:{to}="))
            .replace(&format!("{from}:"), &format!("{to}:"));
    }
    let extraction = extract(renamed.as_bytes(), Shape::Html).unwrap();
    assert_eq!(facts(&extraction)[0]["value"], 1000.5);
    assert_eq!(facts(&extraction)[0]["unit"], "USD");
    // The right prefix with the wrong namespace is not inline XBRL.
    let wrong = document(&number("", "1")).replace("2013/inlineXBRL", "2099/inlineXBRL");
    assert_eq!(extract(wrong.as_bytes(), Shape::Html).unwrap().mode, Mode::TableRows);
}

#[test]
fn a_prefix_may_be_bound_anew_inside() {
    let body = format!(
        r#"<div xmlns:ixt="http://www.sec.gov/inlineXBRL/transformation/2015-08-31">{}</div>{}"#,
        number(r#"format="ixt:numwordsen""#, "two"),
        number(r#"format="ixt:num-dot-decimal""#, "1,002"),
    );
    let (facts, problems) = inline(&body);
    assert_eq!((&facts[0]["value"], &facts[1]["value"]), (&json!(2), &json!(1002)));
    assert_eq!(problems, [""; 0]);
}

#[test]
fn a_fraction_is_reported() {
    let body = r#"<ix:fraction name="a:F" contextRef="q" unitRef="usd"><ix:numerator>1</ix:numerator></ix:fraction>"#;
    let (facts, problems) = inline(body);
    assert!(facts.is_empty());
    assert!(problems[0].contains("a:F is an ix:fraction"), "{problems:?}");
}

#[test]
fn a_cut_document_is_truncated_wherever_it_is_cut() {
    let whole = document(&text("", &number("", "1 &amp; é <!-- c --> <![CDATA[d]]>")));
    for cut in (1..whole.len()).filter(|&cut| whole.is_char_boundary(cut)) {
        let error = extract(&whole.as_bytes()[..cut], Shape::Html).expect_err("it is not whole");
        assert!(matches!(error, Error::Truncated { .. }), "cut at {cut}: {error}");
    }
    let cut = &whole[..whole.find("1 &amp;").unwrap()];
    let error = extract(cut.as_bytes(), Shape::Html).unwrap_err().to_string();
    assert!(error.contains("inside <body> <ix:nonNumeric> <ix:nonFraction>, 4 elements deep"), "{error}");
}

#[test]
fn what_is_not_well_formed_is_an_error_with_its_place() {
    for (broken, at) in
        [("<b>x</i>", "</i>"), ("<p>AT&T</p>", "&T"), ("<ix:nonFraction name='a' name='b'/>", "<ix:nonF")]
    {
        let document = document(&format!("<p>é</p>{broken}"));
        let Err(Error::Malformed { offset, .. }) = extract(document.as_bytes(), Shape::Html) else {
            panic!("{broken} is malformed");
        };
        assert_eq!(offset, document.find(at).unwrap(), "{broken}");
    }
}

#[test]
fn elements_nest_up_to_a_limit() {
    // `html` and `body` are two of them.
    let nested = |depth: usize| document(&format!("{}x{}", "<b>".repeat(depth), "</b>".repeat(depth)));
    let fits = nested(limits::ELEMENT_DEPTH_MAX - 2);
    assert!(extract(fits.as_bytes(), Shape::Html).is_ok());
    let too_deep = nested(limits::ELEMENT_DEPTH_MAX - 1);
    assert!(matches!(extract(too_deep.as_bytes(), Shape::Html), Err(Error::TooDeep { .. })));
}

#[test]
fn facts_are_counted_up_to_a_limit() {
    let many = document(&"<ix:nonNumeric name='a'/>".repeat(limits::FACTS_MAX + 1));
    let error = extract(many.as_bytes(), Shape::Html).unwrap_err();
    assert!(matches!(error, Error::TooManyFacts { .. }), "{error}");
}

#[test]
fn a_long_text_is_cut_and_nesting_does_not_multiply_it() {
    let long = "é".repeat(limits::TEXT_BYTES_MAX / 2 + 1);
    let (fact, problems) = only(&text("", &long));
    assert_eq!(fact["text"].as_str().unwrap().len(), limits::TEXT_BYTES_MAX);
    assert!(problems[0].contains("TEXT_BYTES_MAX"), "{problems:?}");
    let open = "<ix:nonNumeric name='a' contextRef='q'>".repeat(100);
    let close = "</ix:nonNumeric>".repeat(100);
    let nested = document(&format!("{open}{long}{close}"));
    let error = extract(nested.as_bytes(), Shape::Html).unwrap_err();
    assert!(matches!(error, Error::TooMuchText { .. }), "{error}");
}
