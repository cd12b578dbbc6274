//! The teller among actors that the tests stand in for.

use super::*;
use belljar_guest::actors::Error;
use belljar_guest::testing::{self, Timer};
use std::cell::Cell;
use std::rc::Rc;

/// An actor with the methods of `counter`. What is in it can be seen from outside.
fn account(name: &str, start: i64) -> Rc<Cell<i64>> {
    let balance = Rc::new(Cell::new(start));
    let kept = Rc::clone(&balance);
    testing::actor(name, move |method, arguments| {
        if method == "add" {
            let digits = arguments.trim_matches(['[', ']']);
            kept.set(kept.get() + digits.parse::<i64>().unwrap());
        }
        Ok(kept.get().to_string())
    });
    balance
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().copied().map(str::to_owned).collect()
}

#[test]
fn a_transfer_moves_the_amount() {
    let (ada, bob) = (account("ada", 10), account("bob", 0));

    let left = Teller::transfer("ada".to_owned(), "bob".to_owned(), 7);

    assert_eq!(left, Ok(3));
    assert_eq!((ada.get(), bob.get()), (3, 7));
    assert_eq!(Teller::seen().transfers, 1);
}

#[test]
fn a_transfer_of_more_than_there_is_changes_nothing() {
    let (ada, bob) = (account("ada", 10), account("bob", 0));

    let error = Teller::transfer("ada".to_owned(), "bob".to_owned(), 11).unwrap_err();

    assert_eq!(error, "ada has less than 11");
    assert_eq!((ada.get(), bob.get()), (10, 0));
    assert_eq!(Teller::seen().refused, 1);
}

#[test]
fn an_account_that_does_not_exist_is_named() {
    let error = Teller::balances(names(&["nobody"])).unwrap_err();

    assert!(error.contains("nobody"), "{error}");
}

#[test]
fn balances_come_in_the_order_of_the_accounts() {
    account("ada", 3);
    account("bob", -4);

    assert_eq!(Teller::balances(names(&["bob", "ada", "bob"])), Ok(vec![-4, 3, -4]));
}

#[test]
fn an_account_that_faults_is_not_answering() {
    account("ada", 3);
    testing::actor("broken", |_, _| Err(Error::Fault("out of memory".to_owned())));

    assert_eq!(Teller::answering(names(&["broken", "ada"]), 100), Ok(names(&["ada"])));
}

#[test]
fn everyone_is_paid() {
    let (ada, bob) = (account("ada", 0), account("bob", 1));

    Teller::pay_out(names(&["ada", "bob"]), 5).unwrap();

    assert_eq!((ada.get(), bob.get()), (5, 6));
}

#[test]
fn a_ring_goes_on_without_its_first_name() {
    testing::actor("next", |method, arguments| {
        assert_eq!((method, arguments), ("ring", r#"[["last"]]"#));
        Ok(r#"{"ok": 1}"#.to_owned())
    });

    assert_eq!(Teller::ring(names(&["next", "last"])), Ok(2));
    assert_eq!(Teller::ring(Vec::new()), Ok(0));
    assert_eq!(Teller::seen().rings, 2);
}

#[test]
fn an_error_from_along_the_ring_comes_back() {
    testing::actor("next", |_, _| Ok(r#"{"error": "waiting would never end"}"#.to_owned()));

    assert_eq!(Teller::ring(names(&["next"])), Err("waiting would never end".to_owned()));
}

#[test]
fn a_tick_sets_the_timer_for_the_next_until_it_is_stopped() {
    Teller::tick_every(250).unwrap();
    Teller::tick().unwrap();

    let expected = Timer { delay_ms: 250, method: "tick".to_owned(), arguments: "[]".to_owned() };
    assert_eq!(testing::timers().get(TICK_TIMER), Some(&expected));

    Teller::tick_every(0).unwrap();
    Teller::tick().unwrap();

    assert!(testing::timers().is_empty());
    assert_eq!(Teller::seen().ticks, 2);
}

#[test]
fn a_reminder_rings_by_its_name() {
    Teller::remind("tick".to_owned(), 10).unwrap();
    Teller::remind("tea".to_owned(), 20).unwrap();

    let timers = testing::timers();
    assert_eq!(timers["reminder:tea"].arguments, r#"["tea"]"#);
    assert!(!timers.contains_key(TICK_TIMER));

    Teller::reminded("tea".to_owned());
    assert!(Teller::forget("tick".to_owned()));
    assert_eq!(Teller::seen().reminders, ["tea"]);
}
