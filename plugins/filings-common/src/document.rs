//! The file that a filing is read from.

/// The largest filing that a plugin takes up, in bytes. The largest inline-XBRL filings are around
/// 20 MiB; a plugin instance has 256 MiB of memory by default, and the extraction needs a multiple of
/// the document's size.
pub const FILING_SIZE_BYTES_MAX: u64 = 64 << 20;

/// How a filing's document is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The main document alone, as HTML.
    Html,
    /// All documents of the submission in one SGML envelope.
    Submission,
}

impl Shape {
    /// The shapes in order of preference. Where both are there, the HTML document is the main part of
    /// the submission already unpacked, so taking it gives the same facts for less work.
    pub const BY_PREFERENCE: [Self; 2] = [Self::Html, Self::Submission];

    /// The name of the file in an accession's folder.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Html => "primary-document.html",
            Self::Submission => "full-submission.txt",
        }
    }

    /// The shape of the file of that name.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        Self::BY_PREFERENCE.into_iter().find(|shape| shape.file_name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_found_by_its_file_and_no_other() {
        for shape in Shape::BY_PREFERENCE {
            assert_eq!(Shape::of_file(shape.file_name()), Some(shape));
        }
        assert_eq!(Shape::of_file("../full-submission.txt"), None);
    }
}
