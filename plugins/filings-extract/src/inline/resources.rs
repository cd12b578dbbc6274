//! Contexts and units: what facts refer to by id.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::day;
use super::element::Resource;
use crate::fact::{Dimension, Period};
use crate::problem::Problems;

/// When a fact holds and what it is narrowed to.
#[derive(Debug, Default)]
pub struct Context<'d> {
    instant: Option<String>,
    start: Option<String>,
    end: Option<String>,
    /// Axis and member, in the order of the filing, each axis once.
    pub dimensions: Vec<Dimension<'d>>,
}

impl Context<'_> {
    /// The days; none for a context that holds forever, or whose dates could not be read.
    pub fn period(&self) -> Period<'_> {
        match (&self.instant, &self.start, &self.end) {
            (Some(day), _, _) => Period::Instant(day),
            (None, Some(start), Some(end)) => Period::Duration { start, end },
            _ => Period::None,
        }
    }
}

/// The contexts and units of a filing by id; while one is open, the one that is being read.
#[derive(Debug, Default)]
pub struct Resources<'d> {
    contexts: HashMap<Cow<'d, str>, Context<'d>>,
    units: HashMap<Cow<'d, str>, String>,
    open_context: Option<(Cow<'d, str>, Context<'d>)>,
    open_unit: Option<(Cow<'d, str>, Unit)>,
}

#[derive(Debug, Default)]
struct Unit {
    numerator: String,
    denominator: String,
    in_denominator: bool,
}

impl Unit {
    /// `USD`, `shares`, `USD/shares`; factors are joined by `*`.
    fn into_text(self) -> String {
        let mut text = self.numerator;
        if !self.denominator.is_empty() {
            text.push('/');
            text.push_str(&self.denominator);
        }
        text
    }
}

impl<'d> Resources<'d> {
    /// The context of that id.
    pub fn context(&self, id: &str) -> Option<&Context<'d>> {
        self.contexts.get(id)
    }

    /// The unit of that id, written out.
    pub fn unit(&self, id: &str) -> Option<&str> {
        self.units.get(id).map(String::as_str)
    }

    /// A part of a resource begins.
    pub fn begin(&mut self, part: Resource, id: Option<Cow<'d, str>>) {
        match part {
            Resource::Context => {
                self.open_context = id.map(|id| (id, Context::default()));
            }
            Resource::Unit => self.open_unit = id.map(|id| (id, Unit::default())),
            Resource::Denominator => {
                if let Some((_, unit)) = &mut self.open_unit {
                    unit.in_denominator = true;
                }
            }
            _ => {}
        }
    }

    /// A part of a resource that began at byte `offset` ends; `text` is what it says, if that matters.
    pub fn end(
        &mut self,
        part: Resource,
        axis: Option<Cow<'d, str>>,
        text: &str,
        offset: usize,
        problems: &mut Problems,
    ) {
        match part {
            Resource::Context => close(&mut self.contexts, self.open_context.take(), offset, problems),
            Resource::Unit => {
                let unit = self.open_unit.take().map(|(id, unit)| (id, unit.into_text()));
                close(&mut self.units, unit, offset, problems);
            }
            Resource::Denominator => {
                if let Some((_, unit)) = &mut self.open_unit {
                    unit.in_denominator = false;
                }
            }
            Resource::Measure => self.measure(text),
            Resource::Qualifier => {}
            _ => {
                if let Some((_, context)) = &mut self.open_context {
                    context.take(part, axis, text, offset, problems);
                }
            }
        }
    }

    /// Takes a measure without its prefix: `iso4217:USD` is `USD`, `xbrli:pure` is `pure`.
    fn measure(&mut self, text: &str) {
        let Some((_, unit)) = &mut self.open_unit else {
            return;
        };
        let side = if unit.in_denominator { &mut unit.denominator } else { &mut unit.numerator };
        if !side.is_empty() {
            side.push('*');
        }
        side.push_str(text.rsplit(':').next().unwrap_or(text));
    }

    /// An element that is no dimension stands inside the open context's segment or scenario.
    pub fn foreign_qualifier(&self, name: &str, offset: usize, problems: &mut Problems) {
        if let Some((id, _)) = &self.open_context {
            problems.add(offset, format_args!("context {id} is narrowed by <{name}>, which is no dimension; left out"));
        }
    }
}

impl<'d> Context<'d> {
    fn take(&mut self, part: Resource, axis: Option<Cow<'d, str>>, text: &str, offset: usize, problems: &mut Problems) {
        let (slot, is_end) = match part {
            Resource::Instant => (&mut self.instant, true),
            Resource::EndDate => (&mut self.end, true),
            Resource::StartDate => (&mut self.start, false),
            _ => return self.narrow(axis, text, offset, problems),
        };
        *slot = day::read(text, is_end);
        if slot.is_none() {
            problems.add(offset, format_args!("{text:?} is no date; left out"));
        }
    }

    fn narrow(&mut self, axis: Option<Cow<'d, str>>, member: &str, offset: usize, problems: &mut Problems) {
        let Some(axis) = axis else {
            return problems.add(offset, "a member has no dimension attribute; left out");
        };
        if self.dimensions.iter().any(|(known, _)| *known == axis) {
            return problems.add(offset, format_args!("{axis} has a second member; left out"));
        }
        self.dimensions.push((axis, member.to_owned().into()));
    }
}

fn close<'d, T>(
    all: &mut HashMap<Cow<'d, str>, T>,
    open: Option<(Cow<'d, str>, T)>,
    offset: usize,
    problems: &mut Problems,
) {
    match open {
        None => problems.add(offset, "a context or unit has no id; left out"),
        Some((id, resource)) => match all.entry(id) {
            Entry::Vacant(free) => {
                free.insert(resource);
            }
            Entry::Occupied(taken) => {
                problems.add(offset, format_args!("the id {} is taken; left out", taken.key()));
            }
        },
    }
}
