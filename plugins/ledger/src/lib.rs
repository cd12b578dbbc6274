//! An actor with a state of many parts: accounts with their entries in order, an index that hashes, running
//! statistics in floats, times and random amounts. `digest` is a checksum of all of it, down to the bits of the
//! floats and the order within the index, so two runs that should be the same can be compared by one text.

mod book;
mod digest;
mod statistics;

use belljar_guest::{clock, random, state};
use book::{Book, Refusal};
use std::time::UNIX_EPOCH;

belljar_guest::plugin!(
    r#"
    package belljar:ledger;

    world ledger {
        include belljar:plugin/actor@0.1.0;

        /// An amount that was booked.
        record entry {
            /// The amount; below zero if it was taken.
            amount: f64,
            /// What it was for.
            purpose: string,
            /// When it was booked, in nanoseconds since 1970.
            time-ns: u64,
        }

        /// The amounts of all entries.
        record summary {
            /// How many there are.
            count: u64,
            /// Their mean; 0 without entries.
            mean: f64,
            /// Their variance, as of a whole population; 0 without entries.
            variance: f64,
        }

        /// Books an amount, and returns what is in the account then. The first entry opens the account. An amount
        /// that is not finite, or that would bring the account below zero, is refused.
        export post: func(account: string, amount: f64, purpose: string) -> result<f64, string>;
        /// Books an amount above zero from one account to another: both entries, or none.
        export transfer: func(source: string, target: string, amount: f64) -> result<_, string>;
        /// What is in an account.
        export balance: func(account: string) -> result<f64, string>;
        /// The entries of an account, the oldest first.
        export entries: func(account: string) -> result<list<entry>, string>;
        /// The names of the accounts that have an entry for this purpose, the one with the first such entry first.
        export paid-for: func(purpose: string) -> list<string>;
        /// Books so many random amounts below 100 to random ones of ten accounts. Returns their sum.
        export simulate: func(count: u32) -> f64;
        /// Keeps so many more MiB of random attachments, and returns the size of all of them in bytes.
        export attach: func(mib: u32) -> u64;
        /// Mean and variance over all entries.
        export summary: func() -> summary;
        /// A checksum of the whole state: 16 hexadecimal digits.
        export digest: func() -> string;
    }"#
);

/// How many accounts [`Guest::simulate`] books to.
const SIMULATED_ACCOUNTS: u64 = 10;

/// The amounts of [`Guest::simulate`] are below this.
const SIMULATED_AMOUNT_MAX: f64 = 100.0;

state! {
    static BOOK: Book = Book::default();
}

struct Ledger;

impl Guest for Ledger {
    fn post(account: String, amount: f64, purpose: String) -> Result<f64, String> {
        let time_ns = now_ns();
        Ok(BOOK.with(|book| book.post(&account, amount, &purpose, time_ns))?)
    }

    fn transfer(source: String, target: String, amount: f64) -> Result<(), String> {
        let time_ns = now_ns();
        Ok(BOOK.with(|book| book.transfer(&source, &target, amount, time_ns))?)
    }

    fn balance(account: String) -> Result<f64, String> {
        Ok(BOOK.with(|book| book.account(&account).map(|account| account.balance))?)
    }

    fn entries(account: String) -> Result<Vec<Entry>, String> {
        Ok(BOOK.with(|book| {
            let entries = &book.account(&account)?.entries;
            Ok::<_, Refusal>(entries.iter().map(Entry::from).collect())
        })?)
    }

    fn paid_for(purpose: String) -> Vec<String> {
        BOOK.with(|book| book.accounts_by_purpose(&purpose).to_vec())
    }

    fn simulate(count: u32) -> f64 {
        let mut sum = 0.0;
        for _ in 0..count {
            let account = format!("simulated-{}", random::u64() % SIMULATED_ACCOUNTS);
            let amount = random_fraction() * SIMULATED_AMOUNT_MAX;
            let time_ns = now_ns();
            let posted = BOOK.with(|book| book.post(&account, amount, "simulation", time_ns));
            posted.expect("an amount from 0 to 100 is finite and takes nothing");
            sum += amount;
        }
        sum
    }

    fn attach(mib: u32) -> u64 {
        for _ in 0..mib {
            let attachment = random::bytes(1 << 20);
            BOOK.with(|book| book.attachments.push(attachment));
        }
        BOOK.with(|book| book.attachments.iter().map(|attachment| attachment.len() as u64).sum())
    }

    fn summary() -> Summary {
        BOOK.with(|book| Summary {
            count: book.statistics.count,
            mean: book.statistics.mean,
            variance: book.statistics.variance(),
        })
    }

    fn digest() -> String {
        BOOK.with(|book| book.digest())
    }
}

export!(Ledger);

impl From<&book::Entry> for Entry {
    fn from(entry: &book::Entry) -> Self {
        Self { amount: entry.amount, purpose: entry.purpose.clone(), time_ns: entry.time_ns }
    }
}

/// The time in nanoseconds since 1970; 0 before then, and the largest number from the year 2554 on.
fn now_ns() -> u64 {
    let since_epoch = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// A random number from 0 to below 1, of as many bits as an `f64` holds exactly.
fn random_fraction() -> f64 {
    (random::u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_books_what_it_says() {
        let sum = Ledger::simulate(200);

        let summary = Ledger::summary();
        assert_eq!(summary.count, 200);
        assert!((summary.mean - sum / 200.0).abs() < 1e-9, "{} and {sum}", summary.mean);
        assert!(summary.variance > 0.0);
        assert_eq!(Ledger::paid_for("simulation".to_owned()).len(), 10);
    }

    #[test]
    fn an_entry_has_its_time() {
        Ledger::post("ada".to_owned(), 5.0, "bread".to_owned()).unwrap();

        let entries = Ledger::entries("ada".to_owned()).unwrap();

        assert_eq!((entries.len(), entries[0].amount), (1, 5.0));
        assert!(entries[0].time_ns > 0);
    }

    #[test]
    fn attachments_count_for_the_digest() {
        let before = Ledger::digest();

        assert_eq!(Ledger::attach(2), 2 << 20);
        assert_ne!(Ledger::digest(), before);
    }
}
