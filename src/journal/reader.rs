//! `SegmentReader`, records up to the last whole one.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use crate::segment::{HEAD_BYTES, HEADER_BYTES, MAGIC, record_checksum};
use crate::{RECORD_BYTES_MAX, Record, RecordFault, SEGMENT_VERSION, SegmentHeader};

/// Bytes that are read at once.
const BLOCK_BYTES: usize = 1 << 16;

/// Most bytes whose checksums are taken in the search for a whole record after one that is cut short.
const SEARCHED_BYTES_MAX: usize = 64 * RECORD_BYTES_MAX;

/// One record of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where the record starts, in bytes from the start of the segment.
    pub offset: u64,
    /// The room it belongs to.
    pub room: u64,
    /// What happened.
    pub record: Record<'a>,
}

/// Bytes that do not start a segment.
#[derive(Debug, thiserror::Error)]
pub enum SegmentFault {
    /// The bytes could not be read.
    #[error("the segment cannot be read: {0}")]
    Io(#[from] io::Error),
    /// There are fewer bytes than a header has. A node that stops right after creating a segment leaves this.
    #[error("the segment has {0} bytes, and its header alone has {HEADER_BYTES}")]
    Short(usize),
    /// The first bytes are not those of a segment.
    #[error("this is not a journal segment: it does not start with FKSEGMNT")]
    Foreign,
    /// The header is damaged.
    #[error("the segment's header is damaged: its checksum is {found:08x} and should be {expected:08x}")]
    Damaged {
        /// The checksum that the header's bytes have.
        expected: u32,
        /// The checksum that is there.
        found: u32,
    },
    /// Another version wrote it.
    #[error("the segment has format version {0}, and this build reads 1 to {SEGMENT_VERSION}")]
    Version(u16),
}

/// How a segment ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SegmentEnd {
    /// Right after a whole record.
    Whole {
        /// The segment's length in bytes.
        offset: u64,
    },
    /// In the middle of a record: the writer was stopped there. No whole record follows it.
    Torn {
        /// Where the unfinished record starts.
        offset: u64,
        /// What is missing.
        what: String,
    },
    /// At a record whose bytes changed after they were written, or never were a record.
    Damaged {
        /// Where that record starts.
        offset: u64,
        /// What is wrong with it.
        what: String,
    },
}

impl SegmentEnd {
    /// Where the last whole record ends.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        match self {
            Self::Whole { offset } | Self::Torn { offset, .. } | Self::Damaged { offset, .. } => *offset,
        }
    }
}

impl fmt::Display for SegmentEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { offset } => write!(f, "whole, {offset} bytes"),
            Self::Torn { offset, what } => write!(f, "torn at byte {offset}: {what}"),
            Self::Damaged { offset, what } => write!(f, "damaged at byte {offset}: {what}"),
        }
    }
}

/// Reads a segment record by record, up to the last whole one.
///
/// What follows an unfinished or damaged record is never given: a record's place gives it its meaning. It is only
/// looked through for a whole record, which tells a record whose length was changed from one that was cut short.
#[derive(Debug)]
pub struct SegmentReader<R> {
    source: R,
    header: SegmentHeader,
    offset: u64,
    /// Bytes of the source, of which those in `unread` are still to be looked at.
    block: Vec<u8>,
    unread: Range<usize>,
    end: Option<SegmentEnd>,
}

