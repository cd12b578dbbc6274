//! The one pass over an inline XBRL document.

use std::borrow::Cow;
use std::collections::HashMap;

use memchr::{memchr, memmem};
use quick_xml::Reader;
use quick_xml::errors::{Error as XmlError, IllFormedError, SyntaxError};
use quick_xml::escape::resolve_html5_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::NamespaceResolver;

use super::attributes::{Format, Known};
use super::captured::{Captured, Mark, Span};
use super::element::{Element, Resource};
use super::resources::Resources;
use crate::error::Error;
use crate::fact::Kind;
use crate::limits::{ELEMENT_DEPTH_MAX, FACTS_MAX};
use crate::problem::Problems;

/// What is tagged in a document.
#[derive(Debug, Default)]
pub struct Tagged<'d> {
    /// The facts in the order of their start tags.
    pub facts: Vec<TaggedFact<'d>>,
    /// Further pieces of texts, by id.
    pub continuations: HashMap<Cow<'d, str>, Continuation<'d>>,
    /// Contexts and units.
    pub resources: Resources<'d>,
    /// The text of facts and continuations.
    pub captured: Captured,
    /// Whether there is any element of inline XBRL.
    pub is_inline_xbrl: bool,
}

/// A fact as it is tagged.
#[derive(Debug)]
pub struct TaggedFact<'d> {
    /// Numeric or text.
    pub kind: Kind,
    /// The byte of the file at which it begins.
    pub offset: usize,
    /// The concept.
    pub concept: Cow<'d, str>,
    /// The id of its context.
    pub context_ref: Option<Cow<'d, str>>,
    /// The id of its unit.
    pub unit_ref: Option<Cow<'d, str>>,
    /// How to read its text.
    pub format: Option<Format<'d>>,
    /// The power of ten that it is shown in.
    pub scale: Option<Cow<'d, str>>,
    /// `-` when it is shown without its minus.
    pub sign: Option<Cow<'d, str>>,
    /// How many places are exact.
    pub decimals: Option<Cow<'d, str>>,
    /// The id of the next piece of its text.
    pub continued_at: Option<Cow<'d, str>>,
    /// Whether it says that there is no value.
    pub is_nil: bool,
    /// Its own text.
    pub span: Span,
}

/// A further piece of a text.
#[derive(Debug)]
pub struct Continuation<'d> {
    /// The id of the piece after this one.
    pub continued_at: Option<Cow<'d, str>>,
    /// Its own text.
    pub span: Span,
}

/// Reads `document`, which begins at byte `base` of the file.
///
/// # Errors
/// [`Error::Truncated`] and [`Error::Malformed`] when the document is not whole, well-formed XML;
/// [`Error::TooDeep`] and [`Error::TooManyFacts`] past those limits.
pub fn walk<'d>(document: &'d str, base: usize, problems: &mut Problems) -> Result<Tagged<'d>, Error> {
    let mut walker = Walker {
        document,
        base,
        reader: Reader::from_str(document),
        scope: NamespaceResolver::default(),
        open: Vec::new(),
        tagged: Tagged::default(),
        problems,
    };
    walker.run()?;
    Ok(walker.tagged)
}

struct Walker<'d, 'p> {
    document: &'d str,
    base: usize,
    reader: Reader<&'d [u8]>,
    scope: NamespaceResolver,
    open: Vec<Open<'d>>,
    tagged: Tagged<'d>,
    problems: &'p mut Problems,
}

/// An element that has begun and not ended.
struct Open<'d> {
    name: &'d str,
    at_end: AtEnd<'d>,
}

