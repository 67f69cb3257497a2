//! `BitWriter` and `BitReader`: fields of 0 to 64 bits in bytes, the lowest bit first.

use alloc::vec::Vec;

use framekeep_sim::input_mask;

/// Appends fields of bits to bytes. The last byte is filled up with zeros.
///
/// ```
/// use framekeep_protocol::{BitReader, BitWriter};
/// let mut bytes = Vec::new();
/// let mut writer = BitWriter::new(&mut bytes);
/// writer.write(0b101, 3);
/// writer.write(0xabcd, 16);
/// writer.finish();
/// assert_eq!(bytes.len(), 3);
/// let mut reader = BitReader::new(&bytes);
/// assert_eq!(reader.read(3), Some(0b101));
/// assert_eq!(reader.read(16), Some(0xabcd));
/// assert_eq!(reader.finish(), Some(3));
/// ```
pub struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    word: u64,
    used: u32,
}

impl<'a> BitWriter<'a> {
    /// A writer that appends to `out`, beginning with a new byte.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, word: 0, used: 0 }
    }

    /// Appends the low `bits` bits of `value`; more than 64 count as 64.
    #[inline]
    pub fn write(&mut self, value: u64, bits: u32) {
        let bits = bits.min(64);
        let value = value & input_mask(bits);
        self.word |= value.wrapping_shl(self.used);
        let free = 64 - self.used;
        if bits < free {
            self.used += bits;
            return;
        }
        self.out.extend_from_slice(&self.word.to_le_bytes());
        self.word = if free == 64 { 0 } else { value >> free };
        self.used = bits - free;
    }

    /// Appends one bit.
    #[inline]
    pub fn write_bit(&mut self, bit: bool) {
        self.write(u64::from(bit), 1);
    }

    /// Fills up the last byte with zeros and writes it out.
    pub fn finish(self) {
        let bytes = self.used.div_ceil(8) as usize;
        self.out.extend_from_slice(&self.word.to_le_bytes()[..bytes]);
    }
}

/// Reads what a [`BitWriter`] wrote. Reading past the end gives `None`, never a made-up bit.
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// A reader at the first bit of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `bits` bits (more than 64 count as 64), or `None` if there are not that many left.
    #[inline]
    pub fn read(&mut self, bits: u32) -> Option<u64> {
        let bits = bits.min(64);
        let end = self.at + bits as usize;
        if end > self.bytes.len() * 8 {
            return None;
        }
        let (byte, shift) = (self.at / 8, (self.at % 8) as u32);
        self.at = end;
        let low = self.word(byte) >> shift;
        // A field of 58 bits and more can reach into a ninth byte.
        let high = if shift + bits > 64 { self.byte(byte + 8) << (64 - shift) } else { 0 };
        Some((low | high) & input_mask(bits))
    }

    /// The next bit, or `None` at the end.
    #[inline]
    pub fn read_bit(&mut self) -> Option<bool> {
        self.read(1).map(|bit| bit == 1)
    }

    /// How many bytes were read from, or `None` if the rest of the last one is not all zeros.
    #[must_use]
    pub fn finish(mut self) -> Option<usize> {
        let used = self.at.div_ceil(8);
        let rest = (used * 8 - self.at) as u32;
        (self.read(rest) == Some(0)).then_some(used)
    }

    #[inline]
    fn word(&self, byte: usize) -> u64 {
        if let Some(word) = self.bytes.get(byte..).and_then(|rest| rest.first_chunk::<8>()) {
            return u64::from_le_bytes(*word);
        }
        (0..8).fold(0, |word, i| word | self.byte(byte + i) << (8 * i))
    }

    #[inline]
    fn byte(&self, byte: usize) -> u64 {
        self.bytes.get(byte).copied().map_or(0, u64::from)
    }
}

#[cfg(test)]
mod tests {
    use framekeep_sim::input_mask;
    use proptest::prelude::*;

    use super::{BitReader, BitWriter};

    proptest! {
        #[test]
        fn fields_come_back(fields in prop::collection::vec((any::<u64>(), 0_u32..=64), 0..200)) {
            let mut bytes = vec![0xaa];
            let mut writer = BitWriter::new(&mut bytes);
            fields.iter().for_each(|&(value, bits)| writer.write(value, bits));
            writer.finish();
            let total: u32 = fields.iter().map(|&(_, bits)| bits).sum();
            prop_assert_eq!(bytes.len() - 1, total.div_ceil(8) as usize);
            let mut reader = BitReader::new(&bytes[1..]);
            for &(value, bits) in &fields {
                prop_assert_eq!(reader.read(bits), Some(value & input_mask(bits)));
            }
            prop_assert_eq!(reader.finish(), Some(bytes.len() - 1));
        }

        #[test]
        fn nothing_is_read_past_the_end(
            bytes in prop::collection::vec(any::<u8>(), 0..20),
            widths in prop::collection::vec(0_u32..=70, 1..40),
        ) {
            let mut reader = BitReader::new(&bytes);
            let mut left = bytes.len() as u32 * 8;
            for bits in widths {
                prop_assert_eq!(reader.read(bits).is_some(), bits.min(64) <= left);
                left -= if bits.min(64) <= left { bits.min(64) } else { 0 };
            }
        }
    }

    #[test]
    fn set_bits_after_the_last_field_are_not_accepted() {
        let mut reader = BitReader::new(&[0b0000_1101]);
        assert_eq!(reader.read(3), Some(0b101));
        assert_eq!(reader.finish(), None);
    }
}
