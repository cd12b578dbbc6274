//! Every bound on what a filing may ask of the extraction.
//!
//! A filing comes from outside and may be broken or hostile. Each of these is far above what any real
//! filing has. The size of the file itself is bounded by the limit that all filings plugins share.

/// How deeply elements may be nested. Real filings stay below 60.
pub const ELEMENT_DEPTH_MAX: usize = 512;

/// How many facts one filing may have. The largest real annual reports have some 30,000.
pub const FACTS_MAX: usize = 250_000;

/// How long one fact's text may be, in bytes; a longer text is cut and the cut reported. Facts nest, and
/// each outer one repeats the text of the inner ones: without a bound the output could grow with the
/// square of the input.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// How long the facts of one filing may be altogether, in bytes of JSON Lines.
pub const FACTS_BYTES_MAX: usize = 64 << 20;

/// How many continuations one fact's text may run through.
pub const CONTINUATIONS_MAX: usize = 10_000;

/// The largest power of ten, up or down, that `scale` may ask for.
pub const SCALE_ABS_MAX: i32 = 100;

/// How many problems are listed by name; the others are counted.
pub const PROBLEMS_LISTED_MAX: usize = 100;

/// How many table rows, or else lines, are taken from a filing without inline XBRL.
pub const ROWS_MAX: usize = 10;

/// A line of a filing without tables counts only when it has fewer characters than this.
pub const LINE_CHARS_MAX: usize = 100;
