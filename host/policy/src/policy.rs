//! The policies that a user can choose, and how they are written: on the command line, in configuration files and in
//! what is kept of an actor it is the same text.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Every way to write a policy, as error messages and help texts list them.
pub const POLICY_FORMS: &str = "never | every=CALLS | interval=DURATION | \
     adaptive[:budget=CHECKPOINTS,threshold=RATIO,learning-rate=RATE,max-seen=SECONDS] | \
     optimal[:failure-interval=DURATION]";

/// When checkpoints of an actor are taken. Always between two calls, never inside of one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CheckpointPolicy {
    /// Only when something else asks for one.
    Never,
    /// After this many calls; at least 1.
    Every {
        /// Calls from one checkpoint to the next.
        calls: u64,
    },
    /// At the end of the first call by which this much time has passed since the last checkpoint or restore.
    Interval {
        /// Time from one checkpoint to the next, as a clock on the wall shows it; more than zero.
        every: Duration,
    },
    /// The controller of the systems that Belljar replaces, for those who rely on its behaviour.
    Adaptive(AdaptiveOptions),
    /// The interval that costs the least, from what checkpoints cost and how often failures happen.
    Optimal(OptimalOptions),
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        Self::Optimal(OptimalOptions::default())
    }
}

/// The numbers that [`CheckpointPolicy::Adaptive`] starts with. The defaults are those of the systems it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptiveOptions {
    /// Checkpoints in the life of the actor; 3 by default. When they are used up, there are no more.
    pub budget: u64,
    /// The cost of a checkpoint, as a share of the longest call, from which on one is taken; 0.35 by default.
    pub threshold: f64,
    /// How far one restore can move the threshold; 0.1 by default.
    pub learning_rate: f64,
    /// What the longest call is taken to be before there was one, in seconds; 10⁻⁶ by default.
    pub max_seen_s: f64,
}

impl Default for AdaptiveOptions {
    fn default() -> Self {
        Self { budget: 3, threshold: 0.35, learning_rate: 0.1, max_seen_s: 1e-6 }
    }
}

/// What [`CheckpointPolicy::Optimal`] cannot know before it has seen a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimalOptions {
    /// The time of work within which the first failure is expected as likely as not; a day by default, the order of
    /// magnitude at which programs are restarted, updated or moved. With the first failure, it is forgotten.
    pub failure_interval: Duration,
}

impl Default for OptimalOptions {
    fn default() -> Self {
        Self { failure_interval: Duration::from_hours(24) }
    }
}

/// A text that is no policy. Trying again does not help; the text has to change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("checkpoint policy '{text}': {problem}; write one of: {POLICY_FORMS}")]
#[non_exhaustive]
pub struct PolicyError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl FromStr for CheckpointPolicy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        parse(text).map_err(|problem| PolicyError { text: text.into(), problem })
    }
}

impl TryFrom<String> for CheckpointPolicy {
    type Error = PolicyError;

    fn try_from(text: String) -> Result<Self, PolicyError> {
        text.parse()
    }
}

impl From<CheckpointPolicy> for String {
    fn from(policy: CheckpointPolicy) -> Self {
        policy.to_string()
    }
}

/// The shortest text that is read as the same policy: options are written only where they differ from the default.
impl fmt::Display for CheckpointPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Every { calls } => write!(f, "every={calls}"),
            Self::Interval { every } => write!(f, "interval={}", duration_text(*every)),
            Self::Adaptive(options) => {
                let usual = AdaptiveOptions::default();
                let mut list = OptionList::new(f, "adaptive")?;
                list.unless_usual("budget", options.budget, usual.budget)?;
                list.unless_usual("threshold", options.threshold, usual.threshold)?;
                list.unless_usual("learning-rate", options.learning_rate, usual.learning_rate)?;
                list.unless_usual("max-seen", options.max_seen_s, usual.max_seen_s)
            }
            Self::Optimal(options) => {
                let usual = duration_text(OptimalOptions::default().failure_interval);
                let mut list = OptionList::new(f, "optimal")?;
                list.unless_usual("failure-interval", duration_text(options.failure_interval), usual)
            }
        }
    }
}