impl<R: Read> SegmentReader<R> {
    /// Reads and checks the header. The source is read in large blocks.
    ///
    /// # Errors
    /// [`SegmentFault`] if the source fails or does not hold a segment of this version.
    pub fn open(mut source: R) -> Result<Self, SegmentFault> {
        let mut bytes = [0; HEADER_BYTES];
        let found = read_up_to(&mut source, &mut bytes)?;
        if !MAGIC.starts_with(&bytes[..found.min(MAGIC.len())]) {
            return Err(SegmentFault::Foreign);
        }
        if found < HEADER_BYTES {
            return Err(SegmentFault::Short(found));
        }
        let (expected, found) = (crc32fast::hash(&bytes[..26]), u32_at(&bytes, 26));
        if expected != found {
            return Err(SegmentFault::Damaged { expected, found });
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if !(1..=SEGMENT_VERSION).contains(&version) {
            return Err(SegmentFault::Version(version));
        }
        Ok(Self::after_header(source, &bytes))
    }

    /// Goes past a header that says nothing, to the records after it: each has a checksum of its own. What the
    /// header says of its segment is as it stands there, and may be anything.
    ///
    /// # Errors
    /// [`SegmentFault`] if the source fails or does not even have a header's bytes.
    pub fn open_past_header(mut source: R) -> Result<Self, SegmentFault> {
        let mut bytes = [0; HEADER_BYTES];
        let found = read_up_to(&mut source, &mut bytes)?;
        if found < HEADER_BYTES {
            return Err(SegmentFault::Short(found));
        }
        Ok(Self::after_header(source, &bytes))
    }

    fn after_header(source: R, bytes: &[u8; HEADER_BYTES]) -> Self {
        let header = SegmentHeader { node: u64_at(bytes, 10), sequence: u64_at(bytes, 18) };
        let (block, offset) = (Vec::new(), HEADER_BYTES as u64);
        Self { source, header, offset, block, unread: 0..0, end: None }
    }

    /// Whose segment it is.
    #[must_use]
    pub fn header(&self) -> SegmentHeader {
        self.header
    }

    /// How the segment ends; `None` until [`next_entry`](Self::next_entry) has given `None`.
    #[must_use]
    pub fn end(&self) -> Option<&SegmentEnd> {
        self.end.as_ref()
    }

    /// The next record; `None` at the end, whatever ends the segment: [`end`](Self::end) tells.
    ///
    /// # Errors
    /// The source failed to read; a torn or damaged segment is not an error.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry<'_>>> {
        if self.end.is_some() {
            return Ok(None);
        }
        let offset = self.offset;
        let found = self.fill(HEAD_BYTES)?;
        let head = match check_head(offset, &self.block[self.unread.clone()][..found]) {
            Ok(head) => head,
            Err(end) => {
                self.end = Some(end);
                return Ok(None);
            }
        };
        let length = HEAD_BYTES + u32_at(&head, 0) as usize;
        let found = self.fill(length)?;
        match parse(offset, &head, &self.block[self.unread.start + HEAD_BYTES..self.unread.start + found]) {
            Ok(record) => {
                self.offset += length as u64;
                self.unread.start += length;
                Ok(Some(Entry { offset, room: u64_at(&head, 9), record }))
            }
            Err(end) => {
                // Of a record that is cut short all that follows is at hand: it claims more than there is.
                self.end = Some(told_apart(end, length, &self.block[self.unread.clone()]));
                Ok(None)
            }
        }
    }

    /// Reads on until there are so many bytes to be looked at, or as many as the source has; gives how many.
    fn fill(&mut self, wanted: usize) -> io::Result<usize> {
        if self.unread.len() < wanted {
            self.block.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
            if self.block.len() < wanted.max(BLOCK_BYTES) {
                self.block.resize(wanted.max(BLOCK_BYTES), 0);
            }
        }
        while self.unread.len() < wanted {
            match self.source.read(&mut self.block[self.unread.end..]) {
                Ok(0) => break,
                Ok(more) => self.unread.end += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.unread.len().min(wanted))
    }
}

/// The head, if a whole one was found and claims a possible length.
fn check_head(offset: u64, found: &[u8]) -> Result<[u8; HEAD_BYTES], SegmentEnd> {
    if found.is_empty() {
        return Err(SegmentEnd::Whole { offset });
    }
    let Some(head) = found.first_chunk::<HEAD_BYTES>() else {
        let what = format!("{} bytes of a record's head of {HEAD_BYTES}", found.len());
        return Err(SegmentEnd::Torn { offset, what });
    };
    let length = u32_at(head, 0);
    if length as usize > RECORD_BYTES_MAX {
        let what = format!("the record claims {length} bytes, over the limit of {RECORD_BYTES_MAX}");
        return Err(SegmentEnd::Damaged { offset, what });
    }
    Ok(*head)
}

fn parse<'a>(offset: u64, head: &[u8; HEAD_BYTES], payload: &'a [u8]) -> Result<Record<'a>, SegmentEnd> {
    let length = u32_at(head, 0);
    if payload.len() < length as usize {
        let what = format!("{} bytes of a payload of {length}", payload.len());
        return Err(SegmentEnd::Torn { offset, what });
    }
    let expected = record_checksum(length.to_le_bytes(), &head[8..], payload);
    let found = u32_at(head, 4);
    if expected != found {
        let what = format!("the record's checksum is {found:08x} and should be {expected:08x}");
        return Err(SegmentEnd::Damaged { offset, what });
    }
    Record::parse(head[8], payload)
        .map_err(|fault: RecordFault| SegmentEnd::Damaged { offset, what: fault.to_string() })
}

