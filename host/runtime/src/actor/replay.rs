//! Waking an actor, and restoring it: its newest checkpoint, and the messages since then once more.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use belljar_store::RecordKind;

use super::alive::Alive;
use super::checkpoints::snapshot_of;
use super::info::ActorStatus;
use super::journal::Journal;
use super::record::{Arrival, Attempt, Ending, HostAnswer, Origin};
use super::recovery::{self, Found, Replay};
use super::state::ActorState;
use super::system::{Cell, Durable, System};
use super::voice::Voice;
use super::{ActorError, ActorName, Durability, services};
use crate::{Error, clock};

impl Alive {
    /// Wakes an actor that is kept in the log.
    pub(super) async fn wake(system: &Arc<System>, cell: &Arc<Cell>) -> Result<Alive, Error> {
        Alive::load(system, cell, true).await
    }

    pub(super) async fn load(system: &Arc<System>, cell: &Arc<Cell>, is_new_process: bool) -> Result<Alive, Error> {
        let unknown = || Error::from(ActorError::Unknown { name: cell.name.to_string() });
        let durable = system.durable.clone().ok_or_else(unknown)?;
        let (reader, name, started) = (system.clone(), cell.name.clone(), Instant::now());
        let read = move || reader.read(&durable, &name);
        let Some((journal, found, status)) = system.blocking(read).await? else { return Err(unknown()) };
        if status != ActorStatus::Running {
            return Err(ActorError::NotRunning { name: cell.name.to_string(), status: status.to_string() }.into());
        }
        let settings = found.state.spawned.settings().map_err(|message| damaged(&cell.name, message))?;
        let (linker, spawned, wanted) = (system.clone(), found.state.spawned.clone(), settings.clone());
        let link = move || linker.link(spawned.digest(), &spawned.plugin, &wanted);
        let linked = system.blocking(link).await?;
        for problem in &found.damaged {
            tracing::warn!(actor = %cell.name, problem, "a part of the actor's history is damaged; what is left is enough");
        }
        let Found { state, checkpoint, image, replays, generation, settled, .. } = found;
        let (kept, policy) = (state.checkpoints.clone(), state.policy.clone());
        let mut alive = Alive::assemble(system, cell, settings, linked, state, Some(journal));
        let snapshot = checkpoint.as_ref().filter(|_| image.is_none()).map(snapshot_of);
        let page_map = checkpoint.map(|checkpoint| checkpoint.page_map);
        alive.checkpoints.recovered(page_map, generation, kept);
        alive.checkpoints.adopt(policy);
        match &image {
            Some(image) => alive.make_instance_of_image(image).await?,
            None => alive.make_instance(snapshot.as_ref()).await?,
        }
        let replayed = replays.len();
        alive.replay(replays, &settled, is_new_process).await?;
        alive.checkpoints.replayed(replayed as u64, started.elapsed());
        if is_new_process && replayed > 0 {
            alive.checkpoints.failed(started.elapsed());
        }
        tracing::debug!(actor = %cell.name, generation, replayed, elapsed = ?started.elapsed(), "woke an actor");
        Ok(alive)
    }

    /// Repeats the messages of the past, and finishes the one that was interrupted.
    async fn replay(
        &mut self,
        replays: Vec<Replay>,
        settled: &BTreeSet<u64>,
        is_new_process: bool,
    ) -> Result<(), Error> {
        self.voice.forget(settled);
        for replay in replays {
            let Some(arrival) = replay.arrival else { continue };
            match replay.ending {
                Some(ending) if ending.has_effect() => self.repeat(&arrival, replay.results, ending).await?,
                Some(ending) => {
                    let mut kept = self.voice.kept();
                    kept.state.arrived(&arrival);
                    kept.state.ended(&arrival, &ending);
                }
                None => self.resume(&arrival, replay.results, replay.deaths, is_new_process).await?,
            }
            self.voice.forget(settled);
        }
        self.voice.send_unanswered();
        Ok(())
    }

    pub(super) async fn repeat(
        &mut self,
        arrival: &Arrival,
        results: VecDeque<HostAnswer>,
        recorded: Ending,
    ) -> Result<(), Error> {
        {
            let mut kept = self.voice.kept();
            (kept.is_past, kept.recorded) = (true, results);
        }
        self.set_repeating(true);
        let performed = self.perform_again(arrival).await;
        self.set_repeating(false);
        let left = {
            let mut kept = self.voice.kept();
            kept.is_past = false;
            std::mem::take(&mut kept.recorded).len()
        };
        if performed != recorded || left > 0 {
            let difference = format!("{} instead of {}", brief(&performed), brief(&recorded));
            let error =
                ActorError::Diverged { name: self.cell.name.to_string(), sequence: arrival.sequence, difference };
            return Err(error.into());
        }
        self.voice.kept().state.ended(arrival, &recorded);
        self.voice.save_objects().await
    }

