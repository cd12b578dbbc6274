use super::*;
use crate::bits::{Bits, Size};
use crate::engine::Edges;
use proptest::prelude::*;

const GUN: &str = include_str!("../../patterns/gosper-gun.rle");
const PULSAR: &str = include_str!("../../patterns/pulsar.cells");
const SPACESHIP: &str = include_str!("../../patterns/spaceship.cells");

fn bits(pattern: &Pattern) -> Bits {
    let mut bits = Bits::dead(Size::new(pattern.width(), pattern.height()).unwrap());
    pattern.cells().iter().for_each(|(x, y)| bits.give_life(*x, *y));
    bits
}

/// The error of a text: its place, and what is wrong there.
fn error(text: &str) -> (usize, usize, Problem) {
    let Error { line, column, problem } = Pattern::parse(text).unwrap_err();
    (line, column, problem)
}

#[test]
fn a_gun_is_read_and_written_as_golly_does() {
    let gun = Pattern::parse(GUN).unwrap();
    let cells: String = GUN.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();

    assert_eq!((gun.name(), gun.rule()), (Some("Gosper glider gun"), Some(Rule::LIFE)));
    assert_eq!((gun.width(), gun.height(), gun.cells().len()), (36, 9, 36));
    assert_eq!(write_rle(&bits(&gun), None, Rule::LIFE, Edges::Plane, 0), cells);
}

#[test]
fn plain_text_is_read_and_written() {
    let pulsar = Pattern::parse(PULSAR).unwrap();
    let spaceship = Pattern::parse(SPACESHIP).unwrap();

    assert_eq!((pulsar.name(), pulsar.width(), pulsar.cells().len()), (Some("Pulsar"), 13, 48));
    assert_eq!(write_plaintext(&bits(&pulsar), pulsar.name(), "Three generations, again and again."), PULSAR);
    // A row may end with its last live cell.
    assert_eq!((spaceship.width(), spaceship.height(), spaceship.cells().len()), (5, 4, 9));
}

#[test]
fn a_text_says_the_generation_and_the_grid_that_it_is_meant_for() {
    let mut cells = Bits::dead(Size::new(4, 3).unwrap());
    cells.give_life(1, 1);
    cells.give_life(2, 1);

    let torus = write_rle(&cells, Some("Two"), Rule::LIFE, Edges::Torus, 7);
    let dead = write_rle(&cells, None, Rule::LIFE, Edges::Dead, 0);

    assert_eq!(torus, "#N Two\n#CXRLE Gen=7\nx = 4, y = 3, rule = B3/S23:T4,3\n$b2o!\n");
    assert_eq!(dead, "x = 4, y = 3, rule = B3/S23:P4,3\n$b2o!\n");
    assert_eq!(bits(&Pattern::parse(&torus).unwrap()), cells);
}

#[test]
fn what_other_programs_write_is_read_too() {
    let expected = Pattern::parse("x = 3, y = 3\nbo$2bo$3o!").unwrap();

    for text in [
        "x=3,y=3\nbob$2bo$3o!",
        "#C\n\nX = 3, Y = 3\r\nbo$2b\r\no$\r\n#C in between\n3o!and then\nanything",
        "x = 3, y = 3\nb o $ 2\nb o $ 3 o $ !",
        ".O\n..O\r\nOOO\n",
        "!c\n.*.\n..*\n***",
    ] {
        assert_eq!(Pattern::parse(text).as_ref(), Ok(&expected), "{text:?}");
    }
    assert_eq!(expected.rule(), None);
}

#[test]
fn an_error_names_the_place() {
    assert_eq!(error(""), (1, 1, Problem::Nothing));
    assert_eq!(error("\n \nhello"), (3, 1, Problem::Nothing));
    assert_eq!(error("#C only\n#C comments"), (2, 1, Problem::Nothing));
    assert_eq!(error("x = 3\nbo!"), (1, 1, Problem::BadHeader));
    assert_eq!(error("x = 3, y = -3\nbo!"), (1, 1, Problem::BadHeader));
    assert_eq!(error("x = 3, y = 3, z = 3\nbo!"), (1, 1, Problem::BadHeader));
    assert!(matches!(error("#C\nx = 3, y = 3, rule = LifeHistory\nbo!"), (2, 1, Problem::BadRule(_))));
    assert_eq!(error("x = 3, y = 3\nbo$2A!"), (2, 5, Problem::UnknownCharacter('A')));
    assert_eq!(error("x = 3, y = 3\nbo$\n3o"), (3, 1, Problem::NoEnd));
    assert_eq!(error("..O\n.OX"), (2, 3, Problem::UnknownCharacter('X')));
}

#[test]
fn a_short_text_of_very_many_cells_is_refused() {
    assert_eq!(error("x = 1, y = 1\n99999999999999999999o!").2, Problem::TooLarge);
    assert_eq!(error("x = 1, y = 1\n99999999999bo!").2, Problem::TooLarge);
    assert_eq!(error("x = 1, y = 1\n99999999999$o!").2, Problem::TooLarge);
    assert_eq!(error("x = 4294967295, y = 1\no!").2, Problem::TooLarge);
    assert_eq!(error("x = 1, y = 1\n4000000o$4000000o!"), (2, 17, Problem::TooManyCells));
    assert_eq!(error(&".".repeat(TEXT_BYTES_MAX + 1)).2, Problem::TooLong);
}

fn any_bits() -> impl Strategy<Value = Bits> {
    (1_u32..90, 1_u32..12).prop_flat_map(|(width, height)| {
        let size = Size::new(width, height).unwrap();
        let bytes = width.div_ceil(8) as usize * height as usize;
        proptest::collection::vec(prop_oneof![Just(0_u8), Just(255), any::<u8>()], bytes)
            .prop_map(move |bytes| Bits::from_bytes(size, bytes).unwrap())
    })
}

proptest! {
    #[test]
    fn cells_are_read_as_they_were_written(cells in any_bits()) {
        let rle = write_rle(&cells, Some("A name"), Rule::LIFE, Edges::Torus, 3);
        let plaintext = write_plaintext(&cells, Some("A name"), "A comment");

        prop_assert!(rle.lines().all(|line| line.len() <= 70), "{}", rle);
        for text in [rle, plaintext] {
            let pattern = Pattern::parse(&text).unwrap();
            prop_assert_eq!(bits(&pattern), cells.clone());
            prop_assert_eq!(pattern.name(), Some("A name"));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(x = [0-9]{1,12}, y = [0-9]{1,3}\n)?([0-9]{0,11}[bo$!.O\n]){0,20}\\PC{0,4}") {
        if let Ok(pattern) = Pattern::parse(&text) {
            prop_assert!(pattern.cells().iter().all(|(x, y)| *x < pattern.width() && *y < pattern.height()));
        }
    }
}
