//! The main job end to end, as whole processes: `belljar run filings.toml` beside Python programs that do the same
//! with lxml + pyarrow and with BeautifulSoup, in turn, so that the ratios hold while the machine drifts.
//!
//! ```console
//! $ python3 -m venv target/venv-peers
//! $ target/venv-peers/bin/pip install -r benches/peers/python/requirements.txt
//! $ cargo xtask bench filings                                # on the sample filings
//! $ BELLJAR_FILINGS=DIR cargo xtask bench filings            # on real ones
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use belljar_benches::{Figures, root, time};

const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let filings = std::env::var_os("BELLJAR_FILINGS").map_or_else(|| root().join("examples/filings"), PathBuf::from);
    let python = root().join("target/venv-peers/bin/python");
    // A benchmark lies in target/PROFILE/deps; the binary two folders up.
    let bench = std::env::current_exe()?;
    let belljar = bench.ancestors().nth(2).ok_or("this benchmark lies in no target folder")?.join("belljar");
    if !belljar.is_file() {
        return Err("build the binary first: cargo build --release -p belljar-cli".into());
    }
    let folder = tempfile::tempdir()?;
    let mut run = 0;
    let mut belljar_run = || -> Result<f64, Box<dyn Error>> {
        run += 1;
        let at = folder.path().join(run.to_string());
        let mut command = Command::new(&belljar);
        command.arg("run").arg(root().join("examples/workflows/filings.toml")).arg("--json");
        command.arg("--set").arg(format!("filings={}", filings.display()));
        command.arg("--set").arg(format!("out={}", at.join("out").display()));
        command.arg("--data-dir").arg(at.join("data"));
        seconds(command)
    };
    let peer_run = |script: &str, jobs: u32| -> Result<f64, Box<dyn Error>> {
        let mut command = Command::new(&python);
        command.arg(root().join("benches/peers/python").join(script)).arg(&filings).arg(folder.path().join(script));
        command.args(["--jobs", &jobs.to_string()]);
        seconds(command)
    };
    belljar_run()?; // The first run compiles the plugins; later ones find the compiled code.
    println!(
        "the filings in {}, end to end, seconds as whole processes, median (minimum to maximum)",
        filings.display()
    );
    let peers = [
        ("lxml + pyarrow, one process", "filings_lxml.py", 1),
        ("lxml + pyarrow, two", "filings_lxml.py", 2),
        ("BeautifulSoup", "filings_bs4.py", 1),
    ];
    let mut own = Vec::new();
    if python.is_file() {
        for (name, script, jobs) in peers {
            let (mut its, mut ratios) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let (ours, theirs) = (belljar_run()?, peer_run(script, jobs)?);
                own.push(ours);
                its.push(theirs);
                ratios.push(theirs / ours);
            }
            println!("  {name:<28} {}   belljar is faster by a factor of {}", Figures::new(its), Figures::new(ratios));
        }
    } else {
        println!(
            "  SKIPPED the Python peers: {} is missing; the head of benches/filings.rs says how to make it",
            python.display()
        );
        for _ in 0..ROUNDS {
            own.push(belljar_run()?);
        }
    }
    println!("  {:<28} {}", "belljar, four workers", Figures::new(own));
    Ok(())
}

fn seconds(mut command: Command) -> Result<f64, Box<dyn Error>> {
    let (status, took) = time(|| command.stdout(Stdio::null()).stderr(Stdio::null()).status());
    let status = status?;
    if status.success() { Ok(took.as_secs_f64()) } else { Err(format!("{command:?}: {status}").into()) }
}
