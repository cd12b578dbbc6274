//! What the filings plugins agree on.
//!
//! The steps of the filings workflow pass names of companies, forms and filings to each other, and
//! turn them into paths and URLs. So that no step has to trust the one before it, every such name is
//! a type with a checked constructor: a [`Ticker`], a [`Form`] or an [`Accession`] that exists is
//! safe as one component of a path. The sandbox would stop `../../etc/passwd` anyhow; the types stop
//! it earlier, with an error that says what a ticker looks like.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ticker`], [`form`], [`accession`] | the checked names |
//! | [`newest`] | which of a company's filings is the newest |
//! | [`document`] | the two shapes a filing comes in, and the limit of its size |
//! | [`replace`] | writing a file so that it is there whole or not at all |
//! | [`excerpt`] | showing foreign text in an error message |
//! | [`audit`] | the log of what ran, for whoever must prove that nothing ran twice |

pub mod accession;
pub mod audit;
pub mod document;
pub mod excerpt;
pub mod form;
pub mod newest;
pub mod replace;
pub mod ticker;

pub use accession::Accession;
pub use document::{FILING_SIZE_BYTES_MAX, Shape};
pub use excerpt::Excerpt;
pub use form::Form;
pub use ticker::Ticker;