    /// Goes on with the message during which the process died, unless it has died too often.
    pub(super) async fn resume(
        &mut self,
        arrival: &Arrival,
        results: VecDeque<HostAnswer>,
        deaths: u32,
        is_new_process: bool,
    ) -> Result<(), Error> {
        if !is_new_process && arrival.origin == Origin::Outside {
            // Its end could not be written, and its sender was told that it was not carried out.
            self.voice.kept().state.arrived(arrival);
            return self.conclude(arrival, Ending::Cancelled).await.map(|_| ());
        }
        let deaths = deaths + u32::from(is_new_process);
        let sequence = arrival.sequence;
        if deaths > self.settings.options.message_retries_max {
            self.voice.kept().state.arrived(arrival);
            let ending = Ending::DeadLetter { deaths };
            tracing::warn!(actor = %self.cell.name, sequence, deaths, "a message is a dead letter");
            return self.conclude(arrival, ending).await.map(|_| ());
        }
        if is_new_process {
            // Durable before the attempt, or a message that kills the process would be tried for ever.
            let tried = {
                let mut kept = self.voice.kept();
                kept.journal.as_mut().map(|journal| journal.append(RecordKind::Attempt, &Attempt { sequence, deaths }))
            };
            tried.transpose()?;
            self.durable().await?;
        }
        self.voice.kept().recorded = results;
        let ending = self.perform_again(arrival).await;
        let ending = self.conclude(arrival, ending).await?;
        if ending.has_effect() { Ok(()) } else { Box::pin(self.reload()).await }
    }

    /// Drops the instance and restores the actor from what is durable.
    pub(super) async fn reload(&mut self) -> Result<(), Error> {
        let started = Instant::now();
        self.instance = None;
        self.writing = None;
        match self.durability() {
            Durability::Volatile => self.begin_again().await?,
            Durability::Journal | Durability::Checkpoint => {
                // An interrupted log has nothing of this actor to wait for.
                self.durable().await.ok();
                // Without its journal it could no more tell what is durable, so nothing may leave.
                self.voice.end();
                self.voice.kept().journal = None;
                let reloaded = Box::pin(Alive::load(&self.system, &self.cell, false)).await?;
                let (faults, checkpoints) = (self.faults_in_row, std::mem::replace(self, reloaded).checkpoints);
                self.faults_in_row = faults;
                self.checkpoints.adopt(Some(checkpoints.into_policy()));
            }
        }
        self.checkpoints.failed(started.elapsed());
        Ok(())
    }

    /// A volatile actor begins anew after a fault.
    pub(super) async fn begin_again(&mut self) -> Result<(), Error> {
        let state = {
            let kept = self.voice.kept();
            let mut spawned = kept.state.spawned.clone();
            spawned.incarnation += 1;
            spawned.born_ns = clock::now_ns();
            spawned.seed = services::fresh_seed()?;
            let mut state = ActorState::new(spawned);
            state.dead_letters = kept.state.dead_letters.clone();
            state
        };
        self.go_on_as(Voice::new(self.system.weak(), state, None, false, None));
        let begun = Box::pin(self.begin(None)).await;
        if begun.is_err() {
            self.instance = None;
        }
        begun
    }
}

impl System {
    /// Reads an actor from the log and takes its writer; none if there is no actor of this name.
    pub(super) fn read(
        &self,
        durable: &Durable,
        name: &ActorName,
    ) -> Result<Option<(Journal, Found, ActorStatus)>, Error> {
        let Some(entry) = durable.find(name)? else { return Ok(None) };
        let status = services::status_of(&entry);
        let writer = durable.log.writer(entry.id)?;
        let found = recovery::read(&durable.log, entry.id, name, &durable.packs, Some(&durable.images))?;
        let journal = Journal::new(durable.log.clone(), writer, entry.next_timer_ns);
        Ok(Some((journal, found, status)))
    }
}

fn damaged(name: &ActorName, message: String) -> Error {
    ActorError::Damaged { name: name.to_string(), message }.into()
}

/// The beginning of what a message came to.
fn brief(ending: &Ending) -> String {
    const CHARS_MAX: usize = 200;
    let text = match ending {
        Ending::Value(result) => result.json.clone(),
        Ending::Fault(fault) => format!("the fault {fault}"),
        other => format!("{other:?}"),
    };
    text.chars().take(CHARS_MAX).collect()
}