/// Writes `name:key=value,key=value`.
struct OptionList<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    separator: char,
}

impl<'a, 'b> OptionList<'a, 'b> {
    fn new(out: &'a mut fmt::Formatter<'b>, name: &str) -> Result<Self, fmt::Error> {
        out.write_str(name)?;
        Ok(Self { out, separator: ':' })
    }

    fn unless_usual<T: fmt::Display + PartialEq>(&mut self, key: &str, value: T, usual: T) -> fmt::Result {
        if value == usual {
            return Ok(());
        }
        write!(self.out, "{}{key}={value}", self.separator)?;
        self.separator = ',';
        Ok(())
    }
}

/// A duration as one word, so that a policy needs no quotes on a command line.
fn duration_text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

fn parse(text: &str) -> Result<CheckpointPolicy, String> {
    let split = text.find([':', '=']);
    let (name, separator, rest) = match split {
        Some(at) => (&text[..at], &text[at..=at], &text[at + 1..]),
        None => (text, "", ""),
    };
    match (name, separator) {
        ("never", "") => Ok(CheckpointPolicy::Never),
        ("every", "=") => Ok(CheckpointPolicy::Every { calls: at_least_one("the number of calls", rest)? }),
        ("interval", "=") => Ok(CheckpointPolicy::Interval { every: duration("the interval", rest)? }),
        ("adaptive", "" | ":") => adaptive(rest).map(CheckpointPolicy::Adaptive),
        ("optimal", "" | ":") => optimal(rest).map(CheckpointPolicy::Optimal),
        ("every" | "interval", _) => Err(format!("'{name}' needs '=' and a value")),
        ("never" | "adaptive" | "optimal", _) => Err(format!("'{name}' cannot be followed by '{separator}{rest}'")),
        _ => Err("there is no such policy".into()),
    }
}

fn adaptive(list: &str) -> Result<AdaptiveOptions, String> {
    let mut options = AdaptiveOptions::default();
    for (key, value) in pairs(list)? {
        match key {
            "budget" => options.budget = whole("budget", value)?,
            "threshold" => options.threshold = positive("threshold", value)?,
            "learning-rate" => options.learning_rate = positive("learning-rate", value)?,
            "max-seen" => options.max_seen_s = positive("max-seen", value)?,
            _ => return Err(format!("'adaptive' has no option '{key}'")),
        }
    }
    Ok(options)
}

fn optimal(list: &str) -> Result<OptimalOptions, String> {
    let mut options = OptimalOptions::default();
    for (key, value) in pairs(list)? {
        match key {
            "failure-interval" => options.failure_interval = duration(key, value)?,
            _ => return Err(format!("'optimal' has no option '{key}'")),
        }
    }
    Ok(options)
}

/// The parts of `key=value,key=value`.
fn pairs(list: &str) -> Result<Vec<(&str, &str)>, String> {
    let parts = list.split(',').filter(|_| !list.is_empty());
    parts.map(|part| part.split_once('=').ok_or(format!("the option '{part}' has no value"))).collect()
}

fn whole(what: &str, text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{what} is no whole number: '{text}'"))
}

fn at_least_one(what: &str, text: &str) -> Result<u64, String> {
    match whole(what, text)? {
        0 => Err(format!("{what} must be at least 1")),
        number => Ok(number),
    }
}

fn positive(what: &str, text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("{what} is no number: '{text}'"))?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err(format!("{what} must be more than zero")) }
}

