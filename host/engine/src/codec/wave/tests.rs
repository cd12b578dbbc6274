use proptest::prelude::*;

use super::*;

fn refusal(source: &str) -> String {
    parse_call(source).err().expect("it is not a call").to_string()
}

#[test]
fn a_call_names_its_method_with_or_without_the_interface() {
    for (source, method) in [
        ("add(5)", "add"),
        (" add ( 5 ) ", "add"),
        ("game/step(5)", "game/step"),
        ("demo:life/game@0.1.0#step(5)", "demo:life/game@0.1.0#step"),
        ("demo:life/game@0.1.0/step(\"a#b/c(\")", "demo:life/game@0.1.0/step"),
        ("[static]board.empty()", "[static]board.empty"),
    ] {
        assert_eq!(parse_call(source).unwrap_or_else(|error| panic!("{error}")).method(), method, "{source}");
    }
}

#[test]
fn what_is_not_a_call_is_refused_with_an_example() {
    for source in ["", "add", "add(5", "add(5) 6", "add(5))", "add 5", "(5)", "game/(5)", "add(5,, 6)", "1+1"] {
        let message = refusal(source);
        assert!(message.ends_with("; write one such as `add(1, 2)`"), "{source}: {message}");
    }
}

#[test]
fn a_long_text_is_quoted_in_part_and_a_longer_one_is_refused() {
    assert!(refusal(&"x".repeat(TEXT_BYTES_MAX)).len() < 300);
    assert_eq!(
        refusal(&"x".repeat(TEXT_BYTES_MAX + 1)),
        "the call is longer than 1048576 bytes; put bulk data into an object"
    );
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    let deep = format!("add({}", "[".repeat(TEXT_BYTES_MAX - 4));
    assert!(refusal(&deep).contains("is not a call"));
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(source in any::<String>(), call in "[a-z/#@.(){}\\[\\]\"', 0-9:-]{0,40}") {
        parse_call(&source).ok();
        parse_call(&call).ok();
    }
}
