//! The one number that everybody asks for first.

use crate::decimal::Decimal;
use crate::fact::{Fact, Kind, Period};
use crate::inline::days_between;

/// The concepts that a company may report its revenue as, the most inclusive first: `Revenues` is the
/// total, and where it is reported, revenue from contracts with customers is a part of it. The last one
/// was used before 2018.
const CONCEPTS: [&str; 4] = [
    "us-gaap:Revenues",
    "us-gaap:RevenueFromContractWithCustomerExcludingAssessedTax",
    "us-gaap:RevenueFromContractWithCustomerIncludingAssessedTax",
    "us-gaap:SalesRevenueNet",
];

/// How long a fiscal quarter may be, in days: 12 to 14 weeks and a little.
const QUARTER_DAYS: std::ops::RangeInclusive<i32> = 80..=100;

/// Looks for the revenue of the whole company in the newest quarter.
#[derive(Debug, Default)]
pub struct Search {
    found: [Option<Candidate>; CONCEPTS.len()],
}

#[derive(Debug, PartialEq, Eq)]
struct Candidate {
    end: String,
    decimals: i64,
    value: Decimal,
}

impl Search {
    /// Looks at one fact.
    pub fn consider(&mut self, fact: &Fact<'_>) {
        let Some(rank) = CONCEPTS.iter().position(|concept| *concept == fact.concept) else {
            return;
        };
        let (Period::Duration { start, end }, Some(value)) = (fact.period, &fact.value) else {
            return;
        };
        let is_quarter = days_between(start, end).is_some_and(|days| QUARTER_DAYS.contains(&days));
        let is_whole_company = fact.dimensions.is_some_and(<[_]>::is_empty);
        if fact.kind != Kind::Numeric || !is_whole_company || !is_quarter {
            return;
        }
        let decimals = match fact.decimals {
            Some("INF") => i64::MAX,
            given => given.and_then(|text| text.parse().ok()).unwrap_or(i64::MIN),
        };
        let found = &mut self.found[rank];
        // Of one quarter the most exact writing counts: the statement's 81,797, not the text's 81.8.
        let is_better = found.as_ref().is_none_or(|best| (end, decimals) > (best.end.as_str(), best.decimals));
        if is_better {
            *found = Some(Candidate { end: end.to_owned(), decimals, value: value.clone() });
        }
    }

    /// The revenue, exactly, if there was any: of the newest quarter that any of the concepts has, by the
    /// most inclusive concept that has it.
    #[must_use]
    pub fn into_revenue(self) -> Option<String> {
        let mut best: Option<Candidate> = None;
        for candidate in self.found.into_iter().flatten() {
            if best.as_ref().is_none_or(|best| candidate.end > best.end) {
                best = Some(candidate);
            }
        }
        best.map(|candidate| candidate.value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Dimension;

    fn fact<'a>(
        concept: &'a str,
        period: (&'a str, &'a str),
        value: &str,
        dimensions: &'a [Dimension<'a>],
        decimals: &'a str,
    ) -> Fact<'a> {
        Fact {
            kind: Kind::Numeric,
            concept: concept.into(),
            value: Decimal::parse(value, 0),
            text: "".into(),
            unit: Some("USD"),
            period: Period::Duration { start: period.0, end: period.1 },
            dimensions: Some(dimensions),
            context: Some("c"),
            scale: None,
            decimals: Some(decimals),
        }
    }

    const Q1: (&str, &str) = ("2023-01-01", "2023-03-31");
    const Q2: (&str, &str) = ("2023-04-01", "2023-06-30");
    const HALF: (&str, &str) = ("2023-01-01", "2023-06-30");
    const CONTRACTS: &str = "us-gaap:RevenueFromContractWithCustomerExcludingAssessedTax";
    const TOTAL: &str = "us-gaap:Revenues";

    fn revenue(facts: &[Fact<'_>]) -> Option<String> {
        let mut search = Search::default();
        facts.iter().for_each(|fact| search.consider(fact));
        search.into_revenue()
    }

    #[test]
    fn it_is_the_newest_quarter_of_the_whole_company() {
        let segment = [("axis".into(), "member".into())];
        let facts = [
            fact(CONTRACTS, HALF, "300", &[], "0"),
            fact(CONTRACTS, Q1, "100", &[], "0"),
            fact(CONTRACTS, Q2, "150", &segment, "0"),
            fact(CONTRACTS, Q2, "200", &[], "0"),
        ];
        assert_eq!(revenue(&facts).as_deref(), Some("200"));
    }

    #[test]
    fn the_total_wins_over_a_part_and_the_exact_over_the_rounded() {
        let facts = [
            fact(CONTRACTS, Q2, "180", &[], "0"),
            fact(TOTAL, Q2, "200", &[], "-2"),
            fact(TOTAL, Q2, "201.5", &[], "1"),
        ];
        assert_eq!(revenue(&facts).as_deref(), Some("201.5"));
    }

    #[test]
    fn an_old_total_loses_to_a_new_part() {
        let facts = [fact(TOTAL, Q1, "100", &[], "0"), fact(CONTRACTS, Q2, "180", &[], "0")];
        assert_eq!(revenue(&facts).as_deref(), Some("180"));
    }

    #[test]
    fn there_may_be_none() {
        assert_eq!(revenue(&[fact(TOTAL, HALF, "300", &[], "0")]), None);
        assert_eq!(revenue(&[fact("us-gaap:CostOfRevenue", Q2, "1", &[], "0")]), None);
    }
}
