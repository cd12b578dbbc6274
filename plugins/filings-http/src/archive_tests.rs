use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const INDEX: &str = "/AAPL/10-Q/index.json";
const HTML: &str = "/AAPL/10-Q/0000320193-23-000077/primary-document.html";
const SUBMISSION: &str = "/AAPL/10-Q/0000320193-23-000077/full-submission.txt";

/// A server that holds what a test gives it, and remembers what it was asked for.
#[derive(Default)]
struct Server {
    answers: BTreeMap<String, (u16, Vec<u8>)>,
    asked: RefCell<Vec<String>>,
    bodies: RefCell<Vec<ObjectRef>>,
}

impl Server {
    fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.answering(path, 200, content)
    }

    fn answering(mut self, path: &str, status: u16, content: impl AsRef<[u8]>) -> Self {
        let answer = (status, content.as_ref().to_vec());
        self.answers.insert(path.to_owned(), answer);
        self
    }

    fn send(&self, request: &Request) -> Result<Response, http::Error> {
        assert_eq!(request.method, "GET");
        let path = request.url.strip_prefix("http://localhost").unwrap();
        self.asked.borrow_mut().push(path.to_owned());
        let missing = (404, b"not here".to_vec());
        let (status, content) = self.answers.get(path).unwrap_or(&missing);
        let body = objects::put(content).unwrap();
        self.bodies.borrow_mut().push(body);
        Ok(Response { status: *status, headers: Vec::new(), body })
    }

    fn newest(&self) -> Result<Found, ArchiveError> {
        newest_through(|request| self.send(request))
    }

    fn refusal(&self) -> String {
        self.newest().unwrap_err().to_string()
    }

    fn bodies_kept(&self) -> usize {
        let bodies = self.bodies.borrow();
        bodies.iter().filter(|body| body.size().is_ok()).count()
    }
}

fn newest_through(send: impl Fn(&Request) -> Result<Response, http::Error>) -> Result<Found, ArchiveError> {
    let (ticker, form) = (Ticker::parse("AAPL").unwrap(), Form::parse("10-Q").unwrap());
    let origin = Origin::parse("http://localhost/").unwrap();
    Archive::new(origin, send).newest_filing(&ticker, &form)
}

fn listing(accessions: &[&str]) -> String {
    serde_json::json!({ "accessions": accessions }).to_string()
}

fn apple() -> Server {
    let index = listing(&["0000320193-22-000070", "0000320193-23-000077", "0000320193-23-000064"]);
    Server::default().with(INDEX, index)
}

#[test]
fn the_newest_filing_of_the_index_is_fetched() {
    let server = apple().with(HTML, "<html>");
    let found = server.newest().unwrap();
    assert_eq!(found.accession.to_string(), "0000320193-23-000077");
    assert_eq!((found.shape, found.size_bytes), (Shape::Html, 6));
    assert_eq!(found.url, format!("http://localhost{HTML}"));
    assert_eq!(found.document.get().unwrap(), b"<html>");
    assert_eq!(*server.asked.borrow(), [INDEX, HTML]);
}

#[test]
fn a_submission_is_asked_for_where_there_is_no_document() {
    let server = apple().with(SUBMISSION, "<SEC-DOCUMENT>");
    assert_eq!(server.newest().unwrap().shape, Shape::Submission);
    assert_eq!(*server.asked.borrow(), [INDEX, HTML, SUBMISSION]);
}

#[test]
fn an_index_that_names_the_file_saves_a_request() {
    let index = r#"{"accessions": ["0000320193-23-000077"], "file": "full-submission.txt", "made": 1}"#;
    let server = Server::default().with(INDEX, index).with(SUBMISSION, "<SEC-DOCUMENT>");
    assert_eq!(server.newest().unwrap().shape, Shape::Submission);
    assert_eq!(*server.asked.borrow(), [INDEX, SUBMISSION]);
}

#[test]
fn a_file_of_another_name_is_never_asked_for() {
    let index = r#"{"accessions": ["0000320193-23-000077"], "file": "../../../secret"}"#;
    let server = Server::default().with(INDEX, index);
    assert!(server.refusal().contains("names the file \"../../../secret\""));
    assert_eq!(*server.asked.borrow(), [INDEX]);
}

