//! What a person sees while a run goes on: on a terminal one bar over all items and a line for each that is being
//! worked on, with what its plugin reports; elsewhere, as in a log file, one plain line for each step that is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belljar::RuntimeEvent;
use belljar::workflow::{Observer, RunEvent};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::human;

/// How often a bar that nothing happens to shows that it is alive.
const SPIN: Duration = Duration::from_millis(120);
/// How the item is called that stands for the whole run.
const WHOLE_RUN: &str = "(all)";

/// The observer for this standard error; none if nothing is to be told.
pub fn observer(bars: &MultiProgress, is_terminal: bool, quiet: bool) -> Option<Arc<Bars>> {
    (is_terminal && !quiet).then(|| Arc::new(Bars::new(bars.clone())))
}

/// A bar that counts something, whose message says what.
pub fn counting(bars: &MultiProgress) -> ProgressBar {
    let bar = bars.add(ProgressBar::no_length());
    bar.set_style(style("{bar:30.green} {human_pos} of {human_len} {msg} · {elapsed}"));
    bar
}

/// Plain lines, for a standard error that is no terminal.
pub struct Lines;

impl Observer for Lines {
    fn event(&self, event: RunEvent<'_>) {
        if let Some(line) = line(event) {
            eprintln!("{}", human::printable(&line));
        }
    }
}

/// What a log file should have of an event.
fn line(event: RunEvent<'_>) -> Option<String> {
    Some(match event {
        RunEvent::Started { run, items, items_done, .. } => {
            let done = if items_done > 0 { format!(", {items_done} of them done before") } else { String::new() };
            format!("run {run}: {}{done}", human::plural(items, "item", "items"))
        }
        RunEvent::StepRetried { item, step, error, wait } => {
            let wait = human::duration(wait);
            format!("{}: {step} failed and is tried again in {wait}: {error}", named(item))
        }
        RunEvent::StepFinished { item, step, error: None, duration } => {
            format!("{}: {step} done in {}", named(item), human::duration(duration))
        }
        RunEvent::StepFinished { item, error: Some(error), duration, .. } => {
            // The error begins with the step's name.
            format!("{}: failed after {}: {error}", named(item), human::duration(duration))
        }
        _ => return None,
    })
}

fn named(item: &str) -> &str {
    if item.is_empty() { WHOLE_RUN } else { item }
}

/// Progress bars.
pub struct Bars {
    bars: MultiProgress,
    overall: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failed: usize,
    working: HashMap<String, Working>,
}

/// An item that is being worked on. There are at most as many as the run has workers.
struct Working {
    bar: ProgressBar,
    doing: String,
}

impl Bars {
    fn new(bars: MultiProgress) -> Bars {
        let overall = bars.add(ProgressBar::no_length());
        overall.set_style(style("{bar:30.green} {pos}/{len} items{msg} · {elapsed}"));
        Bars { bars, overall, state: Mutex::default() }
    }

