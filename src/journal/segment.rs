//! `SegmentWriter`, records appended in batches.

use std::io::{self, Write};

use crate::{RECORD_BYTES_MAX, Record};

/// The version of the segment format that this crate writes; it reads this one and those before.
pub const SEGMENT_VERSION: u16 = 3;

pub(crate) const MAGIC: [u8; 8] = *b"FKSEGMNT";

/// Bytes of the segment's header: magic, version, node, sequence, checksum.
pub(crate) const HEADER_BYTES: usize = 8 + 2 + 8 + 8 + 4;

/// Bytes before a record's payload: length, checksum, kind, room.
pub(crate) const HEAD_BYTES: usize = 4 + 4 + 1 + 8;

/// Whose segment it is, and which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The node that wrote it.
    pub node: u64,
    /// Its place among the node's segments; counts up.
    pub sequence: u64,
}

impl SegmentHeader {
    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&SEGMENT_VERSION.to_le_bytes());
        bytes[10..18].copy_from_slice(&self.node.to_le_bytes());
        bytes[18..26].copy_from_slice(&self.sequence.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..26]);
        bytes[26..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

/// The checksum of a record: CRC-32 (IEEE 802.3) over length, kind, room and payload.
pub(crate) fn record_checksum(length: [u8; 4], kind_and_room: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(kind_and_room);
    hasher.update(payload);
    hasher.finalize()
}

/// Appends records to a sink in batches: group commit.
///
/// [`append`](Self::append) only fills a buffer, which is reused; [`flush`](Self::flush) writes it with one call.
/// Making it durable (`fsync`) is the caller's, through [`get_mut`](Self::get_mut). After a failed write the
/// segment is poisoned: how much of the batch arrived is unknown, so nothing more may follow it.
///
/// ```
/// use framekeep_journal::{Record, SegmentHeader, SegmentReader, SegmentWriter};
/// use framekeep_sim::Tick;
/// let mut writer = SegmentWriter::new(Vec::new(), SegmentHeader { node: 1, sequence: 0 });
/// writer.append(7, &Record::Hash { tick: Tick(3), hash: 0xfeed });
/// writer.flush().unwrap();
/// let bytes = writer.into_inner();
///
/// let mut reader = SegmentReader::open(&bytes[..]).unwrap();
/// let entry = reader.next_entry().unwrap().unwrap();
/// assert_eq!((entry.room, entry.record), (7, Record::Hash { tick: Tick(3), hash: 0xfeed }));
/// ```
#[derive(Debug)]
pub struct SegmentWriter<W> {
    sink: W,
    batch: Vec<u8>,
    written: u64,
    poisoned: bool,
}

impl<W: Write> SegmentWriter<W> {
    /// A segment whose header is the first thing in the batch.
    pub fn new(sink: W, header: SegmentHeader) -> Self {
        Self { sink, batch: header.to_bytes().to_vec(), written: 0, poisoned: false }
    }

    /// Adds a record to the batch; false if its payload is over [`RECORD_BYTES_MAX`], and nothing is added then.
    pub fn append(&mut self, room: u64, record: &Record<'_>) -> bool {
        let start = self.batch.len();
        self.batch.extend_from_slice(&[0; HEAD_BYTES]);
        record.encode_payload(&mut self.batch);
        let length = self.batch.len() - start - HEAD_BYTES;
        if length > RECORD_BYTES_MAX {
            self.batch.truncate(start);
            return false;
        }
        let (head, payload) = self.batch[start..].split_at_mut(HEAD_BYTES);
        let length = (length as u32).to_le_bytes();
        head[..4].copy_from_slice(&length);
        head[8] = record.kind();
        head[9..].copy_from_slice(&room.to_le_bytes());
        let checksum = record_checksum(length, &head[8..], payload);
        head[4..8].copy_from_slice(&checksum.to_le_bytes());
        true
    }

    /// Bytes that are appended and not yet written.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.batch.len()
    }

    /// Bytes that were written so far; the segment's length when nothing is pending.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.written
    }

    /// Writes the batch and empties it; gives how many bytes it had.
    ///
    /// # Errors
    /// What the sink says; the segment is poisoned from then on, and every further call fails.
    pub fn flush(&mut self) -> io::Result<usize> {
        if self.poisoned {
            return Err(io::Error::other("the segment is poisoned by an earlier failed write"));
        }
        let written = self.sink.write_all(&self.batch).and_then(|()| self.sink.flush());
        if let Err(error) = written {
            self.poisoned = true;
            return Err(error);
        }
        let bytes = self.batch.len();
        self.written += bytes as u64;
        self.batch.clear();
        Ok(bytes)
    }

    /// Marks the segment as unusable: to be called when making it durable failed.
    pub fn poison(&mut self) {
        self.poisoned = true;
    }

    /// The sink, to make what was written durable.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.sink
    }

    /// The sink; what is pending is lost.
    pub fn into_inner(self) -> W {
        self.sink
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use super::{SegmentHeader, SegmentWriter};
    use crate::Record;

    /// A disk that is full after some bytes.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_failed_write_poisons_the_segment() {
        let mut writer = SegmentWriter::new(Full(40), SegmentHeader::default());
        assert_eq!(writer.flush().unwrap(), 30);
        assert!(writer.append(1, &Record::RoomClosed));
        assert_eq!(writer.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
        writer.get_mut().0 = 1_000;
        assert!(writer.flush().unwrap_err().to_string().contains("poisoned"));
        assert_eq!(writer.written_bytes(), 30);
    }

    #[test]
    fn the_batch_keeps_its_memory() {
        let mut writer = SegmentWriter::new(io::sink(), SegmentHeader::default());
        writer.append(1, &Record::RoomClosed);
        writer.flush().unwrap();
        let capacity = writer.batch.capacity();
        for _ in 0..1_000 {
            writer.append(1, &Record::RoomClosed);
            writer.flush().unwrap();
        }
        assert_eq!(writer.batch.capacity(), capacity);
    }
}
