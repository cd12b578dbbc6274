//! An HTTP server of a test's own on the loopback interface.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

/// What is answered to a request.
pub struct Reply {
    /// Such as `200 OK`.
    pub status: &'static str,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Answers requests by their path, which is given without its first slash; returns the origin.
///
/// # Panics
///
/// When the machine has no port left.
pub fn serve(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
                let mut request = String::new();
                reader.read_line(&mut request).expect("a request");
                let mut header = String::new();
                while reader.read_line(&mut header).is_ok_and(|length| length > 2) {
                    header.clear();
                }
                let path = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
                let Reply { status, location, body } = answer(path);
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
                let location = location.map(|to| format!("location: {to}\r\n")).unwrap_or_default();
                write!(stream, "{head}{location}\r\n").and_then(|()| stream.write_all(&body)).ok();
            });
        }
    });
    origin
}
