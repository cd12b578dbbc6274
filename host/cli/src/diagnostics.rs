//! Problems of a workflow, shown in the file: the line, what is wrong there, and the remedy. All of them at once, so
//! that one look is enough to mend the file.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use belljar::workflow::{Problem, WorkflowError};

use crate::{human, terminal};

/// A problem with the text that it is about.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct InFile {
    message: String,
    help: Option<String>,
    span: Option<std::ops::Range<usize>>,
    text: NamedSource<String>,
}

impl Diagnostic for InFile {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.span.is_some().then_some(&self.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::underline(span))))
    }
}

impl InFile {
    fn new(error: &WorkflowError, problem: &Problem) -> InFile {
        let file = error.path.display();
        // A span that does not lie in the text cannot be shown; the message still can.
        let span = problem.span.clone().filter(|span| error.text.get(span.clone()).is_some());
        InFile {
            message: match span {
                Some(_) => problem.message.clone(),
                None => format!("{file}: {}", problem.message),
            },
            help: problem.help.clone(),
            span,
            text: NamedSource::new(file.to_string(), error.text.to_string()),
        }
    }
}

/// All problems of a workflow as text for the standard error.
pub fn render(error: &WorkflowError) -> String {
    render_with(error, if terminal::colours_on_stderr() { GraphicalTheme::unicode() } else { plain() })
}

fn plain() -> GraphicalTheme {
    GraphicalTheme::unicode_nocolor()
}

fn render_with(error: &WorkflowError, theme: GraphicalTheme) -> String {
    let handler = GraphicalReportHandler::new_themed(theme).with_context_lines(1);
    let mut text = String::new();
    for problem in &error.problems {
        let shown = InFile::new(error, problem);
        if handler.render_report(&mut text, &shown).is_err() {
            text.push_str(&shown.message);
        }
        text.push('\n');
    }
    let problems = human::plural(error.problems.len(), "problem", "problems");
    text + &format!("error: {problems} in {}; nothing was run\n", error.path.display())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn error(problems: Vec<Problem>) -> WorkflowError {
        let text = "name = \"filings\"\n[[step]]\nplugin = \"extrct.wasm\"\n";
        WorkflowError { path: PathBuf::from("filings.toml"), text: text.into(), problems }
    }

    fn problem(message: &str, help: Option<&str>, span: Option<std::ops::Range<usize>>) -> Problem {
        Problem { message: message.into(), help: help.map(str::to_owned), span }
    }

    #[test]
    fn every_problem_is_shown_in_its_line_with_its_remedy() {
        let error = error(vec![
            problem("there is no plugin extrct.wasm", Some("did you mean extract.wasm?"), Some(35..48)),
            problem("the parameter `out` has no value", Some("add --set out=…"), None),
        ]);
        let text = render_with(&error, plain());
        assert!(text.contains("there is no plugin extrct.wasm"), "{text}");
        assert!(text.contains("filings.toml:3:10"), "{text}");
        assert!(text.contains("plugin = \"extrct.wasm\""), "{text}");
        assert!(text.contains("help: did you mean extract.wasm?"), "{text}");
        assert!(text.contains("filings.toml: the parameter `out` has no value"), "{text}");
        assert!(text.ends_with("error: 2 problems in filings.toml; nothing was run\n"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_span_outside_of_the_text_still_gives_the_message() {
        let text = render_with(&error(vec![problem("odd", None, Some(9_000..9_001))]), plain());
        assert!(text.contains("filings.toml: odd"), "{text}");
    }
}
