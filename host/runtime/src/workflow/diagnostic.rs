//! What is wrong with a workflow: every problem at once, each with the place in the file and the remedy.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A workflow that cannot run as it is written or as it was called.
#[derive(Debug, Clone)]
pub struct WorkflowError {
    /// The file.
    pub path: PathBuf,
    /// Its text, so that a problem can be shown in its line; empty if it could not be read.
    pub text: Arc<str>,
    /// The problems, in the order of their places.
    pub problems: Vec<Problem>,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that is not plain.
    pub help: Option<String>,
    /// The bytes of the text that it is about; none when it is about the call or the whole file.
    pub span: Option<Range<usize>>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Problem {
        Problem { message: message.into(), help: None, span: None }
    }

    pub(crate) fn at(mut self, span: Range<usize>) -> Problem {
        self.span = Some(span);
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}

impl WorkflowError {
    pub(crate) fn new(path: &Path, text: &Arc<str>, mut problems: Vec<Problem>) -> WorkflowError {
        problems.sort_by_key(|problem| problem.span.as_ref().map_or(0, |span| span.start));
        WorkflowError { path: path.to_owned(), text: text.clone(), problems }
    }

    /// The line of a problem, counted from 1.
    pub fn line(&self, problem: &Problem) -> Option<usize> {
        let start = problem.span.as_ref()?.start.min(self.text.len());
        Some(self.text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1)
    }
}

impl fmt::Display for WorkflowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            let line = self.line(problem).map(|line| format!(":{line}")).unwrap_or_default();
            write!(f, "{newline}{}{line}: {}", self.path.display(), problem.message)?;
            if let Some(help) = &problem.help {
                write!(f, "; {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for WorkflowError {}