    /// Shows what plugins report, until the runtime has gone.
    pub async fn follow(self: Arc<Bars>, mut events: Receiver<RuntimeEvent>) {
        loop {
            match events.recv().await {
                Ok(RuntimeEvent::Progress { label, done, total, message, .. }) => {
                    if let Some(working) = self.lock().working.get(&label) {
                        working.bar.set_message(reported(&working.doing, done, total, &message));
                    }
                }
                // Whoever is behind has missed what is out of date anyway.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Takes the bars off the screen.
    pub fn clear(&self) {
        self.overall.finish_and_clear();
        for (_, working) in self.lock().working.drain() {
            working.bar.finish_and_clear();
        }
    }

    fn step_started(&self, item: &str, doing: String) {
        let mut state = self.lock();
        let working = state.working.entry(item.to_owned()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(style("{spinner} {prefix:.bold} {wide_msg}"));
            bar.set_prefix(named(item).to_owned());
            bar.enable_steady_tick(SPIN);
            Working { bar, doing: String::new() }
        });
        working.bar.set_message(doing.clone());
        working.doing = doing;
    }

    fn item_finished(&self, item: &str, failed: bool) {
        let mut state = self.lock();
        state.failed += usize::from(failed);
        if let Some(working) = state.working.remove(item) {
            working.bar.finish_and_clear();
            self.bars.remove(&working.bar);
        }
        self.overall.inc(1);
        if state.failed > 0 {
            self.overall.set_message(format!(", {} failed", state.failed));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What is shown may be a little wrong after a panic elsewhere, no more.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Bars {
    fn event(&self, event: RunEvent<'_>) {
        match event {
            RunEvent::Started { items, items_done, .. } => {
                self.overall.set_length(items as u64);
                self.overall.set_position(items_done as u64);
                self.overall.reset_eta();
                self.overall.enable_steady_tick(SPIN);
            }
            RunEvent::StepStarted { item, step, attempt: 1, .. } => self.step_started(item, step.to_owned()),
            RunEvent::StepStarted { item, step, attempt, .. } => {
                self.step_started(item, format!("{step} · attempt {attempt}"));
            }
            RunEvent::StepRetried { item, step, error, wait } => {
                let text = format!("{step} · again in {} · {}", human::duration(wait), first_line(error));
                self.step_started(item, text);
            }
            RunEvent::ItemFinished { item, error } => self.item_finished(item, error.is_some()),
            _ => {}
        }
    }
}

/// What a plugin reports, behind what it is doing: `extract · 40 of 90 · contexts`.
fn reported(doing: &str, done: u64, total: Option<u64>, message: &str) -> String {
    let share = match total {
        Some(total) => format!("{} of {}", human::count(done), human::count(total)),
        None => human::count(done),
    };
    let message = first_line(message);
    let dot = if message.is_empty() { "" } else { " · " };
    format!("{doing} · {share}{dot}{message}")
}

/// The first line of a text, without what a terminal would act on: it comes from a guest.
fn first_line(text: &str) -> String {
    human::printable(text.lines().next().unwrap_or_default())
}

fn style(template: &str) -> ProgressStyle {
    // A mistake in a template is found by the test below; the default style is good enough to go on with.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use belljar::store::RunId;
    use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike as _};

    use super::*;

    fn bars() -> (Bars, InMemoryTerm) {
        let term = InMemoryTerm::new(10, 80);
        let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
        (Bars::new(MultiProgress::with_draw_target(target)), term)
    }

    fn started(items: usize, items_done: usize) -> RunEvent<'static> {
        RunEvent::Started { run: RunId(3), items, items_done, steps: &[] }
    }

    #[test]
    fn a_log_gets_one_line_for_each_step_that_is_over() {
        let duration = Duration::from_millis(1_200);
        assert_eq!(line(started(10, 4)).unwrap(), "run 3: 10 items, 4 of them done before");
        let done = RunEvent::StepFinished { item: "AAPL", step: "find", error: None, duration };
        assert_eq!(line(done).unwrap(), "AAPL: find done in 1.2 s");
        let failed = RunEvent::StepFinished { item: "", step: "report", error: Some("report: no"), duration };
        assert_eq!(line(failed).unwrap(), "(all): failed after 1.2 s: report: no");
        assert_eq!(line(RunEvent::ItemFinished { item: "AAPL", error: None }), None);
    }

    #[test]
    fn a_terminal_shows_items_and_what_is_being_done() {
        let (bars, term) = bars();
        bars.event(started(10, 4));
        bars.event(RunEvent::StepStarted { item: "AAPL", step: "extract", worker: "worker-0", attempt: 1 });
        let shown = term.contents();
        assert!(shown.contains("4/10 items"), "{shown}");
        assert!(shown.contains("AAPL extract"), "{shown}");
        bars.event(RunEvent::ItemFinished { item: "AAPL", error: Some("no") });
        let shown = term.contents();
        assert!(shown.contains("items, 1 failed") && !shown.contains("AAPL"), "{shown}");
        // Bars are drawn a few times a second, so the number on the screen may be the one before.
        assert_eq!(bars.overall.position(), 5);
        bars.clear();
        term.flush().unwrap();
        assert_eq!(term.contents(), "");
    }

    #[tokio::test]
    async fn a_plugins_reports_stand_in_its_items_line() {
        let (bars, term) = bars();
        let bars = Arc::new(bars);
        bars.event(RunEvent::StepStarted { item: "AAPL", step: "extract", worker: "worker-0", attempt: 2 });
        let (send, receive) = tokio::sync::broadcast::channel(4);
        let (plugin, label) = ("filings-extract".to_owned(), "AAPL".to_owned());
        let message = "contexts\u{1b}[31m".to_owned();
        send.send(RuntimeEvent::Progress { plugin, label, done: 1_400, total: Some(2_000), message }).unwrap();
        drop(send);
        bars.clone().follow(receive).await;
        bars.lock().working["AAPL"].bar.tick();
        let shown = term.contents();
        assert!(shown.contains("extract · attempt 2 · 1,400 of 2,000 · contexts"), "{shown}");
        assert!(shown.contains("[31m"), "what would have been a colour is shown as text: {shown}");
    }
}
