//! Why a filing could not be read at all.
//!
//! What is wrong with a single fact is no error: the fact is kept without a value, and the extraction
//! lists the problem. Every offset counts bytes from the start of the file.

use filings_common::FILING_SIZE_BYTES_MAX;

use crate::limits::{ELEMENT_DEPTH_MAX, FACTS_BYTES_MAX, FACTS_MAX};

/// Why a filing could not be read at all, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing in the file.
    #[error("the filing is empty; fetch it again")]
    Empty,
    /// The file is larger than any real filing.
    #[error(
        "the filing has {size_bytes} bytes, more than {FILING_SIZE_BYTES_MAX} (FILING_SIZE_BYTES_MAX); take its main document alone"
    )]
    TooLarge {
        /// How large it is.
        size_bytes: u64,
    },
    /// The file is not text in UTF-8.
    #[error("the filing is not UTF-8 text: byte {offset} cannot be decoded; fetch it again, or convert it to UTF-8")]
    NotUtf8 {
        /// Where the first undecodable byte is.
        offset: usize,
    },
    /// The file ends before the filing does.
    #[error("the filing is truncated: it ends at byte {offset} {inside}; fetch it again")]
    Truncated {
        /// The length of what is there.
        offset: usize,
        /// What was still open.
        inside: String,
    },
    /// The submission has no document to read.
    #[error("the submission has no <DOCUMENT>, as far as byte {offset}; check that it is a full EDGAR submission")]
    NoDocument {
        /// How far was searched.
        offset: usize,
    },
    /// An inline XBRL document must be well-formed XML and this one is not.
    #[error("the filing is not well-formed XML at byte {offset}: {reason}; fetch it again")]
    Malformed {
        /// Where.
        offset: usize,
        /// What is wrong there.
        reason: String,
    },
    /// Elements are nested too deeply.
    #[error(
        "the element at byte {offset} is nested more than {ELEMENT_DEPTH_MAX} deep (ELEMENT_DEPTH_MAX); no real filing is"
    )]
    TooDeep {
        /// Where the first element past the limit is.
        offset: usize,
    },
    /// There are too many facts.
    #[error("the fact at byte {offset} is one more than {FACTS_MAX} (FACTS_MAX); split the filing or raise the limit")]
    TooManyFacts {
        /// Where the first fact past the limit is.
        offset: usize,
    },
    /// The facts are too long altogether.
    #[error(
        "the facts up to the one at byte {offset} take more than {FACTS_BYTES_MAX} bytes (FACTS_BYTES_MAX); split the filing or raise the limit"
    )]
    TooMuchText {
        /// Where the fact that passed the limit is.
        offset: usize,
    },
}
