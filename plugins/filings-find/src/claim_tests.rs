use std::os::unix::fs::symlink;

use filings_common::replace::hidden_beside;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const APPLE: &str = r#"{"ticker": "AAPL"}"#;

/// The two directories of a claim.
struct Desk {
    inputs: TempDir,
    processing: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { inputs: tempfile::tempdir().unwrap(), processing: tempfile::tempdir().unwrap() }
    }

    fn with_input(content: impl AsRef<[u8]>) -> Self {
        let desk = Self::new();
        fs::write(desk.input(), content).unwrap();
        desk
    }

    fn input(&self) -> PathBuf {
        self.inputs.path().join("aapl.json")
    }

    fn taken(&self) -> PathBuf {
        self.processing.path().join("aapl.json")
    }

    fn check(&self, name: &str) -> Result<Claim, ClaimError> {
        Claim::check(self.inputs.path(), self.processing.path(), name)
    }

    fn claim(&self) -> Result<Ticker, ClaimError> {
        let claim = self.check("aapl.json")?;
        claim.take()?;
        Ok(claim.ticker)
    }

    fn assert_moved(&self) {
        assert!(!self.input().exists(), "the original is still there");
        assert_eq!(fs::read_to_string(self.taken()).unwrap(), APPLE);
        assert_eq!(fs::read_dir(&self.processing).unwrap().count(), 1);
    }
}

#[test]
fn an_input_is_moved_and_its_ticker_told() {
    let desk = Desk::with_input(APPLE);
    assert_eq!(desk.claim().unwrap().as_str(), "AAPL");
    desk.assert_moved();
}

#[test]
fn a_second_claim_changes_nothing() {
    let desk = Desk::with_input(APPLE);
    desk.claim().unwrap();
    assert_eq!(desk.claim().unwrap().as_str(), "AAPL");
    desk.assert_moved();
}

#[test]
fn a_person_may_write_the_ticker_in_lower_case_and_add_notes() {
    let desk = Desk::with_input(r#"{"note": "mine", "ticker": "brk.b"}"#);
    assert_eq!(desk.claim().unwrap().as_str(), "BRK.B");
}

#[test]
fn checking_alone_moves_nothing() {
    let desk = Desk::with_input(APPLE);
    desk.check("aapl.json").unwrap();
    assert!(desk.input().exists() && !desk.taken().exists());
}

#[test]
fn between_file_systems_the_input_is_copied_and_removed() {
    let desk = Desk::with_input(APPLE);
    desk.check("aapl.json").unwrap().take_by_copy().unwrap();
    desk.assert_moved();
}

#[test]
fn a_move_that_cannot_be_made_names_the_reason_and_keeps_the_input() {
    let desk = Desk::with_input(APPLE);
    let claim = desk.check("aapl.json").unwrap();
    fs::remove_dir(&desk.processing).unwrap();
    let message = claim.take().unwrap_err().to_string();
    assert!(message.starts_with("cannot write") && message.contains("No such file"), "{message}");
    assert_eq!(fs::read_to_string(desk.input()).unwrap(), APPLE);
}

#[test]
fn a_copy_that_was_cut_short_is_made_again() {
    let desk = Desk::with_input(APPLE);
    fs::write(hidden_beside(&desk.taken()).unwrap(), &APPLE[..5]).unwrap();
    desk.check("aapl.json").unwrap().take_by_copy().unwrap();
    desk.assert_moved();
}

#[test]
fn a_copy_whose_original_was_not_yet_removed_is_completed() {
    let desk = Desk::with_input(APPLE);
    fs::write(desk.taken(), APPLE).unwrap();
    assert_eq!(desk.claim().unwrap().as_str(), "AAPL");
    desk.assert_moved();
}

#[test]
fn another_file_of_the_same_name_is_not_overwritten() {
    let desk = Desk::with_input(APPLE);
    fs::write(desk.taken(), r#"{"ticker": "XOM"}"#).unwrap();
    assert!(matches!(desk.claim(), Err(ClaimError::Conflict { .. })));
    assert!(fs::read_to_string(desk.taken()).unwrap().contains("XOM"));
    assert!(desk.input().exists());
}

#[test]
fn what_is_not_json_is_refused_with_line_and_column_and_stays() {
    let desk = Desk::with_input("{\"ticker\":\n  AAPL}");
    let message = desk.claim().unwrap_err().to_string();
    assert!(message.contains("aapl.json is not a JSON object"), "{message}");
    assert!(message.contains("line 2 column 3"), "{message}");
    assert!(desk.input().exists());
}

#[test]
fn json_of_another_form_is_refused() {
    for content in ["", "[]", "{}", r#"{"ticker": 5}"#, "\u{feff}{}"] {
        let desk = Desk::with_input(content);
        let refused = matches!(desk.claim(), Err(ClaimError::Json { .. }));
        assert!(refused, "{content:?} was accepted");
    }
    let desk = Desk::with_input(b"{\"ticker\": \"\xff\"}");
    assert!(matches!(desk.claim(), Err(ClaimError::Json { .. })));
}

#[test]
fn a_ticker_that_could_leave_a_folder_is_refused() {
    let desk = Desk::with_input(r#"{"ticker": "../../etc/passwd"}"#);
    let message = desk.claim().unwrap_err().to_string();
    assert!(message.contains("the ticker in"), "{message}");
    assert!(message.contains("is not a ticker"), "{message}");
}

#[test]
fn a_name_that_is_more_than_a_name_is_refused() {
    let desk = Desk::with_input(APPLE);
    let long = "x".repeat(INPUT_NAME_BYTES_MAX + 1);
    for name in ["", ".", "..", "../aapl.json", "/etc/passwd", "a\\b", "C:x", ".aapl.json.tmp", "a\0", &long] {
        let refused = matches!(desk.check(name), Err(ClaimError::Name(_)));
        assert!(refused, "{name:?} was accepted");
    }
}

#[test]
fn a_missing_input_is_named() {
    let message = Desk::new().claim().unwrap_err().to_string();
    assert!(message.starts_with("there is no file") && message.ends_with("aapl.json"));
}

#[test]
fn a_large_input_is_refused_by_its_size() {
    let desk = Desk::with_input("");
    let file = File::create(desk.input()).unwrap();
    file.set_len(INPUT_SIZE_BYTES_MAX + 1).unwrap();
    let message = desk.claim().unwrap_err().to_string();
    assert!(message.contains("INPUT_SIZE_BYTES_MAX"), "{message}");
}

#[test]
fn a_link_is_not_followed_even_within_the_directory() {
    let desk = Desk::new();
    fs::write(desk.inputs.path().join("real.json"), APPLE).unwrap();
    symlink("real.json", desk.input()).unwrap();
    assert!(matches!(desk.claim(), Err(ClaimError::NotAFile(_))));
}

proptest! {
    #[test]
    fn whatever_an_input_holds_it_is_refused_or_moved_unchanged(content in any::<Vec<u8>>()) {
        let desk = Desk::with_input(&content);
        let (gone, kept) = match desk.claim() {
            Ok(_) => (desk.input(), desk.taken()),
            Err(_) => (desk.taken(), desk.input()),
        };
        prop_assert!(!gone.exists());
        prop_assert_eq!(fs::read(kept).unwrap(), content);
    }

    #[test]
    fn whatever_name_passes_stays_in_its_folder(name in "\\PC{0,20}|[a-z./]{0,8}") {
        if is_plain_name(&name) {
            let path = Path::new("/inputs").join(&name);
            prop_assert_eq!(path.parent(), Some(Path::new("/inputs")));
        }
    }
}