/// A record that claims more bytes than follow, `rest` with its head: where a whole record is among them nobody was
/// stopped there, and the length is not what was written.
fn told_apart(end: SegmentEnd, claimed: usize, rest: &[u8]) -> SegmentEnd {
    let SegmentEnd::Torn { offset, .. } = end else { return end };
    let (found, claimed) = (rest.len(), claimed - HEAD_BYTES);
    let claim = format!("the record claims {claimed} bytes of {} that follow", found - HEAD_BYTES);
    match whole_record_in(rest) {
        Search::Nothing => end,
        Search::Found(at) => {
            let what = format!("{claim}, and a whole record starts at byte {}", offset + at as u64);
            SegmentEnd::Damaged { offset, what }
        }
        // Too much is kept rather than too little.
        Search::GivenUp => {
            SegmentEnd::Damaged { offset, what: format!("{claim}, which look like records everywhere") }
        }
    }
}

/// What a search for a whole record has found.
enum Search {
    Nothing,
    Found(usize),
    GivenUp,
}

/// Where a whole record starts after the first byte.
fn whole_record_in(bytes: &[u8]) -> Search {
    let mut searched = 0;
    for at in 1..bytes.len() {
        let Some((head, rest)) = bytes[at..].split_first_chunk::<HEAD_BYTES>() else { break };
        let length = u32_at(head, 0) as usize;
        if length > rest.len() || !Record::is_kind(head[8]) {
            continue;
        }
        searched += length + HEAD_BYTES;
        if searched > SEARCHED_BYTES_MAX {
            return Search::GivenUp;
        }
        if u32_at(head, 4) == record_checksum((length as u32).to_le_bytes(), &head[8..], &rest[..length]) {
            return Search::Found(at);
        }
    }
    Search::Nothing
}

