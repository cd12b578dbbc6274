//! Inline XBRL: facts tagged where a reader of the filing sees them.
//!
//! One pass over the XML ([`walk`]) notes what is tagged, with all names and most attributes borrowed
//! from the document. Contexts, units and continuations may stand after the facts that refer to them, so
//! only a second step ([`resolve`]) puts values, dates and texts together. What is XBRL is told by
//! namespace, never by prefix.
//!
//! | module | holds |
//! | --- | --- |
//! | [`element`] | the elements that matter, by namespace |
//! | [`attributes`] | reading the attributes of those |
//! | [`captured`] | the text inside facts, kept once however deeply they nest |
//! | [`resources`] | contexts and units |
//! | [`day`] | the dates in contexts |
//! | [`walk`] | the pass over the document |
//! | [`resolve`] | from tags to facts |

mod attributes;
mod captured;
mod day;
mod element;
mod resolve;
mod resources;
mod walk;

pub use day::days_between;
pub use resolve::resolve;
pub use walk::walk;

use memchr::memmem;

/// Whether the document declares the namespace of inline XBRL, and so must be XML.
pub fn is_declared(document: &str) -> bool {
    element::INLINE_XBRL.iter().any(|namespace| {
        memmem::find_iter(document.as_bytes(), namespace).any(|at| {
            // Quoted and after an equals sign: a mention in running text is no declaration.
            let before = document[..at].trim_end_matches(['"', '\'']);
            before.len() < at && before.trim_end().ends_with('=')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_no_declaration() {
        let namespace = "http://www.xbrl.org/2013/inlineXBRL";
        assert!(is_declared(&format!("<html xmlns:ix=\"{namespace}\">")));
        assert!(is_declared(&format!("<html xmlns:q = '{namespace}'>")));
        assert!(!is_declared(&format!("<p>We tag with \"{namespace}\".</p>")));
        assert!(!is_declared("<html>"));
    }
}