#[test]
fn only_the_document_is_kept() {
    let server = apple().with(SUBMISSION, "<SEC-DOCUMENT>");
    server.newest().unwrap();
    assert_eq!(server.bodies_kept(), 1);

    let server = apple().answering(HTML, 500, "a long apology");
    server.newest().unwrap_err();
    assert_eq!(server.bodies_kept(), 0);
}

#[test]
fn a_missing_index_and_a_missing_document_are_told_apart() {
    let refusal = Server::default().refusal();
    assert!(refusal.starts_with("there is no http://localhost/AAPL/10-Q/index.json"));
    let refusal = apple().refusal();
    assert!(refusal.starts_with("http://localhost/AAPL/10-Q/0000320193-23-000077 is listed"));
}

#[test]
fn a_servers_trouble_is_reported_with_its_status() {
    let refusal = apple().answering(HTML, 503, "").refusal();
    assert!(refusal.ends_with("answered with status 503: the server has a problem, try again later"));
    let refusal = Server::default().answering(INDEX, 403, "").refusal();
    assert!(refusal.contains("status 403: the server refuses access"));
}

#[test]
fn an_index_that_is_not_json_is_refused_with_line_and_column() {
    let refusal = Server::default().with(INDEX, "<html>").refusal();
    assert!(refusal.contains("index.json is not an index"), "{refusal}");
    assert!(refusal.contains("line 1 column 1"), "{refusal}");
}

#[test]
fn an_index_without_filings_is_refused() {
    for index in [listing(&[]), listing(&["latest", "../../x"])] {
        let refusal = Server::default().with(INDEX, index).refusal();
        assert!(refusal.contains("lists no filing"), "{refusal}");
    }
}

#[test]
fn entries_that_are_no_accessions_are_skipped_and_named() {
    let index = listing(&["0000320193-23-000077", "latest"]);
    let server = Server::default().with(INDEX, index).with(HTML, "<html>");
    let remarks = server.newest().unwrap().remarks;
    assert_eq!(remarks, ["skipped what is not an accession number: \"latest\""]);
}

#[test]
fn answers_past_their_limits_are_refused_unread() {
    let large = vec![b' '; INDEX_SIZE_BYTES_MAX as usize + 1];
    let refusal = Server::default().with(INDEX, large).refusal();
    assert!(refusal.ends_with("1048577 bytes, more than 1048576 (INDEX_SIZE_BYTES_MAX)"));

    let large = vec![b' '; FILING_SIZE_BYTES_MAX as usize + 1];
    let server = apple().with(HTML, large);
    assert!(server.refusal().ends_with("(FILING_SIZE_BYTES_MAX)"));
    assert_eq!(server.bodies_kept(), 0);
}

#[test]
fn an_empty_document_is_refused() {
    assert!(apple().with(HTML, "").refusal().ends_with(".html is empty"));
}

#[test]
fn a_connection_that_fails_is_reported_with_the_url() {
    let refused = |_: &Request| Err(http::Error::Connection("refused".to_owned()));
    let message = newest_through(refused).unwrap_err().to_string();
    assert!(message.contains("index.json: the connection failed: refused"), "{message}");

    let denied = |_: &Request| Err(http::Error::NotGranted("http://localhost".to_owned()));
    let message = newest_through(denied).unwrap_err().to_string();
    assert!(message.contains("grants"), "{message}");
}

/// Whatever the index, no document was found, and nothing outside the form's folder was asked for.
fn assert_harmless(index: impl AsRef<[u8]>) {
    let server = Server::default().with(INDEX, index);
    server.newest().unwrap_err();
    for path in server.asked.borrow().iter() {
        assert!(path.starts_with("/AAPL/10-Q/") && !path.contains(".."));
    }
}

proptest! {
    #[test]
    fn an_index_of_any_bytes_is_harmless(index in any::<Vec<u8>>()) {
        assert_harmless(index);
    }

    #[test]
    fn an_index_of_any_names_is_harmless(
        names in prop::collection::vec("\\PC{0,24}|[0-9./-]{18,22}|[0-9]{10}-[0-9]{2}-[0-9]{6}", 0..5),
        file in prop::option::of("\\PC{0,24}"),
    ) {
        assert_harmless(serde_json::json!({ "accessions": names, "file": file }).to_string());
    }
}
