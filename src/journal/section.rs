//! The sections a replay file is made of, and the chain of digests over them.
//!
//! A section is `kind u8, raw_len u32, packed_len u32, packed bytes (one LZ4 block), check [u8; 8]`. The chain is
//! BLAKE3 over the digest before and the section's bytes up to its check; the check is the first 8 bytes of the
//! new digest, so damage is found in the section where it is, and the last digest stands for the whole file.

use crate::Damaged;
use crate::limits::{LZ4_RATIO_MAX, SECTION_PACKED_BYTES_MAX};

/// The first bytes of a replay file.
pub(crate) const MAGIC: [u8; 8] = *b"FKREPLAY";

/// Bytes before the first section: magic and version.
pub(crate) const PREFIX_BYTES: usize = 10;

/// Bytes of a section before its packed bytes.
pub(crate) const HEAD_BYTES: usize = 9;

/// Bytes of a section after its packed bytes.
pub(crate) const CHECK_BYTES: usize = 8;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Header = 1,
    Chunk = 2,
    Keyframe = 3,
    Trailer = 4,
    Signatures = 5,
}

impl Kind {
    /// What a reader of messages calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Chunk => "chunk of frames",
            Self::Keyframe => "keyframe",
            Self::Trailer => "trailer",
            Self::Signatures => "list of signatures",
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Header, Self::Chunk, Self::Keyframe, Self::Trailer, Self::Signatures]
            .into_iter()
            .find(|&kind| kind as u8 == byte)
    }
}

/// The magic and the version of a file.
pub(crate) fn prefix(version: u16) -> [u8; PREFIX_BYTES] {
    let mut bytes = [0; PREFIX_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..].copy_from_slice(&version.to_le_bytes());
    bytes
}

/// The running digest over a file's sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain(pub(crate) [u8; 32]);

impl Chain {
    /// The digest of the prefix of a file of this version.
    pub(crate) fn start(version: u16) -> Self {
        Self(*blake3::hash(&prefix(version)).as_bytes())
    }

    /// Takes in a section up to its check; gives the check.
    pub(crate) fn extend(&mut self, section: &[u8]) -> [u8; CHECK_BYTES] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(section);
        self.0 = *hasher.finalize().as_bytes();
        let mut check = [0; CHECK_BYTES];
        check.copy_from_slice(&self.0[..CHECK_BYTES]);
        check
    }
}

/// Appends a section that holds `raw`.
pub(crate) fn append(kind: Kind, raw: &[u8], chain: &mut Chain, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(kind as u8);
    out.extend_from_slice(&(raw.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    let packed = out.len();
    out.resize(packed + lz4_flex::block::get_maximum_output_size(raw.len()), 0);
    let used = lz4_flex::block::compress_into(raw, &mut out[packed..]).unwrap_or(0);
    debug_assert!(used > 0, "LZ4 refused an output of the size it asked for");
    out.truncate(packed + used);
    out[start + 5..packed].copy_from_slice(&(used as u32).to_le_bytes());
    let check = chain.extend(&out[start..]);
    out.extend_from_slice(&check);
}

/// A section whose check is right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    pub(crate) kind: Kind,
    /// Where it starts.
    pub(crate) offset: usize,
    /// Where the next one starts.
    pub(crate) end: usize,
    /// Bytes when unpacked.
    pub(crate) raw_len: usize,
}

impl Section {
    /// Reads the section at `offset` and checks it against the chain.
    pub(crate) fn read(bytes: &[u8], offset: usize, chain: &mut Chain) -> Result<Self, Damaged> {
        let damaged = |what: &str| Err(Damaged::new(offset, what));
        let rest = bytes.get(offset..).unwrap_or_default();
        let Some(head) = rest.first_chunk::<HEAD_BYTES>() else {
            return damaged("the file ends where a section should start");
        };
        let raw_len = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let packed_len = u32::from_le_bytes([head[5], head[6], head[7], head[8]]) as usize;
        if packed_len > SECTION_PACKED_BYTES_MAX {
            return damaged("a section claims more bytes than any has");
        }
        let checked = HEAD_BYTES + packed_len;
        let (Some(section), Some(check)) =
            (rest.get(..checked), rest.get(checked..).and_then(<[u8]>::first_chunk::<CHECK_BYTES>))
        else {
            return damaged("the file ends within a section");
        };
        if chain.extend(section) != *check {
            let name = Kind::from_byte(head[0]).map_or("section", Kind::name);
            return damaged(&format!("the bytes of the {name} are not the ones that were sealed"));
        }
        let Some(kind) = Kind::from_byte(head[0]) else {
            return damaged("a section has an unknown kind");
        };
        Ok(Self { kind, offset, end: offset + checked + CHECK_BYTES, raw_len })
    }

    /// Overwrites `raw` with what the section holds, at most `limit` bytes.
    pub(crate) fn unpack(&self, bytes: &[u8], limit: usize, raw: &mut Vec<u8>) -> Result<(), Damaged> {
        let packed = bytes.get(self.offset + HEAD_BYTES..self.end - CHECK_BYTES).unwrap_or_default();
        let possible = limit.min(packed.len().saturating_mul(LZ4_RATIO_MAX));
        if self.raw_len > possible {
            let what = format!("a section claims {} bytes, and {possible} are possible", self.raw_len);
            return Err(Damaged::new(self.offset, what));
        }
        raw.clear();
        raw.resize(self.raw_len, 0);
        match lz4_flex::block::decompress_into(packed, raw) {
            Ok(used) if used == self.raw_len => Ok(()),
            Ok(used) => {
                let what = format!("a section claims {} bytes and holds {used}", self.raw_len);
                Err(Damaged::new(self.offset, what))
            }
            Err(error) => Err(Damaged::new(self.offset, format_args!("a section does not unpack: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chain, Kind, Section, append};

    #[test]
    fn a_section_that_claims_too_much_allocates_nothing() {
        let (mut chain, mut file) = (Chain::start(2), Vec::new());
        append(Kind::Chunk, &[7; 1_000], &mut chain, &mut file);
        let mut raw = Vec::new();
        let mut section = Section::read(&file, 0, &mut Chain::start(2)).unwrap();
        section.raw_len = 1 << 30;
        assert!(section.unpack(&file, usize::MAX, &mut raw).is_err());
        assert_eq!(raw.capacity(), 0);
    }

    #[test]
    fn sections_cannot_change_places() {
        let (mut chain, mut one, mut two) = (Chain::start(2), Vec::new(), Vec::new());
        append(Kind::Chunk, b"one", &mut chain, &mut one);
        append(Kind::Chunk, b"two", &mut chain, &mut two);
        assert!(Section::read(&one, 0, &mut Chain::start(2)).is_ok());
        assert!(Section::read(&two, 0, &mut Chain::start(2)).is_err());
    }
}
