//! The layout of renet 2.0.1's packets, read without building them.
//!
//! Integers marked `v` are QUIC's variable-length ones (RFC 9000, section 16), others are big-endian.
//!
//! | kind | layout |
//! |---|---|
//! | 0 small reliable | `0`, sequence `v`, channel 1, count 2, then per message: id `v`, length `v`, bytes |
//! | 2 slice | `2`, sequence `v`, channel 1, message id `v`, index `v`, count `v`, length `v`, bytes |
//! | 4 acknowledgement | `4`, sequence `v`, end `v`, size `v`, more `v`, then per range: gap `v`, size `v` |

use crate::{ACK_RANGES_MAX, PayloadFault};

pub(crate) const SMALL_RELIABLE: u8 = 0;
pub(crate) const RELIABLE_SLICE: u8 = 2;
pub(crate) const ACK: u8 = 4;

/// A place in a packet.
#[derive(Clone)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, PayloadFault> {
        let (&byte, rest) = self.0.split_first().ok_or(PayloadFault::Truncated)?;
        self.0 = rest;
        Ok(byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, PayloadFault> {
        Ok(u16::from(self.u8()?) << 8 | u16::from(self.u8()?))
    }

    /// The first two bits tell how many bytes follow, 0, 1, 3 or 7; the rest is the number.
    pub(crate) fn varint(&mut self) -> Result<u64, PayloadFault> {
        let first = self.u8()?;
        let more = (1_u32 << (first >> 6)) - 1;
        let mut value = u64::from(first & 0x3f);
        for _ in 0..more {
            value = value << 8 | u64::from(self.u8()?);
        }
        Ok(value)
    }

    /// Skips a length and as many bytes; gives the length.
    pub(crate) fn skip_bytes(&mut self) -> Result<u64, PayloadFault> {
        let len = self.varint()?;
        let bytes = usize::try_from(len).map_err(|_| PayloadFault::Truncated)?;
        self.0 = self.0.get(bytes..).ok_or(PayloadFault::Truncated)?;
        Ok(len)
    }

    pub(crate) fn end(&self) -> Result<(), PayloadFault> {
        if self.0.is_empty() { Ok(()) } else { Err(PayloadFault::Trailing) }
    }
}

/// One slice of a large message.
pub(crate) struct Slice {
    pub(crate) message: u64,
    pub(crate) index: u64,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Slice {
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, PayloadFault> {
        let (message, index, count) = (cursor.varint()?, cursor.varint()?, cursor.varint()?);
        Ok(Self { message, index, count, bytes: cursor.skip_bytes()? })
    }
}

/// The ranges of an acknowledgement, from the newest down.
///
/// The newest range begins the list: its last sequence, and how many more it has. Each further one tells the
/// gap to the range before it, less two, and how many more it has.
#[derive(Clone)]
pub struct AckRanges<'a> {
    cursor: Cursor<'a>,
    newest_end: u64,
    newest_size: u64,
    more: u64,
}

impl<'a> AckRanges<'a> {
    /// Reads the head and checks every range the way renet does.
    pub(crate) fn read(mut cursor: Cursor<'a>) -> Result<Self, PayloadFault> {
        let (newest_end, newest_size, more) = (cursor.varint()?, cursor.varint()?, cursor.varint()?);
        if more >= ACK_RANGES_MAX {
            return Err(PayloadFault::TooManyRanges);
        }
        let ranges = Self { cursor, newest_end, newest_size, more };
        ranges.visit(|_, _| {})?;
        Ok(ranges)
    }

    /// How many ranges there are, at least 1.
    #[must_use]
    pub const fn range_count(&self) -> u64 {
        self.more + 1
    }

    /// Whether the packet of that sequence is acknowledged.
    #[must_use]
    pub fn contains(&self, sequence: u64) -> bool {
        let mut found = false;
        let read = self.visit(|start, end| found |= (start..=end).contains(&sequence));
        read.is_ok() && found
    }

    fn visit(&self, mut range: impl FnMut(u64, u64)) -> Result<(), PayloadFault> {
        let mut cursor = self.cursor.clone();
        let mut start = self.newest_end.checked_sub(self.newest_size).ok_or(PayloadFault::BadRange)?;
        range(start, self.newest_end);
        for _ in 0..self.more {
            let end = start.checked_sub(cursor.varint()? + 2).ok_or(PayloadFault::BadRange)?;
            start = end.checked_sub(cursor.varint()?).ok_or(PayloadFault::BadRange)?;
            range(start, end);
        }
        cursor.end()
    }
}

/// What a packet of renet's is, as far as pacing and round-trip times need to know.
pub enum PacketPeek<'a> {
    /// An acknowledgement.
    Ack(AckRanges<'a>),
    /// Messages, or a slice of one.
    Messages {
        /// The packet's sequence.
        sequence: u64,
    },
}

/// Looks into a packet that renet made or the guard has passed; `None` if it is neither.
#[must_use]
pub fn peek_packet(packet: &[u8]) -> Option<PacketPeek<'_>> {
    let mut cursor = Cursor::new(packet);
    let kind = cursor.u8().ok()?;
    let sequence = cursor.varint().ok()?;
    match kind {
        ACK => AckRanges::read(cursor).ok().map(PacketPeek::Ack),
        SMALL_RELIABLE | RELIABLE_SLICE => Some(PacketPeek::Messages { sequence }),
        _ => None,
    }
}
