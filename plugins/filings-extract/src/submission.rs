//! The SGML envelope of a full submission: a header, then every document of the filing.
//!
//! ```text
//! <SEC-DOCUMENT>0000000001-24-000007.txt : 20240509
//! <SEC-HEADER>…
//! CONFORMED SUBMISSION TYPE:    10-Q
//! </SEC-HEADER>
//! <DOCUMENT>
//! <TYPE>10-Q
//! <TEXT>
//! …
//! </TEXT>
//! </DOCUMENT>
//! …
//! </SEC-DOCUMENT>
//! ```
//! Every tag stands at the start of its line, in capitals. Nothing inside `<TEXT>` is escaped, which is
//! why an SGML parser would be of no use.

use memchr::memmem;

use crate::error::Error;

/// A document within a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document<'f> {
    /// What it says.
    pub text: &'f str,
    /// The byte of the file at which it begins.
    pub offset: usize,
}

impl<'f> Document<'f> {
    /// The document without white space and a byte order mark in front, where XML allows none.
    #[must_use]
    pub fn new(text: &'f str, offset: usize) -> Self {
        let trimmed = text.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
        Self { text: trimmed, offset: offset + text.len() - trimmed.len() }
    }
}

/// The document that the submission is about: the first one of the submitted form, else the first.
///
/// # Errors
/// [`Error::Truncated`] when the envelope is not closed, [`Error::NoDocument`] when it is empty.
pub fn main_document(file: &str) -> Result<Document<'_>, Error> {
    check_closed(file, "<SEC-DOCUMENT>", "</SEC-DOCUMENT>")?;
    check_closed(file, "<IMS-DOCUMENT>", "</IMS-DOCUMENT>")?;
    let mut documents = Documents { file, from: 0 };
    let first = documents.next().ok_or(Error::NoDocument { offset: file.len() })??;
    let Some(form) = submitted_form(&file[..first.offset]) else {
        return first.text(file);
    };
    if first.form == Some(form) {
        return first.text(file);
    }
    for document in documents {
        let document = document?;
        if document.form == Some(form) {
            return document.text(file);
        }
    }
    first.text(file)
}

fn check_closed(file: &str, start: &str, end: &str) -> Result<(), Error> {
    let is_open = file.contains(start) && memmem::rfind(file.as_bytes(), end.as_bytes()).is_none();
    if is_open { Err(truncated(file, start)) } else { Ok(()) }
}

fn truncated(file: &str, open: &str) -> Error {
    Error::Truncated { offset: file.len(), inside: format!("inside {open}") }
}

/// The form that the header names.
fn submitted_form(header: &str) -> Option<&str> {
    let value = header.lines().find_map(|line| line.strip_prefix("CONFORMED SUBMISSION TYPE:"))?;
    Some(value.trim())
}

/// One `<DOCUMENT>`: where it begins and ends in the file, and its `<TYPE>`.
struct Enclosed<'f> {
    offset: usize,
    end: usize,
    form: Option<&'f str>,
}

impl Enclosed<'_> {
    /// What stands in `<TEXT>`, and in `<XBRL>` within it, where that is.
    fn text<'f>(&self, file: &'f str) -> Result<Document<'f>, Error> {
        let mut content = self.offset..self.end;
        for (start, end) in [("<TEXT>", "</TEXT>"), ("<XBRL>", "</XBRL>")] {
            let within = &file[content.clone()];
            let Some(open) = within.find(start) else {
                continue;
            };
            // `<XBRL>` counts only as the first thing in the text.
            if start == "<XBRL>" && !within[..open].trim().is_empty() {
                continue;
            }
            let close = within.rfind(end).filter(|close| *close >= open + start.len());
            let Some(close) = close else {
                return Err(truncated(&file[..self.end], start));
            };
            content = content.start + open + start.len()..content.start + close;
        }
        Ok(Document::new(&file[content.clone()], content.start))
    }
}

/// The documents of a submission, one after the other.
struct Documents<'f> {
    file: &'f str,
    from: usize,
}

impl<'f> Iterator for Documents<'f> {
    type Item = Result<Enclosed<'f>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        const START: &str = "<DOCUMENT>";
        const END: &str = "</DOCUMENT>";
        let rest = &self.file[self.from..];
        let offset = self.from + memmem::find(rest.as_bytes(), START.as_bytes())?;
        let content = &self.file[offset..];
        let Some(length) = memmem::find(content.as_bytes(), END.as_bytes()) else {
            self.from = self.file.len();
            return Some(Err(truncated(self.file, START)));
        };
        let end = offset + length;
        self.from = end + END.len();
        let content = &self.file[offset..end];
        let head = content.split("<TEXT>").next().unwrap_or(content);
        let form = head.lines().find_map(|line| line.strip_prefix("<TYPE>")).map(str::trim);
        Some(Ok(Enclosed { offset, end, form }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBMISSION: &str = "<SEC-DOCUMENT>x.txt\n<SEC-HEADER>\nCONFORMED SUBMISSION TYPE:\t10-Q\n</SEC-HEADER>\n\
        <DOCUMENT>\n<TYPE>EX-99\n<TEXT>\nexhibit\n</TEXT>\n</DOCUMENT>\n\
        <DOCUMENT>\n<TYPE>10-Q\n<SEQUENCE>1\n<TEXT>\n<XBRL>\n<?xml?><html/>\n</XBRL>\n</TEXT>\n</DOCUMENT>\n</SEC-DOCUMENT>\n";

    #[test]
    fn the_main_document_is_the_one_of_the_form() {
        let document = main_document(SUBMISSION).unwrap();
        assert_eq!(document.text, "<?xml?><html/>\n");
        assert!(SUBMISSION[document.offset..].starts_with("<?xml?>"));
    }

    #[test]
    fn without_one_of_the_form_it_is_the_first() {
        let other = SUBMISSION.replace("<TYPE>10-Q", "<TYPE>10-Q405");
        assert_eq!(main_document(&other).unwrap().text, "exhibit\n");
        let headless = &SUBMISSION[SUBMISSION.find("<DOCUMENT>").unwrap()..];
        assert_eq!(main_document(headless).unwrap().text, "exhibit\n");
    }

    #[test]
    fn a_submission_that_ends_early_is_truncated() {
        for (cut, open) in [("</SEC-DOCUMENT>", "<SEC-DOCUMENT>"), ("exhibit", "<SEC-DOCUMENT>")] {
            let cut = &SUBMISSION[..SUBMISSION.find(cut).unwrap()];
            let Err(Error::Truncated { offset, inside }) = main_document(cut) else {
                panic!("{cut} is not truncated");
            };
            assert_eq!((offset, inside), (cut.len(), format!("inside {open}")));
        }
        let unclosed = SUBMISSION.replace("</XBRL>", "");
        assert!(matches!(main_document(&unclosed), Err(Error::Truncated { .. })));
        let bare = "<DOCUMENT>\n<TYPE>10-Q\n<TEXT>\nx";
        assert!(matches!(main_document(bare), Err(Error::Truncated { .. })));
    }

    #[test]
    fn a_file_without_documents_is_no_submission() {
        assert_eq!(main_document("<html/>"), Err(Error::NoDocument { offset: 7 }));
    }

    #[test]
    fn white_space_and_a_byte_order_mark_are_not_part_of_a_document() {
        let document = Document::new("\u{feff}\r\n <html/>", 10);
        assert_eq!(document, Document { text: "<html/>", offset: 16 });
    }
}
