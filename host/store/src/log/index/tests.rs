use super::super::entry::ActorEntry;
use super::super::record::RecordKind;
use super::super::update::{NextTimer, Update};
use super::*;

fn at(offset: u64) -> Position {
    Position { segment: 1, offset }
}

fn change(actor: u64, sequence: u64, update: Update) -> Change {
    let kind = if sequence == 1 { RecordKind::Spawn } else { RecordKind::Note } as u8;
    Change { actor: ActorId(actor), kind, position: at(sequence * 100), sequence, update, is_copy: false }
}

fn named(name: &str) -> Update {
    Update { name: Some(name.to_owned()), ..Update::default() }
}

fn removal(actor: u64) -> Change {
    Change { kind: RecordKind::Removal as u8, ..change(actor, 9, Update::default()) }
}

/// The same changes, with a flush after each or none at all, give the same answers.
fn both_ways(changes: &[Change]) -> [Index; 2] {
    [true, false].map(|flushes| {
        let mut index = Index::in_memory().unwrap();
        for change in changes {
            index.apply(change.clone());
            if flushes {
                index.flush().unwrap();
            }
        }
        index
    })
}

#[test]
fn what_waits_in_memory_answers_like_what_is_in_the_file() {
    let timer = |time_ns| Update { next_timer: Some(time_ns), ..Update::default() };
    let status = Update { status: Some("{}".to_owned()), kept_from: Some(2), ..Update::default() };
    let changes = [
        change(1, 1, named("a")),
        change(2, 1, named("b")),
        change(3, 1, named("c")),
        change(1, 2, timer(NextTimer::At(5))),
        change(2, 2, timer(NextTimer::At(3))),
        change(2, 3, timer(NextTimer::Never)),
        change(1, 3, status),
        removal(3),
        change(4, 1, named("c")),
    ];
    for mut index in both_ways(&changes) {
        let a = index.find("a").unwrap().unwrap();
        let expected = ActorEntry {
            id: ActorId(1),
            name: "a".to_owned(),
            head: at(300),
            sequence: 3,
            kept_from: 2,
            spawn: at(100),
            status: Some("{}".to_owned()),
            next_timer_ns: Some(5),
        };
        assert_eq!(a, expected);
        assert_eq!(index.entry(ActorId(1)).unwrap(), Some(expected));
        assert_eq!(index.find("c").unwrap().unwrap().id, ActorId(4));
        assert_eq!(index.entry(ActorId(3)).unwrap(), None);
        assert_eq!(index.count().unwrap(), 3);
        let due: Vec<_> = index.due_timers(9, 9).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(due, ["a"]);
        let page: Vec<_> = index.list(Some("a"), "", 1).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(page, ["b"]);
        assert_eq!(index.covered.next_actor, 5);
        index.flush().unwrap();
        assert_eq!(index.count().unwrap(), 3);
    }
}

#[test]
fn a_name_goes_from_one_actor_to_the_next_within_one_flush() {
    let mut index = Index::in_memory().unwrap();
    index.apply(change(1, 1, named("a")));
    index.flush().unwrap();
    index.apply(removal(1));
    index.apply(change(2, 1, named("a")));
    index.apply(removal(2));
    index.apply(change(3, 1, named("a")));
    assert_eq!(index.find("a").unwrap().unwrap().id, ActorId(3));
    index.flush().unwrap();
    assert_eq!(index.find("a").unwrap().unwrap().id, ActorId(3));
    assert_eq!(index.count().unwrap(), 1);
}

#[test]
fn damage_puts_older_records_in_doubt_and_not_newer_ones() {
    let mut index = Index::in_memory().unwrap();
    index.note_damage(DamagedRange { position: at(150), bytes: 10 });
    assert_eq!(index.doubt_after(at(100)), Some(at(150)));
    assert_eq!(index.doubt_after(at(150)), None);
    assert_eq!(index.doubt_after(at(200)), None);
    index.forget_segment(1);
    assert_eq!(index.doubt_after(at(100)), None);
}