fn duration(what: &str, text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|e| format!("{what} is no duration like 30s or 5m: {e}"))?;
    if duration.is_zero() { Err(format!("{what} must be more than zero")) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_the_command_line_are_read() {
        assert_eq!("never".parse(), Ok(CheckpointPolicy::Never));
        assert_eq!("every=5".parse(), Ok(CheckpointPolicy::Every { calls: 5 }));
        assert_eq!("interval=1m30s".parse(), Ok(CheckpointPolicy::Interval { every: Duration::from_secs(90) }));
        assert_eq!("adaptive".parse(), Ok(CheckpointPolicy::Adaptive(AdaptiveOptions::default())));
        assert_eq!("optimal".parse(), Ok(CheckpointPolicy::default()));
        assert_eq!(
            "adaptive:budget=4,threshold=0.3,learning-rate=0.2".parse(),
            Ok(CheckpointPolicy::Adaptive(AdaptiveOptions {
                budget: 4,
                threshold: 0.3,
                learning_rate: 0.2,
                ..AdaptiveOptions::default()
            }))
        );
        assert_eq!(
            "optimal:failure-interval=2h".parse(),
            Ok(CheckpointPolicy::Optimal(OptimalOptions { failure_interval: Duration::from_hours(2) }))
        );
    }

    #[test]
    fn what_is_no_policy_is_refused_with_the_reason_and_the_forms() {
        for (text, problem) in [
            ("", "there is no such policy"),
            ("sometimes=3", "there is no such policy"),
            ("never=1", "'never' cannot be followed by '=1'"),
            ("every", "'every' needs '=' and a value"),
            ("every=0", "the number of calls must be at least 1"),
            ("every=-1", "the number of calls is no whole number: '-1'"),
            ("interval=0s", "the interval must be more than zero"),
            ("interval=soon", "the interval is no duration like 30s or 5m: expected number at 0"),
            ("adaptive:budget", "the option 'budget' has no value"),
            ("adaptive:threshold=nan", "threshold must be more than zero"),
            ("adaptive:patience=3", "'adaptive' has no option 'patience'"),
            ("optimal=3", "'optimal' cannot be followed by '=3'"),
            ("optimal:failure-interval=0s", "failure-interval must be more than zero"),
        ] {
            let error = text.parse::<CheckpointPolicy>().expect_err(text);
            assert_eq!(error.problem, problem, "{text}");
            assert!(error.to_string().contains(POLICY_FORMS), "{error}");
        }
    }

    #[test]
    fn a_policy_is_written_with_what_differs_from_the_default() {
        for text in ["never", "every=7", "interval=1m30s", "adaptive", "adaptive:budget=4,threshold=0.3", "optimal"] {
            let policy: CheckpointPolicy = text.parse().expect(text);
            assert_eq!(policy.to_string(), text);
        }
    }

    #[test]
    fn a_policy_is_kept_as_its_text() {
        let policy = CheckpointPolicy::Every { calls: 3 };
        assert_eq!(serde_json::to_string(&policy).expect("a text"), r#""every=3""#);
        assert_eq!(serde_json::from_str::<CheckpointPolicy>(r#""every=3""#).expect("a policy"), policy);
        assert!(serde_json::from_str::<CheckpointPolicy>(r#""every=0""#).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,64}") {
            let _ = text.parse::<CheckpointPolicy>();
        }

        #[test]
        fn any_policy_is_read_as_it_was_written(
            kind in 0..5,
            number in 1..u64::MAX,
            (threshold, rate, seen) in (0.001..10.0_f64, 0.001..10.0_f64, 0.001..10.0_f64),
        ) {
            let policy = match kind {
                0 => CheckpointPolicy::Never,
                1 => CheckpointPolicy::Every { calls: number },
                2 => CheckpointPolicy::Interval { every: Duration::from_nanos(number) },
                3 => CheckpointPolicy::Adaptive(AdaptiveOptions {
                    budget: number,
                    threshold,
                    learning_rate: rate,
                    max_seen_s: seen,
                }),
                _ => CheckpointPolicy::Optimal(OptimalOptions { failure_interval: Duration::from_nanos(number) }),
            };
            prop_assert_eq!(policy.to_string().parse(), Ok(policy));
        }
    }
}
