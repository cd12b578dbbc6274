//! The book: accounts and what was booked to them. It is plain Rust that knows nothing of actors.

use crate::digest::Digest;
use crate::statistics::Statistics;
use std::collections::{BTreeMap, HashMap};

/// Why something was not booked. The book is as it was.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no entry for the account.
    #[error("there is no account {0}")]
    UnknownAccount(String),
    /// The amount, or what would be in the account with it, is not finite; or it was to be transferred and is not
    /// above zero.
    #[error("{0} is no amount that can be booked")]
    NoAmount(f64),
    /// The account has too little.
    #[error("{account} holds {balance}, and {amount} was to be taken")]
    TooLittle {
        /// The name of the account.
        account: String,
        /// What is in it.
        balance: f64,
        /// What was to be taken from it.
        amount: f64,
    },
}

impl From<Refusal> for String {
    fn from(refusal: Refusal) -> Self {
        refusal.to_string()
    }
}

/// An amount that was booked.
#[derive(Debug)]
pub struct Entry {
    /// The amount; below zero if it was taken.
    pub amount: f64,
    /// What it was for.
    pub purpose: String,
    /// When it was booked, in nanoseconds since 1970.
    pub time_ns: u64,
}

/// An account.
#[derive(Debug, Default)]
pub struct Account {
    /// What is in it: the sum of the amounts, in the order of the entries.
    pub balance: f64,
    /// What was booked, the oldest first.
    pub entries: Vec<Entry>,
}

/// All that a ledger keeps.
#[derive(Default)]
pub struct Book {
    accounts: BTreeMap<String, Account>,
    /// The accounts with an entry for a purpose, in the order of the first such entry.
    by_purpose: HashMap<String, Vec<String>>,
    /// The amounts of all entries.
    pub statistics: Statistics,
    /// Bytes that are kept with the book.
    pub attachments: Vec<Vec<u8>>,
}

impl Book {
    /// Books an amount, and returns what is in the account then.
    pub fn post(&mut self, account: &str, amount: f64, purpose: &str, time_ns: u64) -> Result<f64, Refusal> {
        let balance = self.balance_after(account, amount)?;
        self.book(account, amount, purpose, time_ns);
        Ok(balance)
    }

    /// Books an amount above zero from one account to another: both entries, or none.
    pub fn transfer(&mut self, source: &str, target: &str, amount: f64, time_ns: u64) -> Result<(), Refusal> {
        self.account(source)?;
        if amount <= 0.0 {
            return Err(Refusal::NoAmount(amount));
        }
        self.balance_after(source, -amount)?;
        self.balance_after(target, amount)?;
        self.book(source, -amount, target, time_ns);
        self.book(target, amount, source, time_ns);
        Ok(())
    }

    /// What would be in the account with this amount added.
    fn balance_after(&self, account: &str, amount: f64) -> Result<f64, Refusal> {
        let balance = self.accounts.get(account).map_or(0.0, |account| account.balance);
        let after = balance + amount;
        if !after.is_finite() {
            return Err(Refusal::NoAmount(amount));
        }
        if after < 0.0 {
            return Err(Refusal::TooLittle { account: account.to_owned(), balance, amount: -amount });
        }
        Ok(after)
    }

    /// Books an amount that was found to be possible.
    fn book(&mut self, account: &str, amount: f64, purpose: &str, time_ns: u64) {
        let kept = self.accounts.entry(account.to_owned()).or_default();
        kept.balance += amount;
        kept.entries.push(Entry { amount, purpose: purpose.to_owned(), time_ns });
        let payers = self.by_purpose.entry(purpose.to_owned()).or_default();
        if !payers.iter().any(|payer| payer == account) {
            payers.push(account.to_owned());
        }
        self.statistics.add(amount);
    }

    /// The account of this name.
    pub fn account(&self, name: &str) -> Result<&Account, Refusal> {
        self.accounts.get(name).ok_or_else(|| Refusal::UnknownAccount(name.to_owned()))
    }