/// What is to be done when an element ends.
enum AtEnd<'d> {
    Nothing,
    Fact { index: usize, mark: Mark },
    Continuation { known: Box<Known<'d>>, mark: Mark },
    Exclude(usize),
    Resource(Resource),
    ResourceText { part: Resource, axis: Option<Cow<'d, str>>, mark: Mark, offset: usize },
}

impl<'d> Walker<'d, '_> {
    fn run(&mut self) -> Result<(), Error> {
        loop {
            let start = self.position();
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.not_whole(&error)),
            };
            match event {
                Event::Start(tag) => self.begin(&tag, start, 1)?,
                Event::Empty(tag) => {
                    self.begin(&tag, start, "/".len() + 1)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) if self.tagged.captured.is_open() => {
                    self.tagged.captured.push_text(&text);
                }
                Event::CData(text) if self.tagged.captured.is_open() => {
                    self.tagged.captured.push_text(&text);
                }
                Event::GeneralRef(entity) if self.tagged.captured.is_open() => {
                    self.entity(&entity, start);
                }
                Event::Eof if self.open.is_empty() => return Ok(()),
                Event::Eof => return Err(self.truncated()),
                _ => {}
            }
        }
    }

    fn position(&self) -> usize {
        self.reader.buffer_position() as usize
    }

    /// An element begins whose tag ends `after_content` bytes after its content.
    fn begin(&mut self, tag: &BytesStart<'d>, start: usize, after_content: usize) -> Result<(), Error> {
        let content = &self.document[start + 1..self.position() - after_content];
        let name = &content[..tag.name().0.len()];
        if self.open.len() == ELEMENT_DEPTH_MAX {
            return Err(Error::TooDeep { offset: self.base + start });
        }
        self.enter_scope(tag, content, start)?;
        let element = Element::of(tag.name(), &self.scope);
        let at_end = match element {
            Element::Other => {
                self.foreign(name, start);
                AtEnd::Nothing
            }
            element => self.begin_known(element, content, name, start)?,
        };
        self.open.push(Open { name, at_end });
        Ok(())
    }

    /// Puts the namespaces that the tag declares in scope.
    fn enter_scope(&mut self, tag: &BytesStart<'_>, content: &str, start: usize) -> Result<(), Error> {
        // Nearly no tag declares one, and looking at the attributes of every tag is what would take
        // most of the time.
        if memmem::find(content.as_bytes(), b"xmlns").is_some() {
            self.scope.push(tag).map_err(|error| self.malformed(start, error.to_string()))
        } else {
            // Lossless: the depth has a limit far below that.
            self.scope.set_level(self.open.len() as u16 + 1);
            Ok(())
        }
    }

    fn begin_known(
        &mut self,
        element: Element,
        content: &'d str,
        name: &'d str,
        start: usize,
    ) -> Result<AtEnd<'d>, Error> {
        let offset = self.base + start;
        let known = Known::read(content, name.len(), &self.scope)
            .map_err(|error| self.malformed(start, format!("in <{name}>, {error}")))?;
        self.tagged.is_inline_xbrl |= !matches!(element, Element::Resource(_));
        Ok(match element {
            Element::NonFraction => self.begin_fact(Kind::Numeric, known, offset)?,
            Element::NonNumeric => self.begin_fact(Kind::Text, known, offset)?,
            Element::Continuation => AtEnd::Continuation { known: Box::new(known), mark: self.tagged.captured.begin() },
            Element::Exclude => AtEnd::Exclude(self.tagged.captured.begin_exclude()),
            Element::Resource(part) => {
                self.tagged.resources.begin(part, known.id);
                if part.has_text() {
                    let mark = self.tagged.captured.begin();
                    AtEnd::ResourceText { part, axis: known.dimension, mark, offset }
                } else {
                    AtEnd::Resource(part)
                }
            }
            Element::Fraction => {
                let concept = known.name.unwrap_or_default();
                self.problems
                    .add(offset, format_args!("{concept} is an ix:fraction, which is not supported; left out"));
                AtEnd::Nothing
            }
            Element::OtherInline | Element::Other => AtEnd::Nothing,
        })
    }

    fn begin_fact(&mut self, kind: Kind, known: Known<'d>, offset: usize) -> Result<AtEnd<'d>, Error> {
        let index = self.tagged.facts.len();
        if index == FACTS_MAX {
            return Err(Error::TooManyFacts { offset });
        }
        let concept = known.name.unwrap_or_else(|| {
            self.problems.add(offset, "a fact has no name attribute");
            Cow::Borrowed("")
        });
        self.tagged.facts.push(TaggedFact {
            kind,
            offset,
            concept,
            context_ref: known.context_ref,
            unit_ref: known.unit_ref,
            format: known.format,
            scale: known.scale,
            sign: known.sign,
            decimals: known.decimals,
            continued_at: known.continued_at,
            is_nil: known.nil,
            span: Span::default(),
        });
        Ok(AtEnd::Fact { index, mark: self.tagged.captured.begin() })
    }

    /// An element that is not of XBRL begins.
    fn foreign(&mut self, name: &str, start: usize) {
        if let Some(Open { at_end: AtEnd::Resource(Resource::Qualifier), .. }) = self.open.last() {
            let offset = self.base + start;
            self.tagged.resources.foreign_qualifier(name, offset, self.problems);
        }
    }

    /// The innermost element ends.
    fn end(&mut self) {
        let tagged = &mut self.tagged;
        // The reader has checked that every end has its start.
        match self.open.pop().map_or(AtEnd::Nothing, |open| open.at_end) {
            AtEnd::Nothing => {}
            AtEnd::Fact { index, mark } => tagged.facts[index].span = tagged.captured.end(mark),
            AtEnd::Continuation { known, mark } => {
                let span = tagged.captured.end(mark);
                let Known { id, continued_at, .. } = *known;
                // Without an id nothing can refer to it; a second one of the same id is not referred to.
                if let Some(id) = id {
                    let continuation = Continuation { continued_at, span };
                    tagged.continuations.entry(id).or_insert(continuation);
                }
            }
            AtEnd::Exclude(exclusion) => tagged.captured.end_exclude(exclusion),
            AtEnd::Resource(part) => {
                let offset = self.base + self.reader.buffer_position() as usize;
                tagged.resources.end(part, None, "", offset, self.problems);
            }
            AtEnd::ResourceText { part, axis, mark, offset } => {
                let span = tagged.captured.end(mark);
                let text: String = tagged.captured.pieces(&span).collect();
                tagged.resources.end(part, axis, text.trim(), offset, self.problems);
            }
        }
        self.scope.set_level(self.open.len() as u16);
    }

    fn entity(&mut self, entity: &BytesRef<'_>, start: usize) {
        let captured = &mut self.tagged.captured;
        if let Ok(Some(c)) = entity.resolve_char_ref() {
            captured.push_decoded(c.encode_utf8(&mut [0; 4]));
        } else if let Some(text) = resolve_html5_entity(entity) {
            captured.push_decoded(text);
        } else {
            let written = &self.document[start..self.reader.buffer_position() as usize];
            captured.push_decoded(written);
            self.problems
                .add(self.base + start, format_args!("the entity {written} does not exist; kept as it is written"));
        }
    }

    fn malformed(&self, at: usize, reason: String) -> Error {
        Error::Malformed { offset: self.base + at, reason }
    }

    /// The reader stopped: because the document ends too early, or because it is no XML.
    fn not_whole(&self, error: &XmlError) -> Error {
        let at = self.reader.error_position() as usize;
        let ends_here = |at| memchr(b'<', &self.document.as_bytes()[at..]).is_none();
        match error {
            XmlError::Syntax(SyntaxError::InvalidBangMarkup) if !ends_here(at + 1) => {
                self.malformed(at, error.to_string())
            }
            XmlError::Syntax(_) => self.truncated(),
            XmlError::IllFormed(IllFormedError::UnclosedReference) if ends_here(at) => self.truncated(),
            error => self.malformed(at, error.to_string()),
        }
    }

    fn truncated(&self) -> Error {
        // The outermost elements are `html` and `body` anyway: the innermost say where it happened.
        const NAMED_MAX: usize = 3;
        let inner = self.open.iter().rev().take(NAMED_MAX).rev();
        let names: Vec<String> = inner.map(|open| format!("<{}>", open.name)).collect();
        let inside = match names.as_slice() {
            [] => "before its first element is complete".to_owned(),
            names => format!("inside {}, {} elements deep", names.join(" "), self.open.len()),
        };
        Error::Truncated { offset: self.base + self.document.len(), inside }
    }
}
