//! A checksum of a state: 64-bit FNV-1a, which takes ten lines. It tells states apart that differ by accident, and
//! is no defence against someone who wants two to look the same.

/// The start and the multiplier that the algorithm's authors chose for 64 bits.
const START: u64 = 0xcbf2_9ce4_8422_2325;
const MULTIPLIER: u64 = 0x0000_0100_0000_01b3;

/// The checksum of what was given so far.
pub struct Digest(u64);

impl Digest {
    /// The checksum of nothing.
    pub fn new() -> Self {
        Self(START)
    }

    /// Takes in a number.
    pub fn number(&mut self, number: u64) {
        self.add(&number.to_le_bytes());
    }

    /// Takes in bytes, and how many they are, so that their end counts.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.add(bytes);
    }

    /// Takes in a text and its end.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// The checksum: 16 hexadecimal digits.
    pub fn finish(self) -> String {
        format!("{:016x}", self.0)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(MULTIPLIER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        let mut digest = Digest::new();

        digest.add(b"foobar");

        assert_eq!(digest.finish(), "85944171f73967e8");
    }

    #[test]
    fn where_a_text_ends_counts() {
        let of = |texts: [&str; 2]| {
            let mut digest = Digest::new();
            texts.iter().for_each(|text| digest.text(text));
            digest.finish()
        };

        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
    }
}