    /// The accounts with an entry for this purpose, the one with the first such entry first.
    pub fn accounts_by_purpose(&self, purpose: &str) -> &[String] {
        self.by_purpose.get(purpose).map_or(&[], Vec::as_slice)
    }

    /// A checksum of everything in the book.
    pub fn digest(&self) -> String {
        let mut digest = Digest::new();
        for (name, account) in &self.accounts {
            digest.text(name);
            digest.number(account.balance.to_bits());
            for entry in &account.entries {
                digest.number(entry.amount.to_bits());
                digest.text(&entry.purpose);
                digest.number(entry.time_ns);
            }
        }
        // The order within the map belongs to the state: it follows from the memory and not from the entries alone.
        for (purpose, payers) in &self.by_purpose {
            digest.text(purpose);
            payers.iter().for_each(|payer| digest.text(payer));
        }
        digest.number(self.statistics.count);
        digest.number(self.statistics.mean.to_bits());
        digest.number(self.statistics.variance().to_bits());
        self.attachments.iter().for_each(|attachment| digest.bytes(attachment));
        digest.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_adds_up_and_keeps_its_entries() {
        let mut book = Book::default();

        book.post("ada", 10.0, "salary", 1).unwrap();
        let left = book.post("ada", -2.5, "bread", 2).unwrap();

        let account = book.account("ada").unwrap();
        assert_eq!((left, account.balance), (7.5, 7.5));
        assert_eq!(account.entries[1].purpose, "bread");
        assert_eq!(book.accounts_by_purpose("salary"), ["ada"]);
    }

    #[test]
    fn what_is_refused_leaves_no_trace() {
        let mut book = Book::default();
        book.post("ada", 1.0, "salary", 1).unwrap();
        let before = book.digest();

        let too_much = book.post("ada", -2.0, "bread", 2).unwrap_err();
        let no_number = book.post("ada", f64::NAN, "bread", 2).unwrap_err();
        let unknown = book.transfer("bob", "ada", 1.0, 2).unwrap_err();
        let backwards = book.transfer("ada", "bob", -1.0, 2).unwrap_err();

        assert!(matches!(too_much, Refusal::TooLittle { balance: 1.0, amount: 2.0, .. }));
        assert!(matches!(no_number, Refusal::NoAmount(_)));
        assert_eq!(unknown, Refusal::UnknownAccount("bob".to_owned()));
        assert_eq!(backwards, Refusal::NoAmount(-1.0));
        assert_eq!(book.digest(), before);
    }

    #[test]
    fn a_transfer_that_the_target_cannot_take_leaves_the_source_alone() {
        let mut book = Book::default();
        book.post("ada", f64::MAX, "salary", 1).unwrap();
        book.post("bob", f64::MAX, "salary", 1).unwrap();
        let before = book.digest();

        let refusal = book.transfer("ada", "bob", f64::MAX, 2).unwrap_err();

        assert_eq!(refusal, Refusal::NoAmount(f64::MAX));
        assert_eq!(book.digest(), before);
    }

    #[test]
    fn a_transfer_is_an_entry_in_both_accounts() {
        let mut book = Book::default();
        book.post("ada", 4.0, "salary", 1).unwrap();

        book.transfer("ada", "bob", 3.0, 2).unwrap();

        assert_eq!(book.account("ada").unwrap().balance, 1.0);
        assert_eq!(book.account("bob").unwrap().entries[0].amount, 3.0);
    }

    #[test]
    fn the_digest_knows_every_bit() {
        let digest = |amount: f64, time_ns| {
            let mut book = Book::default();
            book.post("ada", amount, "salary", time_ns).unwrap();
            book.digest()
        };

        assert_eq!(digest(1.0, 1), digest(1.0, 1));
        assert_ne!(digest(1.0, 1), digest(1.0 + f64::EPSILON, 1));
        assert_ne!(digest(1.0, 1), digest(1.0, 2));
    }
}
