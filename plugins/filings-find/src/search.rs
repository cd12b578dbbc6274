//! Finding a company's newest filing in a directory, and reading its document.
//!
//! The directory is laid out as `<TICKER>/<FORM>/<accession>/<document>`. [`newest_filing`] only looks;
//! [`Found::read`] reads the document, once. Both stay below the directory they are given, because
//! every name they append to it is a checked type. A symbolic link can still lead elsewhere: there the
//! sandbox refuses to follow, and the error says so.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use filings_common::newest::{Candidates, TooManyCandidates};
use filings_common::{Accession, FILING_SIZE_BYTES_MAX, Form, Shape, Ticker};

/// Why there is no filing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The directory of all filings is not there.
    #[error("there is no directory {0}: grant the directory that holds the filings under this name")]
    NotGranted(PathBuf),
    /// The company or the form has no folder.
    #[error("there is no folder {0}: no such filing has been stored")]
    NoFolder(PathBuf),
    /// The folder has no accession in it.
    #[error("no filing in {0}: it has no folder that is named by an accession number, such as 0000320193-23-000077")]
    NoFiling(PathBuf),
    /// The folder has too much in it.
    #[error("cannot choose the newest filing in {folder}: {source}")]
    TooMany {
        /// The form's folder.
        folder: PathBuf,
        /// The limit.
        source: TooManyCandidates,
    },
    /// The newest filing's folder lacks the document.
    #[error(
        "the newest filing, {0}, has neither primary-document.html nor full-submission.txt: \
         store it again, or remove the folder to fall back on the filing before it"
    )]
    NoDocument(PathBuf),
    /// The document's name belongs to a folder or to something else without content.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// The document has no content.
    #[error("{0} is empty: store the filing again")]
    Empty(PathBuf),
    /// The document is too large; nothing of it was read.
    #[error(
        "{file} has {size_bytes} bytes, more than the {limit_bytes} that a filing may have (FILING_SIZE_BYTES_MAX)"
    )]
    TooLarge {
        /// The document.
        file: PathBuf,
        /// Its size.
        size_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// A symbolic link on the way leads out of what was granted.
    #[error(
        "{0} is a symbolic link that leads outside the granted directory: put the file itself there, \
         or grant the directory that it leads to"
    )]
    LeadsOutside(PathBuf),
    /// Anything else that the file system reported.
    #[error("cannot read {path}: {source}")]
    Io {
        /// What was being read.
        path: PathBuf,
        /// The report.
        source: io::Error,
    },
}

/// The newest filing, not yet read.
#[derive(Debug)]
pub struct Found {
    /// The filing's number.
    pub accession: Accession,
    /// How its document is packed.
    pub shape: Shape,
    /// The document's path.
    pub path: PathBuf,
    /// The document's size when it was found, in bytes: from 1 to [`FILING_SIZE_BYTES_MAX`].
    pub size_bytes: u64,
    /// What a person who watches should know about the choice; one log line each.
    pub remarks: Vec<String>,
}

/// Finds the newest filing of `form` by `ticker` below `root`.
///
/// The newest is the last in the order of [`Accession`]s. It alone is considered: were its document
/// missing, silently taking an older filing would present last quarter's numbers as this quarter's.
///
/// # Errors
/// [`SearchError`], which names the folder or file that is in the way.
pub fn newest_filing(root: &Path, ticker: &Ticker, form: &Form) -> Result<Found, SearchError> {
    if !root.is_dir() {
        return Err(SearchError::NotGranted(root.to_owned()));
    }
    let folder = root.join(ticker.as_str()).join(form.as_str());
    let names = names_in(root, &folder)?;
    let candidates =
        Candidates::weigh(names).map_err(|source| SearchError::TooMany { folder: folder.clone(), source })?;
    let Some(accession) = candidates.newest() else {
        return Err(SearchError::NoFiling(folder));
    };
    let (shape, path, size_bytes) = document_in(root, &folder.join(accession.to_string()))?;
    Ok(Found { accession, shape, path, size_bytes, remarks: candidates.remarks().collect() })
}

impl Found {
    /// Reads the whole document.
    ///
    /// # Errors
    /// [`SearchError::TooLarge`] when it has grown past the limit since it was found, and what the
    /// file system reports.
    pub fn read(&self) -> Result<Vec<u8>, SearchError> {
        let io_error = |source| SearchError::Io { path: self.path.clone(), source };
        let file = File::open(&self.path).map_err(io_error)?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.size_bytes).unwrap_or(0));
        // One byte more than allowed tells a file that has grown past the limit from one that fits.
        file.take(FILING_SIZE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io_error)?;
        check_size(&self.path, bytes.len() as u64)?;
        Ok(bytes)
    }
}

/// The names of all entries of `folder`. A name that is not UTF-8 is no accession either way, so its
/// closest legible form will do.
fn names_in(root: &Path, folder: &Path) -> Result<Vec<String>, SearchError> {
    let explained = |error| explain(root, folder, error);
    let entries = fs::read_dir(folder).map_err(explained)?;
    // One more than is allowed is enough to see that there are too many.
    entries
        .take(filings_common::newest::CANDIDATES_MAX + 1)
        .map(|entry| Ok(entry.map_err(explained)?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// The preferred document of a filing, with its size.
fn document_in(root: &Path, folder: &Path) -> Result<(Shape, PathBuf, u64), SearchError> {
    for shape in Shape::BY_PREFERENCE {
        let path = folder.join(shape.file_name());
        match fs::metadata(&path) {
            Ok(metadata) if !metadata.is_file() => return Err(SearchError::NotAFile(path)),
            Ok(metadata) => {
                check_size(&path, metadata.len())?;
                return Ok((shape, path, metadata.len()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(explain(root, &path, error)),
        }
    }
    Err(SearchError::NoDocument(folder.to_owned()))
}

fn check_size(path: &Path, size_bytes: u64) -> Result<(), SearchError> {
    match size_bytes {
        0 => Err(SearchError::Empty(path.to_owned())),
        1..=FILING_SIZE_BYTES_MAX => Ok(()),
        _ => Err(SearchError::TooLarge { file: path.to_owned(), size_bytes, limit_bytes: FILING_SIZE_BYTES_MAX }),
    }
}

/// Says what an error of the file system means here.
///
/// The sandbox answers a link out of the directory with 'permission denied', as the host answers a file
/// that the user may not read. A link on the path tells them apart.
fn explain(root: &Path, path: &Path, error: io::Error) -> SearchError {
    match error.kind() {
        io::ErrorKind::NotFound => SearchError::NoFolder(path.to_owned()),
        io::ErrorKind::PermissionDenied => match link_between(root, path) {
            Some(link) => SearchError::LeadsOutside(link),
            None => io_error(path, error),
        },
        _ => io_error(path, error),
    }
}

fn io_error(path: &Path, source: io::Error) -> SearchError {
    let path = path.to_owned();
    SearchError::Io { path, source }
}

/// The first symbolic link on the way from `root`, exclusive, to `path`, inclusive.
fn link_between(root: &Path, path: &Path) -> Option<PathBuf> {
    let below: Vec<_> = path.ancestors().take_while(|a| *a != root).collect();
    let mut from_the_top = below.into_iter().rev();
    from_the_top.find(|a| a.is_symlink()).map(Path::to_owned)
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
