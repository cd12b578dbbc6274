//! An actor that works through others. Its accounts are actors with the methods of `counter`: `add` and `get`. It
//! shows a call with its result, many calls at once, calls without a result, a ring of actors that call each
//! other, and timers with which an actor calls itself.

mod calls;

use belljar_guest::{state, timers};
use std::time::Duration;

belljar_guest::plugin!(
    r#"
    package demo:teller;

    world teller {
        include belljar:plugin/actor@0.1.0;
        import belljar:plugin/actors@0.1.0;

        /// What a teller has done.
        record report {
            /// Transfers that were made.
            transfers: u64,
            /// Transfers that the source had too little for.
            refused: u64,
            /// Times that the clock has ticked.
            ticks: u64,
            /// Times that a ring came through here.
            rings: u64,
            /// The names of the reminders that rang, in that order.
            reminders: list<string>,
        }

        /// Moves an amount from one account to another, and returns what is left in the first. An account that
        /// would fall below zero is left as it was.
        export transfer: func(source: string, target: string, amount: s64) -> result<s64, string>;
        /// What is in each of the accounts, all asked at the same time.
        export balances: func(accounts: list<string>) -> result<list<s64>, string>;
        /// Which of the accounts answer within the time, in the order of the list.
        export answering: func(accounts: list<string>, timeout-ms: u64) -> result<list<string>, string>;
        /// Adds an amount to each of the accounts without waiting for any.
        export pay-out: func(accounts: list<string>, amount: s64) -> result<_, string>;
        /// Calls the first teller of the path with the rest of it, and so forth. Returns how many were called. A path
        /// that comes back to a teller who is still waiting can never end, and is an error.
        export ring: func(path: list<string>) -> result<u32, string>;

        /// Calls `tick` every so many milliseconds; never, if it is 0.
        export tick-every: func(interval-ms: u64) -> result<_, string>;
        /// Counts, and sets the timer for the next tick.
        export tick: func() -> result<_, string>;
        /// Calls `reminded` with the name when the time is over. One of the same name is replaced.
        export remind: func(name: string, delay-ms: u64) -> result<_, string>;
        /// Takes a reminder back; false if there is none of that name.
        export forget: func(name: string) -> bool;
        /// Keeps the name of the reminder.
        export reminded: func(name: string);

        /// What this teller has done.
        export seen: func() -> report;
    }"#
);

/// The timer of [`Guest::tick`]. A reminder's timer has another start to its name, so none can be called the same.
const TICK_TIMER: &str = "tick";

/// How the name of a reminder's timer starts.
const REMINDER_PREFIX: &str = "reminder:";

/// What a teller keeps.
#[derive(Default)]
struct Desk {
    transfers: u64,
    refused: u64,
    ticks: u64,
    rings: u64,
    reminders: Vec<String>,
    /// The time from one tick to the next; zero while there are none.
    tick_interval: Duration,
}

state! {
    static DESK: Desk = Desk::default();
}

struct Teller;

impl Guest for Teller {
    fn transfer(source: String, target: String, amount: i64) -> Result<i64, String> {
        let left = calls::transfer(&source, &target, amount)?;
        DESK.with(|desk| match left {
            Some(_) => desk.transfers += 1,
            None => desk.refused += 1,
        });
        left.ok_or_else(|| format!("{source} has less than {amount}"))
    }

    fn balances(accounts: Vec<String>) -> Result<Vec<i64>, String> {
        Ok(calls::balances(&accounts)?)
    }

    fn answering(accounts: Vec<String>, timeout_ms: u64) -> Result<Vec<String>, String> {
        Ok(calls::answering(accounts, Duration::from_millis(timeout_ms))?)
    }

    fn pay_out(accounts: Vec<String>, amount: i64) -> Result<(), String> {
        Ok(calls::pay_out(&accounts, amount)?)
    }

    fn ring(path: Vec<String>) -> Result<u32, String> {
        DESK.with(|desk| desk.rings += 1);
        calls::ring(&path)
    }

    fn tick_every(interval_ms: u64) -> Result<(), String> {
        let interval = Duration::from_millis(interval_ms);
        DESK.with(|desk| desk.tick_interval = interval);
        set_tick_timer(interval)
    }

    fn tick() -> Result<(), String> {
        let interval = DESK.with(|desk| {
            desk.ticks += 1;
            desk.tick_interval
        });
        set_tick_timer(interval)
    }

    fn remind(name: String, delay_ms: u64) -> Result<(), String> {
        let delay = Duration::from_millis(delay_ms);
        Ok(timers::set(&reminder_timer(&name), delay, "reminded", (name,))?)
    }

    fn forget(name: String) -> bool {
        timers::cancel(&reminder_timer(&name))
    }

    fn reminded(name: String) {
        DESK.with(|desk| desk.reminders.push(name));
    }

    fn seen() -> Report {
        DESK.with(|desk| Report {
            transfers: desk.transfers,
            refused: desk.refused,
            ticks: desk.ticks,
            rings: desk.rings,
            reminders: desk.reminders.clone(),
        })
    }
}

export!(Teller);

fn set_tick_timer(interval: Duration) -> Result<(), String> {
    if interval.is_zero() {
        timers::cancel(TICK_TIMER);
        return Ok(());
    }
    Ok(timers::set(TICK_TIMER, interval, "tick", ())?)
}

fn reminder_timer(name: &str) -> String {
    format!("{REMINDER_PREFIX}{name}")
}

#[cfg(test)]
mod tests;
