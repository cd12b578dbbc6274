//! A catalog in a temporary folder, for the tests of its parts.

use serde_json::Value;

use super::{Catalog, NewItem, NewRun, Run, RunId, StepKey};
use crate::data_dir::DataDir;
use crate::digest::Digest;

pub(super) struct Fixture {
    folder: tempfile::TempDir,
    pub(super) catalog: Catalog,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&DataDir::open(folder.path()).unwrap()).unwrap();
        Self { folder, catalog }
    }

    /// What the next process finds when this one dies now.
    pub(super) fn reopened(self) -> Self {
        let Self { folder, catalog } = self;
        drop(catalog);
        let catalog = Catalog::open(&DataDir::open(folder.path()).unwrap()).unwrap();
        Self { folder, catalog }
    }

    /// What another process sees meanwhile.
    pub(super) fn reader(&self) -> Catalog {
        Catalog::open(&DataDir::open_read_only(self.folder.path()).unwrap()).unwrap()
    }

    pub(super) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(super) fn begin(&self, key: &str) -> Run {
        self.catalog.begin_or_resume_run(&new_run(key)).unwrap()
    }

    /// Begins a run with the given tickers.
    pub(super) fn begin_with(&self, key: &str, tickers: &[&str]) -> RunId {
        let run = self.begin(key).id;
        let items: Vec<_> = tickers.iter().map(|ticker| new_item(ticker)).collect();
        self.catalog.put_items(run, &items).unwrap();
        run
    }
}

pub(super) fn new_run(key: &str) -> NewRun<'_> {
    NewRun {
        key,
        workflow: "filings",
        workflow_path: "workflows/filings.toml",
        workflow_digest: Digest::of(b"the file"),
        params: &Value::Null,
    }
}

pub(super) fn new_item(key: &str) -> NewItem<'_> {
    NewItem { key, value: &Value::Null, status: "discovered" }
}

pub(super) fn step<'a>(run: RunId, item: &'a str, step: &'a str) -> StepKey<'a> {
    StepKey { run, item, step }
}
