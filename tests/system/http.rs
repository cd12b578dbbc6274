//! The HTTP source as the first step, against a server of the test's own on the loopback interface.

use std::path::PathBuf;

use belljar_tests::server::{Reply, serve};
use belljar_tests::{belljar, item, report, root, sample_filings};

/// Serves the sample filings as plugins/filings-http wants them; returns the origin.
fn serve_filings() -> String {
    serve(|path| {
        let (status, body) = answer(path);
        let location = path.starts_with("ELSE/").then(|| "http://127.0.0.2:9/".to_owned());
        Reply { status, location, body }
    })
}

fn answer(path: &str) -> (&'static str, Vec<u8>) {
    if path.starts_with("ELSE/") {
        return ("302 Found", Vec::new());
    }
    let file: PathBuf = sample_filings().join(path);
    if let Some(folder) = path.strip_suffix("/index.json") {
        let Ok(entries) = std::fs::read_dir(sample_filings().join(folder)) else {
            return ("404 Not Found", Vec::new());
        };
        let accessions: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        return ("200 OK", serde_json::json!({ "accessions": accessions }).to_string().into_bytes());
    }
    match std::fs::read(file) {
        Ok(bytes) => ("200 OK", bytes),
        Err(_) => ("404 Not Found", Vec::new()),
    }
}

#[test]
fn filings_come_over_http_from_the_granted_origin_and_from_nowhere_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = serve_filings();
    let output = belljar()
        .arg("run")
        .arg(root().join("examples/workflows/filings-http.toml"))
        .args(["--json", "--set", "tickers=ACME,BOLT,GONE,ELSE"])
        .args(["--set", &format!("origin={origin}"), "--set", &format!("base={origin}")])
        .args(["--set", &format!("out={}", folder.path().join("out").display())])
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .output()
        .expect("it runs");
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    for ticker in ["ACME", "BOLT"] {
        assert_eq!(item(&report, ticker)["status"], "completed", "{report}");
        assert!(folder.path().join("out").join(format!("{ticker}.parquet")).is_file());
    }
    let error = |name: &str| item(&report, name)["error_message"].as_str().unwrap_or_default().to_owned();
    assert!(error("GONE").contains("no filings"), "{}", error("GONE"));
    assert!(error("ELSE").contains("127.0.0.2"), "a redirect to another origin is refused: {}", error("ELSE"));
}
