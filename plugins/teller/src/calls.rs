//! The calls of other actors. They are apart from the teller's own state, so that none of it is being worked on
//! while the teller waits.

use belljar_guest::actors::{self, CallId, Error, Number, Outcome};
use std::collections::BTreeSet;
use std::time::Duration;

/// Moves the amount, and returns what is left in the source; none if that would be below zero.
///
/// The amount is taken before it is given, so that a fault on the way loses money to nobody's gain: the caller
/// learns of it and may give it back.
pub fn transfer(source: &str, target: &str, amount: i64) -> Result<Option<i64>, Error> {
    let left = add(source, amount.wrapping_neg())?;
    if left < 0 {
        add(source, amount)?;
        return Ok(None);
    }
    add(target, amount)?;
    Ok(Some(left))
}

/// Adds to an account and waits for what is in it then.
fn add(account: &str, amount: i64) -> Result<i64, Error> {
    let sum: Number<i64> = actors::call(account, "add", (amount,))?.get()?;
    Ok(sum.0)
}

/// What is in each of the accounts. All are asked before the first answer is awaited.
pub fn balances(accounts: &[String]) -> Result<Vec<i64>, Error> {
    let calls: Vec<_> =
        accounts.iter().map(|account| actors::call::<Number<i64>>(account, "get", ())).collect::<Result<_, _>>()?;
    calls.into_iter().map(|call| Ok(call.get()?.0)).collect()
}

/// Those of the accounts that answer within the time, in the given order.
pub fn answering(accounts: Vec<String>, timeout: Duration) -> Result<Vec<String>, Error> {
    let calls: Vec<_> =
        accounts.iter().map(|account| actors::call::<Number<i64>>(account, "get", ())).collect::<Result<_, _>>()?;
    let ids: Vec<CallId> = calls.iter().map(actors::Call::id).collect();
    let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let done: BTreeSet<CallId> = actors::wait(&ids, count, Some(timeout)).into_iter().collect();
    let mut answering = Vec::new();
    for (account, call) in accounts.into_iter().zip(calls) {
        if !done.contains(&call.id()) {
            call.cancel()?;
        } else if call.get().is_ok() {
            answering.push(account);
        }
    }
    Ok(answering)
}

/// Adds the amount to each of the accounts, and waits for none.
pub fn pay_out(accounts: &[String], amount: i64) -> Result<(), Error> {
    for account in accounts {
        actors::call::<Number<i64>>(account, "add", (amount,))?;
    }
    Ok(())
}

/// Calls the first teller of the path with the rest of it; returns how many were called.
pub fn ring(path: &[String]) -> Result<u32, String> {
    let Some((next, rest)) = path.split_first() else {
        return Ok(0);
    };
    let outcome: Outcome<u32, String> = actors::call(next, "ring", (rest,))?.get()?;
    Ok(Result::from(outcome)?.saturating_add(1))
}
