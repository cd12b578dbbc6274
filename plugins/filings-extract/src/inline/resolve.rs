//! From tags to facts: values, dates, units and texts put together.

use std::borrow::Cow;
use std::collections::HashSet;

use filings_common::Excerpt;

use super::attributes::Format;
use super::captured::Span;
use super::walk::{Tagged, TaggedFact};
use crate::decimal::Decimal;
use crate::fact::{Fact, Kind, Period};
use crate::limits::{CONTINUATIONS_MAX, SCALE_ABS_MAX, TEXT_BYTES_MAX};
use crate::problem::Problems;
use crate::transform::{self, Transform};

/// Puts `fact` together. What cannot be understood is reported and left out, never guessed.
pub fn resolve<'t>(tagged: &'t Tagged<'_>, fact: &'t TaggedFact<'_>, problems: &mut Problems) -> Fact<'t> {
    Resolver { tagged, fact, problems }.fact()
}

struct Resolver<'t, 'd, 'p> {
    tagged: &'t Tagged<'d>,
    fact: &'t TaggedFact<'d>,
    problems: &'p mut Problems,
}

impl<'t> Resolver<'t, '_, '_> {
    fn fact(mut self) -> Fact<'t> {
        let fact = self.fact;
        let mut resolved = Fact {
            kind: fact.kind,
            concept: Cow::Borrowed(fact.concept.as_ref()),
            value: None,
            text: Cow::Borrowed(""),
            unit: None,
            period: Period::None,
            dimensions: None,
            context: fact.context_ref.as_deref(),
            scale: None,
            decimals: fact.decimals.as_deref(),
        };
        self.context(&mut resolved);
        match fact.kind {
            Kind::Numeric => self.numeric(&mut resolved),
            Kind::Text | Kind::Row => self.text(&mut resolved),
        }
        resolved
    }

    fn report(&mut self, what: impl std::fmt::Display) {
        let concept = &self.fact.concept;
        self.problems.add(self.fact.offset, format_args!("{concept}: {what}"));
    }

    fn context(&mut self, resolved: &mut Fact<'t>) {
        let Some(id) = self.fact.context_ref.as_deref() else {
            return self.report("it has no contextRef");
        };
        match self.tagged.resources.context(id) {
            None => self.report(format_args!("there is no context {id}")),
            Some(context) => {
                resolved.period = context.period();
                resolved.dimensions = Some(&context.dimensions);
            }
        }
    }

    fn numeric(&mut self, resolved: &mut Fact<'t>) {
        self.unit(resolved);
        let scale = match self.fact.scale.as_deref().map(scale) {
            None => Some(0),
            Some(Some(scale)) => {
                resolved.scale = Some(scale);
                Some(scale)
            }
            Some(None) => {
                let given = self.fact.scale.as_deref().unwrap_or_default();
                self.report(format_args!(
                    "the scale {given:?} is not a whole number up to {SCALE_ABS_MAX} (SCALE_ABS_MAX); value left out"
                ));
                None
            }
        };
        if self.fact.is_nil {
            return;
        }
        resolved.text = self.own_text();
        let read = match &self.fact.format {
            Some(format) => self.transformed(&resolved.text, format),
            None => Some(Cow::Borrowed(resolved.text.as_ref())),
        };
        if let (Some(read), Some(scale)) = (read, scale) {
            resolved.value = self.number(&read, scale);
        }
    }

    fn unit(&mut self, resolved: &mut Fact<'t>) {
        match self.fact.unit_ref.as_deref() {
            None => self.report("it has no unitRef"),
            Some(id) => {
                resolved.unit = self.tagged.resources.unit(id);
                if resolved.unit.is_none() {
                    self.report(format_args!("there is no unit {id}"));
                }
            }
        }
    }

    /// The exact number of what the format has read.
    fn number(&mut self, read: &str, scale: i32) -> Option<Decimal> {
        let Some(number) = Decimal::parse(read, scale) else {
            self.report(format_args!("{read:?} is no number; value left out"));
            return None;
        };
        let number = match self.fact.sign.as_deref() {
            None => number,
            Some("-") => number.negated(),
            Some(other) => {
                self.report(format_args!("the sign {other:?} is not \"-\"; value left out"));
                return None;
            }
        };
        if !number.fits_a_double() {
            self.report("the number is too large for a double; value left out");
            return None;
        }
        Some(number)
    }

    fn text(&mut self, resolved: &mut Fact<'t>) {
        if self.fact.is_nil {
            return;
        }
        let shown = match &self.fact.continued_at {
            None => self.own_text(),
            Some(first) => self.continued_text(first),
        };
        // Without a format the text is the value; with one that fails, it is all that is known.
        let read = match &self.fact.format {
            Some(format) => self.transformed(&shown, format).map(Cow::into_owned),
            None => None,
        };
        resolved.text = read.map_or(shown, Cow::Owned);
    }

    /// What `format` makes of the text. `None`, reported, when it is not known or does not fit.
    fn transformed<'s>(&mut self, text: &'s str, format: &Format<'_>) -> Option<Cow<'s, str>> {
        let Some(transform) = transformation(format) else {
            self.report(format_args!("the format {} is not known", format.name));
            return None;
        };
        let read = transform(text);
        if read.is_none() {
            let excerpt = Excerpt::of(text);
            self.report(format_args!("{excerpt} does not fit the format {}", format.name));
        }
        read
    }

    /// The text inside the fact's own element, trimmed.
    fn own_text(&mut self) -> Cow<'t, str> {
        let (fact, tagged) = (self.fact, self.tagged);
        let mut pieces = tagged.captured.pieces(&fact.span);
        match (pieces.next(), pieces.next()) {
            (None, _) => Cow::Borrowed(""),
            // The common case: one piece, borrowed.
            (Some(only), None) if only.len() <= TEXT_BYTES_MAX => Cow::Borrowed(only.trim()),
            _ => {
                let mut text = String::new();
                self.append(&mut text, &fact.span);
                self.finish(text)
            }
        }
    }

    /// The text inside the fact's own element and its continuations, trimmed.
    fn continued_text(&mut self, first: &'t str) -> Cow<'t, str> {
        let mut text = String::new();
        self.append(&mut text, &self.fact.span);
        let mut followed = HashSet::new();
        let mut next = Some(first);
        while let Some(id) = next {
            let Some(continuation) = self.tagged.continuations.get(id) else {
                self.report(format_args!("there is no continuation {id}; the text ends before it"));
                break;
            };
            if !followed.insert(id) {
                self.report(format_args!("its continuations run in a circle through {id}"));
                break;
            }
            if followed.len() > CONTINUATIONS_MAX {
                self.report(format_args!(
                    "it has more than {CONTINUATIONS_MAX} continuations (CONTINUATIONS_MAX); the text is cut"
                ));
                break;
            }
            if !self.append(&mut text, &continuation.span) {
                break;
            }
            next = continuation.continued_at.as_deref();
        }
        self.finish(text)
    }

    /// Adds a piece of text; false when the limit is passed.
    fn append(&self, text: &mut String, span: &Span) -> bool {
        for piece in self.tagged.captured.pieces(span) {
            text.push_str(piece);
            if text.len() > TEXT_BYTES_MAX {
                return false;
            }
        }
        true
    }

    fn finish(&mut self, mut text: String) -> Cow<'t, str> {
        if text.len() > TEXT_BYTES_MAX {
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
            self.report(format_args!("the text is cut after {TEXT_BYTES_MAX} bytes (TEXT_BYTES_MAX)"));
        }
        Cow::Owned(text.trim().to_owned())
    }
}

fn scale(text: &str) -> Option<i32> {
    let scale: i32 = text.parse().ok()?;
    (-SCALE_ABS_MAX..=SCALE_ABS_MAX).contains(&scale).then_some(scale)
}

fn transformation(format: &Format<'_>) -> Option<Transform> {
    let local = format.name.rsplit(':').next()?;
    transform::find(format.registry?, local)
}
