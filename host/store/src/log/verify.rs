//! Reading everything, to find what is damaged before it is needed.

use std::sync::Arc;

use super::history::History;
use super::inner::Inner;
use super::record::{ActorId, Position};
use super::scan::{Found, ScanStart, scan};
use super::segment::{self, SEGMENT_HEADER_BYTES};
use crate::error::StoreError;

/// How many damaged places a report names one by one.
const DAMAGE_LISTED_MAX: usize = 10_000;

/// How many actors are looked up at once.
const PAGE_ACTORS: usize = 1024;

/// A damaged place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it is.
    pub position: Position,
    /// The actor whose record it was, where that is known and the actor still exists.
    pub actor: Option<(ActorId, String)>,
    /// What is wrong, as a sentence.
    pub message: String,
}

/// What reading the whole log has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogReport {
    /// How many segments were read.
    pub segments: u64,
    /// How many records are whole.
    pub records: u64,
    /// How many actors have a whole history.
    pub actors: u64,
    /// What is damaged, also where no actor needs it any more; at most 10,000 places.
    pub damage: Vec<Damage>,
}

impl LogReport {
    fn add(&mut self, damage: Damage) {
        let is_known = self.damage.iter().any(|known| known.position == damage.position);
        if !is_known && self.damage.len() < DAMAGE_LISTED_MAX {
            self.damage.push(damage);
        }
    }
}

pub(super) fn verify(inner: &Arc<Inner>, progress: &mut dyn FnMut(u64, u64)) -> Result<LogReport, StoreError> {
    let mut report = LogReport::default();
    let numbers = inner.segments.numbers()?;
    let total = numbers.len() as u64;
    for number in numbers {
        progress(report.segments, total);
        match verify_segment(inner, number, &mut report) {
            Ok(()) => {}
            Err(error @ (StoreError::LogDamaged { .. } | StoreError::Version { .. })) => {
                let position = Position { segment: number, offset: 0 };
                report.add(Damage { position, actor: None, message: error.to_string() });
            }
            Err(error) => return Err(error),
        }
        report.segments += 1;
    }
    progress(total, total);
    verify_actors(inner, &mut report)?;
    Ok(report)
}

fn verify_segment(inner: &Inner, number: u64, report: &mut LogReport) -> Result<(), StoreError> {
    let Some(segment) = inner.segments.get_unless_unborn(number)? else { return Ok(()) };
    let valid_bytes = inner.segments.valid_bytes(number)?;
    let start = ScanStart { bytes: SEGMENT_HEADER_BYTES, next_frame: segment.header.first_frame };
    scan(&segment, start, valid_bytes, &mut |found| {
        match found {
            Found::Record { .. } => report.records += 1,
            Found::DamagedBody { position, header } => {
                let name = inner.index().entry(header.actor)?.map(|entry| (header.actor, entry.name));
                let message = format!("record {} of actor {} is not what was written", header.sequence, header.actor);
                report.add(Damage { position, actor: name, message });
            }
            Found::DamagedBytes { position, bytes } => {
                let message = format!("{bytes} bytes are not what was written");
                report.add(Damage { position, actor: None, message });
            }
            Found::DamagedFrameHeader { position } => {
                let message = "the header of a frame is not what was written; its records are unharmed".to_owned();
                report.add(Damage { position, actor: None, message });
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Follows every history, which finds what a scan can't: that the index or a record leads to a wrong place.
fn verify_actors(inner: &Arc<Inner>, report: &mut LogReport) -> Result<(), StoreError> {
    let mut after: Option<String> = None;
    loop {
        let page = inner.index().list(after.as_deref(), "", PAGE_ACTORS)?;
        for entry in &page {
            let mut is_whole = true;
            for record in History::new(inner.clone(), entry.clone()) {
                if let Err(error) = record {
                    is_whole = false;
                    let position = place_of(&error).unwrap_or(entry.head);
                    report.add(Damage {
                        position,
                        actor: Some((entry.id, entry.name.clone())),
                        message: error.to_string(),
                    });
                }
            }
            report.actors += u64::from(is_whole);
        }
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.name.clone());
    }
}

fn place_of(error: &StoreError) -> Option<Position> {
    let (StoreError::LogDamaged { path, offset, .. } | StoreError::UnknownRecordKind { path, offset, .. }) = error
    else {
        return None;
    };
    let segment = segment::number_of(path.file_name()?.to_str()?)?;
    Some(Position { segment, offset: *offset })
}
