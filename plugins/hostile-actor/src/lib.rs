//! Changes its state and then misbehaves. Each of the methods named `…-after` adds to the sum first, so a test can
//! ask with `get` whether the sum was put back; `refuse-after` alone ends well, and its change must stay.

use belljar_guest::{log, state, timers};
use std::hint::black_box;
use std::time::Duration;

belljar_guest::plugin!(
    r#"
    package belljar:hostile-actor;

    world hostile-actor {
        include belljar:plugin/actor@0.1.0;

        /// Adds a number and returns the sum, as an actor does that harms nobody.
        export add: func(n: s64) -> s64;
        /// The sum so far.
        export get: func() -> s64;
        /// Adds the number of letters, and panics if the message is `poison`, however often it comes.
        export process: func(message: string) -> s64;
        /// Adds the number and returns an error, which is an ordinary answer.
        export refuse-after: func(n: s64) -> result<s64, string>;
        /// Adds the number and panics.
        export panic-after: func(n: s64);
        /// Adds the number, sets the timer `later`, which would add 1,000, and panics.
        export set-timer-after: func(n: s64, delay-ms: u64);
        /// Adds the number and computes for ever.
        export spin-after: func(n: s64);
        /// Adds the number and takes memory without end.
        export allocate-after: func(n: s64);
        /// Adds the number and calls itself without end.
        export recurse-after: func(n: s64) -> u64;
        /// Adds the number and writes log lines without end.
        export log-flood-after: func(n: s64);
    }"#
);

/// The message at which [`Guest::process`] panics.
const POISON: &str = "poison";

/// What the timer of [`Guest::set_timer_after`] would add.
const TIMER_AMOUNT: i64 = 1000;

/// One step of [`Guest::allocate_after`]: large enough to reach any limit soon.
const ALLOCATION_BYTES: usize = 1 << 20;

state! {
    static SUM: i64 = 0;
    /// What [`Guest::allocate_after`] took. It is a part of the state, so that it must be given back.
    static ALLOCATED: Vec<Vec<u8>> = Vec::new();
}

struct HostileActor;

impl Guest for HostileActor {
    fn add(n: i64) -> i64 {
        SUM.with(|sum| {
            *sum = sum.wrapping_add(n);
            *sum
        })
    }

    fn get() -> i64 {
        SUM.get()
    }

    fn process(message: String) -> i64 {
        // A message is far shorter than 2⁶³ letters.
        let sum = Self::add(message.chars().count() as i64);
        assert!(message != POISON, "this message is poison");
        sum
    }

    fn refuse_after(n: i64) -> Result<i64, String> {
        let sum = Self::add(n);
        Err(format!("refused at {sum}"))
    }

    fn panic_after(n: i64) {
        panic!("after the sum became {}", Self::add(n));
    }

    fn set_timer_after(n: i64, delay_ms: u64) {
        Self::add(n);
        let delay = Duration::from_millis(delay_ms);
        timers::set("later", delay, "add", (TIMER_AMOUNT,)).expect("a number has a form in JSON");
        panic!("after the timer was set");
    }

    fn spin_after(n: i64) {
        Self::add(n);
        let mut turns: u64 = 0;
        loop {
            turns = black_box(turns.wrapping_add(1));
        }
    }

    fn allocate_after(n: i64) {
        Self::add(n);
        loop {
            // Ones and not zeros: zeroed memory could be had without touching it.
            ALLOCATED.with(|allocated| allocated.push(black_box(vec![1; ALLOCATION_BYTES])));
        }
    }

    fn recurse_after(n: i64) -> u64 {
        Self::add(n);
        // The compiler must not know that the bottom is out of reach.
        descend(0, black_box(u64::MAX))
    }

    fn log_flood_after(n: i64) {
        Self::add(n);
        for line in 0_u64.. {
            log::info!("line {line}");
        }
    }
}

/// Goes one frame deeper until the bottom. The rotation after the call keeps the compiler from making a loop of it.
fn descend(depth: u64, bottom: u64) -> u64 {
    if depth == bottom {
        return 0;
    }
    descend(depth + 1, bottom).rotate_left(1) ^ depth
}

export!(HostileActor);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_an_answer_and_the_change_stays() {
        HostileActor::add(2);

        assert_eq!(HostileActor::refuse_after(5), Err("refused at 7".to_owned()));
        assert_eq!(HostileActor::get(), 7);
    }

    #[test]
    fn a_message_counts_by_its_letters() {
        assert_eq!(HostileActor::process("Größe".to_owned()), 5);
    }

    #[test]
    #[should_panic(expected = "this message is poison")]
    fn one_message_is_poison() {
        HostileActor::process(POISON.to_owned());
    }
}
