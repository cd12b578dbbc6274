//! Bad input: each an error on its own item, while the others complete, and nothing outside of what was granted is
//! touched.

use std::fs::File;
use std::path::Path;

use belljar_tests::{copy_folder, item, report, run_workflow, sample_filings};
use serde_json::Value as Json;

/// Makes `filings/TICKER/10-Q/ACCESSION/primary-document.html` with this content.
fn write_filing(filings: &Path, ticker: &str, content: &[u8]) {
    let folder = filings.join(ticker).join("10-Q/9990000009-24-000001");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("primary-document.html"), content).expect("a file");
}

fn run(folder: &Path, tickers: &str) -> (Option<i32>, Json) {
    let (filings, out) = (folder.join("filings"), folder.join("out"));
    let output = run_workflow("filings.toml", &folder.join("data"), &[("filings", &filings), ("out", &out)])
        .args(["--set", &format!("tickers={tickers}")])
        .output()
        .expect("it runs");
    (output.status.code(), report(&output))
}

fn error<'a>(report: &'a Json, name: &str) -> &'a str {
    let item = item(report, name);
    assert_eq!(item["status"], "error", "{item}");
    item["error_message"].as_str().expect("a failed item says why")
}

#[test]
fn damaged_and_hostile_filings_fail_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let filings = folder.path().join("filings");
    copy_folder(&sample_filings(), &filings);
    let good = std::fs::read(sample_filings().join("ACME/10-Q/9990000001-23-000019/primary-document.html"))
        .expect("it is there");

    write_filing(&filings, "CUT", &good[..good.len() / 2]);
    write_filing(&filings, "LATIN", &[&good[..good.len() / 2], b"\xe9\xff", &good[good.len() / 2..]].concat());
    write_filing(&filings, "EMPTY", b"");
    write_filing(&filings, "HUGE", b"");
    File::options()
        .write(true)
        .open(filings.join("HUGE/10-Q/9990000009-24-000001/primary-document.html"))
        .and_then(|file| file.set_len(1 << 30))
        .expect("a sparse file of 1 GiB");
    std::fs::create_dir_all(filings.join("NONE")).expect("a folder");
    let outside = folder.path().join("outside");
    copy_folder(&sample_filings().join("BOLT"), &outside);
    std::os::unix::fs::symlink(&outside, filings.join("LINK")).expect("a link");

    let (code, report) = run(folder.path(), "");
    assert_eq!(code, Some(1));
    assert!(
        error(&report, "CUT").contains("truncated") || error(&report, "CUT").contains("ends"),
        "{}",
        error(&report, "CUT")
    );
    assert!(error(&report, "LATIN").contains("UTF-8"), "{}", error(&report, "LATIN"));
    assert!(error(&report, "EMPTY").contains("empty"), "{}", error(&report, "EMPTY"));
    assert!(
        error(&report, "HUGE").contains("FILING_SIZE_BYTES_MAX")
            || error(&report, "HUGE").contains("64 MiB")
            || error(&report, "HUGE").contains("67108864"),
        "{}",
        error(&report, "HUGE")
    );
    assert!(error(&report, "NONE").contains("10-Q"), "{}", error(&report, "NONE"));
    assert!(error(&report, "LINK").contains("outside"), "{}", error(&report, "LINK"));
    for good in ["ACME", "BOLT", "CORA", "DYNE"] {
        assert_eq!(item(&report, good)["status"], "completed");
    }
    assert_eq!(report["outputs"]["report"]["tickers"], 4, "the summary is over those that completed");
}

#[test]
fn tickers_that_are_paths_reach_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    copy_folder(&sample_filings(), &folder.path().join("filings"));
    let (code, report) = run(folder.path(), "ACME,../../etc/passwd,/etc/passwd,..");
    assert_eq!(code, Some(1));
    assert_eq!(item(&report, "ACME")["status"], "completed");
    for bad in ["../../etc/passwd", "/etc/passwd", ".."] {
        assert!(error(&report, bad).contains("ticker"), "{}", error(&report, bad));
    }
    let mut written: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder can be read")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    written.sort();
    assert_eq!(written, ["data", "filings", "out"], "nothing else was written");
}
