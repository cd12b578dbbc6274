use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

const HTML: &str = "primary-document.html";
const SUBMISSION: &str = "full-submission.txt";

/// A directory of filings that a test fills.
struct Filings(TempDir);

impl Filings {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn with(self, below: &str, content: &str) -> Self {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn newest(&self) -> Result<Found, SearchError> {
        let (ticker, form) = (Ticker::parse("AAPL").unwrap(), Form::parse("10-Q").unwrap());
        newest_filing(self.0.path(), &ticker, &form)
    }

    fn refusal(&self) -> String {
        self.newest().unwrap_err().to_string()
    }
}

#[test]
fn the_newest_of_three_filings_is_found_and_read() {
    let filings = Filings::new()
        .with(&format!("AAPL/10-Q/0000320193-22-000070/{HTML}"), "2022")
        .with(&format!("AAPL/10-Q/0000320193-23-000077/{HTML}"), "newest")
        .with(&format!("AAPL/10-Q/0000320193-23-000064/{HTML}"), "spring")
        .with(&format!("AAPL/8-K/0000320193-24-000001/{HTML}"), "other form");
    let found = filings.newest().unwrap();
    assert_eq!(found.accession.to_string(), "0000320193-23-000077");
    assert_eq!((found.shape, found.size_bytes), (Shape::Html, 6));
    assert_eq!(found.read().unwrap(), b"newest");
    assert!(found.remarks.is_empty());
}

#[test]
fn a_submission_alone_is_taken() {
    let path = format!("AAPL/10-Q/0000320193-18-000100/{SUBMISSION}");
    let filings = Filings::new().with(&path, "<SEC-DOCUMENT>");
    assert_eq!(filings.newest().unwrap().shape, Shape::Submission);
}

#[test]
fn of_both_shapes_the_html_document_is_preferred() {
    let filings = Filings::new()
        .with(&format!("AAPL/10-Q/0000320193-23-000077/{SUBMISSION}"), "envelope")
        .with(&format!("AAPL/10-Q/0000320193-23-000077/{HTML}"), "document");
    let found = filings.newest().unwrap();
    assert_eq!(found.shape, Shape::Html);
    assert_eq!(found.read().unwrap(), b"document");
}

#[test]
fn folders_that_are_no_accessions_are_skipped_and_named() {
    let filings = Filings::new()
        .with(&format!("AAPL/10-Q/latest/{HTML}"), "which one?")
        .with(&format!("AAPL/10-Q/0000320193-23-000077/{HTML}"), "this one");
    let found = filings.newest().unwrap();
    assert_eq!(found.accession.to_string(), "0000320193-23-000077");
    assert_eq!(found.remarks, ["skipped what is not an accession number: \"latest\""]);
}

#[test]
fn a_missing_grant_a_missing_folder_and_an_empty_one_are_told_apart() {
    let (ticker, form) = (Ticker::parse("AAPL").unwrap(), Form::parse("10-Q").unwrap());
    let error = newest_filing(Path::new("/no/such/mount"), &ticker, &form).unwrap_err();
    assert!(error.to_string().contains("grant the directory"), "{error}");

    let filings = Filings::new();
    assert!(filings.refusal().contains("AAPL/10-Q: no such filing"));

    fs::create_dir_all(filings.path("AAPL/10-Q")).unwrap();
    let refusal = filings.refusal();
    assert!(refusal.contains("no filing in") && refusal.contains("AAPL/10-Q"));
}

#[test]
fn a_newest_filing_without_its_document_is_not_replaced_by_an_older_one() {
    let filings = Filings::new()
        .with(&format!("AAPL/10-Q/0000320193-22-000070/{HTML}"), "older")
        .with("AAPL/10-Q/0000320193-23-000077/notes.txt", "");
    let refusal = filings.refusal();
    assert!(refusal.contains("0000320193-23-000077, has neither"), "{refusal}");
}

#[test]
fn a_filing_past_the_limit_is_refused_without_being_read() {
    let path = format!("AAPL/10-Q/0000320193-23-000077/{HTML}");
    let filings = Filings::new().with(&path, "");
    let file = File::create(filings.path(&path)).unwrap();
    // Sparse: were any of it read, the test would read a gibibyte of zeros.
    file.set_len(1 << 30).unwrap();
    let refusal = filings.refusal();
    assert!(refusal.contains("1073741824 bytes"), "{refusal}");
    assert!(refusal.contains("FILING_SIZE_BYTES_MAX"), "{refusal}");

    file.set_len(FILING_SIZE_BYTES_MAX).unwrap();
    assert_eq!(filings.newest().unwrap().size_bytes, FILING_SIZE_BYTES_MAX);
}

#[test]
fn a_file_that_grows_past_the_limit_after_it_was_found_is_refused() {
    let path = format!("AAPL/10-Q/0000320193-23-000077/{HTML}");
    let filings = Filings::new().with(&path, "small");
    let found = filings.newest().unwrap();
    let file = File::options().write(true).open(&found.path).unwrap();
    file.set_len(FILING_SIZE_BYTES_MAX + 1).unwrap();
    assert!(matches!(found.read(), Err(SearchError::TooLarge { .. })));
}

#[test]
fn an_empty_document_and_a_folder_in_its_place_are_refused() {
    let path = format!("AAPL/10-Q/0000320193-23-000077/{HTML}");
    let filings = Filings::new().with(&path, "");
    assert!(filings.refusal().ends_with("is empty: store the filing again"));

    fs::remove_file(filings.path(&path)).unwrap();
    fs::create_dir(filings.path(&path)).unwrap();
    assert!(filings.refusal().ends_with("is not a regular file"));
}

/// Outside the sandbox nothing refuses to follow a link, so the sandbox's answer is played to
/// [`explain`]; the whole-system tests have the sandbox give it.
#[test]
fn a_denial_on_a_path_with_a_link_says_that_the_link_leads_outside() {
    let filings = Filings::new().with("AAPL/10-Q/readme.txt", "");
    let root = filings.0.path();
    let link = filings.path("AAPL/10-Q/0000320193-23-000077");
    symlink("/etc", &link).unwrap();
    let denied = || io::Error::from(io::ErrorKind::PermissionDenied);

    let error = explain(root, &link.join(HTML), denied()).to_string();
    assert!(error.contains("leads outside the granted directory"), "{error}");
    assert!(error.starts_with(&link.display().to_string()), "{error}");

    let plain = explain(root, &filings.path("AAPL/10-Q/readme.txt"), denied());
    assert!(matches!(plain, SearchError::Io { .. }));
}
