//! Any bytes as a journal segment, then the same bytes with every checksum made right, to get behind the checksums.
//! What is read can be written again and gives the same bytes.

use framekeep_journal::{Lives, Record, SegmentReader, SegmentWriter};

const HEADER_BYTES: usize = 30;
const HEAD_BYTES: usize = 17;

pub(crate) fn run(data: &[u8]) {
    read(data);
    let mut repaired = data.to_vec();
    if repair(&mut repaired).is_some() {
        read(&repaired);
    }
}

fn read(data: &[u8]) {
    let Ok(mut reader) = SegmentReader::open(data) else { return };
    let mut writer = SegmentWriter::new(Vec::new(), reader.header());
    let (mut state, mut lives) = (Vec::new(), Lives::default());
    while let Ok(Some(entry)) = reader.next_entry() {
        assert!(writer.append(entry.room, &entry.record), "a record that was read is too large to write");
        // Records that do not follow from each other are refused, whatever they say.
        let _ = lives.take(&entry);
        if let Record::Snapshot { packed, .. } = entry.record {
            let _ = Record::unpack_snapshot(packed, &mut state);
        }
    }
    let end = reader.end().map_or(0, |end| end.offset()) as usize;
    assert!(writer.flush().is_ok());
    let written = writer.into_inner();
    // The header says which version wrote it; the records are the same in all.
    let written = written.get(HEADER_BYTES..);
    assert_eq!(written, data.get(HEADER_BYTES..end), "what was read is not what is there");
}

/// Recomputes the checksums of the header and of every record up to the first one that is cut short.
fn repair(data: &mut [u8]) -> Option<()> {
    let checksum = crc32fast::hash(data.get(..HEADER_BYTES - 4)?);
    data.get_mut(HEADER_BYTES - 4..HEADER_BYTES)?.copy_from_slice(&checksum.to_le_bytes());
    let mut at = HEADER_BYTES;
    while let Some(head) = data.get(at..).and_then(<[u8]>::first_chunk::<HEAD_BYTES>) {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(rest) = data.get(at + 8..at + HEAD_BYTES + length) else { break };
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&head[..4]);
        hasher.update(rest);
        data[at + 4..at + 8].copy_from_slice(&hasher.finalize().to_le_bytes());
        at += HEAD_BYTES + length;
    }
    Some(())
}
