//! The formats as they were when they were fixed, and that reading them is total. A change of what is written,
//! or of what can be read, fails here; it takes a new format version, and the old files stay.
//!
//! `BELLJAR_WRITE_GOLDEN=1 cargo test -p belljar-store formats` writes files that are not there yet.

use proptest::prelude::*;

use super::support::owner;
use crate::Digest;
use crate::bucket::head::{GENERATIONS_IN_HEAD_MAX, HEAD_BYTES_MAX, Head, InBucket, Unreadable, seal};
use crate::bucket::letter::Letter;
use crate::bucket::mark::Mark;
use crate::checkpoint::tests::support::meta;
use crate::checkpoint::{HostState, InlinePages, Manifest, Pages};
use crate::testing::golden;

fn in_bucket(number: u64, lease: u64) -> InBucket {
    InBucket {
        number,
        lease,
        generation: 40 + number,
        incarnation: 2,
        message: 1_000 * number,
        taken_ns: 1_700_000_000_000_000_000 + number,
        pushed_ns: 1_700_000_001_000_000_000 + number,
        letter: Digest::of(&number.to_le_bytes()),
    }
}

fn head() -> Head {
    let kept = vec![in_bucket(7, 3), in_bucket(9, 4)];
    Head { name: "visits/ü".to_owned(), lease: 5, owner: owner("golden"), kept }
}

fn letter() -> Letter {
    let manifest = Manifest {
        meta: meta(7),
        parent: None,
        globals: Vec::new(),
        memory_sizes: vec![1 << 16],
        host_state: HostState::Inline(b"host".as_slice().into()),
        pages: Pages::Inline(InlinePages::default()),
        attachments: vec![Digest::of(b"an object")],
    };
    Letter { description: r#"{"name":"golden"}"#.to_owned(), manifest }
}

#[test]
fn a_head() {
    let golden = golden("head.v1", || head().to_bytes().unwrap());
    assert_eq!(Head::from_bytes(&golden), Ok(head()));
    assert_eq!(head().to_bytes().unwrap(), golden);
}

#[test]
fn a_letter() {
    let golden = golden("letter.v1", || letter().to_bytes().unwrap());
    assert_eq!(Letter::from_bytes(&golden), Ok(letter()));
    assert_eq!(letter().to_bytes().unwrap(), golden);
}

#[test]
fn a_mark() {
    let mark = Mark { collections: 3, began_ms: 1_700_000_000_000 };
    let golden = golden("bucket-mark.v1", || mark.to_bytes());
    assert_eq!(Mark::from_bytes(&golden), Ok(mark));
    assert_eq!(mark.to_bytes(), golden);
}

#[test]
fn a_mark_of_more_collections_than_there_can_be_is_damaged() {
    let mark = Mark { collections: u64::MAX, began_ms: 0 };
    assert!(matches!(Mark::from_bytes(&mark.to_bytes()), Err(Unreadable::Damaged(_))));
}

#[test]
fn what_another_belljar_wrote_is_told_with_its_format() {
    let mut bytes = head().to_bytes().unwrap();
    bytes[6] = 2;
    assert_eq!(Head::from_bytes(&bytes), Err(Unreadable::Version(2, 1)));
    let mut bytes = letter().to_bytes().unwrap();
    bytes[6] = 9;
    assert_eq!(Letter::from_bytes(&bytes), Err(Unreadable::Version(9, 1)));
}

#[test]
fn a_head_that_contradicts_itself_is_neither_written_nor_read() {
    let wrong = [
        Head { kept: Vec::new(), ..head() },
        Head { kept: vec![in_bucket(9, 4), in_bucket(7, 4)], ..head() },
        Head { kept: vec![in_bucket(7, 4), in_bucket(9, 3)], ..head() },
        Head { lease: 3, ..head() },
        Head { kept: (0..=GENERATIONS_IN_HEAD_MAX as u64).map(|number| in_bucket(number, 1)).collect(), ..head() },
        Head { name: "x".repeat(1_025), ..head() },
    ];
    for head in wrong {
        assert!(head.to_bytes().is_err(), "{head:?}");
    }
}

#[test]
fn the_largest_head_is_no_larger_than_may_be_read() {
    let kept = (0..GENERATIONS_IN_HEAD_MAX as u64).map(|number| in_bucket(number, 1)).collect();
    let largest = Head { name: "x".repeat(1_024), kept, ..head() };
    assert_eq!(largest.to_bytes().unwrap().len() as u64, HEAD_BYTES_MAX);
}

prop_compose! {
    fn heads()(
        name in ".{0,40}",
        lease in 10..u64::MAX,
        kept in prop::collection::btree_map(any::<u64>(), (any::<[u64; 5]>(), any::<[u8; 32]>()), 1..9),
        identity: u64,
    ) -> Head {
        let kept = kept.into_iter().map(|(number, (fields, letter))| {
            let [generation, incarnation, message, taken_ns, pushed_ns] = fields;
            let letter = Digest::from_bytes(letter);
            InBucket { number, lease: 10, generation, incarnation, message, taken_ns, pushed_ns, letter }
        });
        Head { name, lease, owner: owner(&identity.to_string()), kept: kept.collect() }
    }
}

proptest! {
    #[test]
    fn a_head_comes_back(head in heads()) {
        prop_assert_eq!(Head::from_bytes(&head.to_bytes().unwrap()), Ok(head));
    }

    #[test]
    fn arbitrary_bytes_are_a_head_only_if_they_are_what_it_is_written_as(
        bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0..200_usize, head in heads(),
    ) {
        // Bytes alone, and ones with a good beginning and a good checksum, which get further.
        let written = head.to_bytes().unwrap();
        let good_beginning = seal([&written[..cut.min(written.len() - 16)], &bytes].concat());
        for bytes in [bytes, good_beginning] {
            if let Ok(head) = Head::from_bytes(&bytes) {
                prop_assert_eq!(head.to_bytes().unwrap(), bytes);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm_as_a_letter_or_a_mark(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let letter = [b"BJLETT\x01\x00", &bytes[..]].concat();
        prop_assert!(Letter::from_bytes(&letter).is_err());
        let mark = seal([b"BJBUCK\x01\x00", &bytes[..]].concat());
        if let Ok(mark_read) = Mark::from_bytes(&mark) {
            prop_assert_eq!(mark_read.to_bytes(), mark);
        }
    }
}
