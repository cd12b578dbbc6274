//! Reading and writing the fields of a binary format: little-endian integers of fixed width, and nothing
//! whose length the input does not back. A count is checked against its limit *and* against the bytes that
//! are left before anything is allocated for it.

/// The bytes of the checksums in all formats of this module.
pub(crate) const CHECKSUM_BYTES: usize = 16;

/// A BLAKE3 hash, cut to its first 16 bytes.
pub(crate) type Checksum = [u8; CHECKSUM_BYTES];

/// The checksum of `bytes`.
pub(crate) fn checksum(bytes: &[u8]) -> Checksum {
    first_half(blake3::hash(bytes).as_bytes())
}

/// The checksum of bytes whose BLAKE3 hash is known.
pub(crate) fn first_half(hash: &[u8; blake3::OUT_LEN]) -> Checksum {
    std::array::from_fn(|i| hash[i])
}

/// Why bytes could not be read as what they should be.
pub(crate) type Malformed = String;

/// The fields of a binary format, read from front to back.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `length` bytes; `what` names them in the error.
    pub(crate) fn bytes(&mut self, length: usize, what: &str) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(|| cut_off(what))?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(|| cut_off(what))?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(crate) fn u8(&mut self, what: &str) -> Result<u8, Malformed> {
        self.array(what).map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self, what: &str) -> Result<u16, Malformed> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, what: &str) -> Result<u32, Malformed> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &str) -> Result<u64, Malformed> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// How many elements of `element_bytes` each come next: at most `max`, and no more than there are bytes for.
    pub(crate) fn count(&mut self, max: usize, element_bytes: usize, what: &str) -> Result<usize, Malformed> {
        let count = self.u32(what)? as usize;
        if count > max {
            return Err(format!("{count} {what} are more than {max}"));
        }
        if count.saturating_mul(element_bytes) > self.rest.len() {
            return Err(cut_off(what));
        }
        Ok(count)
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(format!("{left} bytes follow its end")),
        }
    }
}

fn cut_off(what: &str) -> Malformed {
    format!("it ends within the {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_the_input_cannot_hold_is_refused() {
        let bytes = [3, 0, 0, 0, 1, 2, 3, 4, 5, 6];
        assert_eq!(Fields::new(&bytes).count(3, 2, "pairs"), Ok(3));
        assert_eq!(Fields::new(&bytes).count(2, 2, "pairs").unwrap_err(), "3 pairs are more than 2");
        assert_eq!(Fields::new(&bytes).count(3, 3, "triples").unwrap_err(), "it ends within the triples");
        assert!(Fields::new(&[0xff; 4]).count(usize::MAX, usize::MAX, "giants").is_err());
    }

    #[test]
    fn what_is_left_over_is_refused() {
        let mut fields = Fields::new(&[1, 2, 0, 9]);
        assert_eq!((fields.u8("a"), fields.u16("b")), (Ok(1), Ok(2)));
        assert!(fields.end().is_err());
        assert!(fields.u64("c").is_err());
        assert_eq!(fields.bytes(1, "d"), Ok(&[9][..]));
        assert_eq!(fields.end(), Ok(()));
    }
}