/// Fills `bytes` as far as the source goes; gives how many bytes were found.
fn read_up_to(source: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut found = 0;
    while found < bytes.len() {
        match source.read(&mut bytes[found..]) {
            Ok(0) => break,
            Ok(more) => found += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use framekeep_sim::{Outcome, Tick};
    use proptest::prelude::*;

    use super::{SegmentEnd, SegmentReader};
    use crate::{
        EndReason, MatchEnd, MatchStarted, Record, RoomOpened, Seated, SegmentFault, SegmentHeader,
        SegmentWriter, pack_snapshot, sample,
    };

    const HEADER: SegmentHeader = SegmentHeader { node: 0xabc, sequence: 4 };

    /// One record of each kind, with a room number.
    fn life(packed: &[u8]) -> Vec<(u64, Record<'_>)> {
        let opened =
            RoomOpened { name: "hall".into(), game: "drift".into(), seats: 2, ..RoomOpened::default() };
        let seats = vec![Seated { seat: 1, player: 9, name: "bob".into() }];
        let started = Box::new(MatchStarted { epoch: 3, header: sample::header(2) });
        let outcome = Some(Outcome { scores: vec![-1, 2], winner: Some(1) });
        let end = MatchEnd { ticks: Tick(2), hash: 5, outcome, reason: EndReason::Outcome };
        vec![
            (7, Record::RoomOpened(opened)),
            (7, Record::Seats(seats)),
            (7, Record::MatchStarted(started)),
            (7, Record::Frame { tick: Tick(0), delta: &[0b11] }),
            (7, Record::Hash { tick: Tick(0), hash: u64::MAX }),
            (7, Record::Snapshot { tick: Tick(1), hash: 8, packed }),
            (7, Record::MatchEnded { epoch: 3, end }),
            (u64::MAX, Record::RoomClosed),
            (0, Record::CleanShutdown),
        ]
    }

    fn segment(records: &[(u64, Record<'_>)]) -> Vec<u8> {
        let mut writer = SegmentWriter::new(Vec::new(), HEADER);
        for (room, record) in records {
            assert!(writer.append(*room, record));
        }
        writer.flush().unwrap();
        writer.into_inner()
    }

    /// How many whole records there are, and how it ends.
    fn read(bytes: &[u8]) -> Result<(usize, SegmentEnd), SegmentFault> {
        let mut reader = SegmentReader::open(bytes)?;
        let mut count = 0;
        while reader.next_entry()?.is_some() {
            count += 1;
        }
        Ok((count, reader.end().unwrap().clone()))
    }

    #[test]
    fn every_kind_comes_back() {
        let mut packed = Vec::new();
        pack_snapshot(&[5; 300], &mut packed);
        let life = life(&packed);
        let bytes = segment(&life);
        let mut reader = SegmentReader::open(&bytes[..]).unwrap();
        assert_eq!(reader.header(), HEADER);
        for (room, record) in &life {
            let entry = reader.next_entry().unwrap().unwrap();
            assert_eq!((entry.room, &entry.record), (*room, record));
        }
        assert_eq!(reader.next_entry().unwrap(), None);
        assert_eq!(reader.end(), Some(&SegmentEnd::Whole { offset: bytes.len() as u64 }));
    }

    #[test]
    fn a_torn_tail_ends_at_the_last_whole_record() {
        let bytes = segment(&life(&[0; 9]));
        let (mut seen, whole) = (0, read(&bytes).unwrap().0);
        for cut in crate::segment::HEADER_BYTES..bytes.len() {
            let (count, end) = read(&bytes[..cut]).unwrap();
            assert!(count >= seen && count < whole);
            assert!(end.offset() <= cut as u64);
            assert_eq!(matches!(end, SegmentEnd::Whole { .. }), end.offset() == cut as u64, "{end}");
            seen = count;
        }
        for cut in 0..crate::segment::HEADER_BYTES {
            assert!(matches!(read(&bytes[..cut]), Err(SegmentFault::Short(found)) if found == cut));
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let bytes = segment(&life(&[0; 9]));
        let whole = read(&bytes).unwrap().0;
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok((count, end)) = read(&changed) {
                assert!(count < whole && !matches!(end, SegmentEnd::Whole { .. }), "bit {bit}: {end}");
                assert!(end.offset() <= bit as u64 / 8);
            }
        }
    }

    #[test]
    fn records_after_a_header_that_says_nothing_are_read() {
        let life = life(&[0; 9]);
        let bytes = segment(&life);
        for bit in 0..crate::segment::HEADER_BYTES * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&changed).is_err(), "bit {bit}");
            let mut reader = SegmentReader::open_past_header(&changed[..]).unwrap();
            for (room, record) in &life {
                let entry = reader.next_entry().unwrap().unwrap();
                assert_eq!((entry.room, &entry.record), (*room, record));
            }
            assert_eq!(reader.next_entry().unwrap(), None);
        }
        assert!(matches!(SegmentReader::open_past_header(&bytes[..29]), Err(SegmentFault::Short(29))));
    }

    #[test]
    fn the_reasons_are_told() {
        let mut bytes = segment(&[(1, Record::RoomClosed)]);
        bytes.extend_from_slice(&[0xff; 17]);
        assert!(
            read(&bytes).unwrap().1.to_string().contains("at byte 47: the record claims 4294967295 bytes")
        );
        assert!(read(b"GIF89a").unwrap_err().to_string().contains("not a journal segment"));
        // Blocks that a file system had promised and never wrote are zeros.
        bytes.truncate(47);
        bytes.extend_from_slice(&[0; 64]);
        assert!(read(&bytes).unwrap().1.to_string().contains("checksum is 00000000"));
    }

    proptest! {
        #[test]
        fn garbage_is_refused_without_a_panic(
            garbage in proptest::collection::vec(any::<u8>(), 0..600),
            keep in 0_usize..200,
        ) {
            let mut bytes = segment(&life(&[0; 9]));
            bytes.truncate(keep);
            bytes.extend_from_slice(&garbage);
            let _ = read(&bytes);
            let _ = read(&garbage);
        }
    }
}
