//! The Parquet files are read back by somebody else: pyarrow, which this test installs into a virtual environment.

use std::path::Path;
use std::process::Command;

use belljar_tests::{root, run_workflow, sample_filings};

const READ_BACK: &str = r#"
import sys, pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
print(",".join(f"{field.name}:{field.type}" for field in table.schema))
rows = table.to_pylist()
print(len(rows), sum(row["kind"] == "numeric" for row in rows))
print(all(row["ticker"] == "ACME" and row["text"] is not None for row in rows))
"#;

const SCHEMA: &str = "ticker:string,accession:string,kind:string,concept:string,value:double,text:string,unit:string,\
                      period_start:date32[day],period_end:date32[day],instant:date32[day],dimensions:string,\
                      context:string,scale:int32,decimals:string";

/// The Python of an environment with pyarrow; none, with the reason, where it cannot be had.
fn python() -> Result<std::path::PathBuf, String> {
    let environment = root().join("target/venv-parquet");
    let python = environment.join("bin/python");
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    };
    if run(Command::new(&python).args(["-c", "import pyarrow"])).is_err() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "pyarrow>=15"]))?;
    }
    Ok(python)
}

#[test]
fn pyarrow_reads_what_was_written() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => {
            assert!(std::env::var_os("CI").is_none(), "CI must be able to install pyarrow: {reason}");
            eprintln!("SKIPPED pyarrow_reads_what_was_written: pyarrow cannot be installed here: {reason}");
            return;
        }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let set: [(&str, &Path); 2] = [("filings", &sample_filings()), ("out", &out)];
    let output = run_workflow("filings.toml", &folder.path().join("data"), &set).output().expect("it runs");
    let report = belljar_tests::report(&output);
    let record = &belljar_tests::item(&report, "ACME")["record"];
    let read = Command::new(python).args(["-c", READ_BACK]).arg(out.join("ACME.parquet")).output().expect("it runs");
    let text = String::from_utf8_lossy(&read.stdout);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.first(), Some(&SCHEMA), "{}", String::from_utf8_lossy(&read.stderr));
    let counts: Vec<u64> = lines[1].split(' ').map(|number| number.parse().expect("a number")).collect();
    assert_eq!(Some(counts[0]), record["facts"].as_u64());
    assert!(counts[1] > 0 && counts[1] <= counts[0]);
    assert_eq!(lines[2], "True");
}
