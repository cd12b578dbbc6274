//! One module for each command: its arguments, and what it does.

pub mod actor;
pub mod call;
pub mod checkpoint;
pub mod clean;
pub mod completions;
pub mod doctor;
pub mod objects;
pub mod plugin;
pub mod run;
pub mod status;

use std::path::Path;

use belljar::store::{Catalog, DataDir, StoreError};

use crate::failure::Failure;

/// Opens a data directory to look at it, also beside a run that is going on.
fn open_to_read(path: &Path) -> Result<DataDir, Failure> {
    DataDir::open_read_only(path).map_err(|error| no_data_dir(error, path))
}

/// Opens a data directory to change it. It must be there: only runs and actors make one.
fn open_to_write(path: &Path) -> Result<DataDir, Failure> {
    open_to_read(path)?;
    DataDir::open(path).map_err(Failure::from)
}

/// Opens the catalog; none before the first run has written to it.
fn catalog(data_dir: &DataDir) -> Result<Option<Catalog>, Failure> {
    match Catalog::open(data_dir) {
        Ok(catalog) => Ok(Some(catalog)),
        Err(StoreError::NoCatalog { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn no_data_dir(error: StoreError, path: &Path) -> Failure {
    match error {
        StoreError::NoDataDir { .. } => {
            Failure::bad_input(format!("{} is not a data directory of Belljar", path.display())).help(
                "`belljar run WORKFLOW` and `belljar actor spawn` make one; another one is named with --data-dir DIR \
                     or BELLJAR_DATA_DIR",
            )
        }
        other => other.into(),
    }
}
