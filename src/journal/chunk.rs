//! A chunk: up to [`CHUNK_FRAMES`] frames and the hash after each.
//!
//! Unpacked: `first tick u32, count u32, hash after the last frame u64, count low halves of hashes u32, frames`;
//! format 1 had `first tick u32, count u32, count hashes u64, frames`. The first frame is coded against the absent
//! frame, so every chunk can be read alone; each further one against the frame before it.

use framekeep_protocol::{decode_frame, encode_frame};
use framekeep_sim::{Frame, Mark, SeatInput, Tick};

use crate::{CHUNK_FRAMES, TickHash};

const HEAD_BYTES: usize = 8;
/// Bytes of a whole hash.
const HASH_BYTES: usize = 8;
/// Bytes of what is kept of a hash.
const LOW_BYTES: usize = 4;

/// Frames and hashes on their way into a chunk.
#[derive(Clone, Debug)]
pub(crate) struct ChunkBuilder {
    first: Tick,
    count: u32,
    hash: u64,
    hashes: Vec<u8>,
    frames: Vec<u8>,
    previous: Frame,
    bits: u32,
}

impl ChunkBuilder {
    /// No frames; the first one will be of that tick.
    pub(crate) fn new(first: Tick, seats: u8, bits: u32) -> Self {
        let previous = Frame::absent(Tick(0), seats);
        Self { first, count: 0, hash: 0, hashes: Vec::new(), frames: Vec::new(), previous, bits }
    }

    /// The tick of the next frame.
    pub(crate) fn next(&self) -> Tick {
        self.first.later(self.count)
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count == CHUNK_FRAMES
    }

    /// Adds a frame, which must have the next tick and the right seats, and the hash after it.
    pub(crate) fn push(&mut self, frame: &Frame, hash: u64) {
        encode_frame(&self.previous, frame, self.bits, &mut self.frames);
        self.previous.copy_from(frame);
        for seat in 0..frame.seat_count() {
            // What an absent seat carries along is not coded, so the next frame must not build on it.
            if frame.seat(seat).mark == Mark::Absent {
                self.previous.set(seat, SeatInput::ABSENT);
            }
        }
        self.hash = hash;
        self.hashes.extend_from_slice(&(hash as u32).to_le_bytes());
        self.count += 1;
    }

    /// Overwrites `raw` with the chunk as far as it has come.
    pub(crate) fn copy(&self, raw: &mut Vec<u8>) {
        raw.clear();
        raw.extend_from_slice(&self.first.0.to_le_bytes());
        raw.extend_from_slice(&self.count.to_le_bytes());
        raw.extend_from_slice(&self.hash.to_le_bytes());
        raw.extend_from_slice(&self.hashes);
        raw.extend_from_slice(&self.frames);
    }

    /// Overwrites `raw` with the chunk and starts the next one.
    pub(crate) fn take(&mut self, raw: &mut Vec<u8>) {
        self.copy(raw);
        self.first = self.next();
        self.count = 0;
        self.hashes.clear();
        self.frames.clear();
        self.previous = Frame::absent(Tick(0), self.previous.seat_count());
    }
}

/// How a chunk keeps its hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Whole.
    One,
    /// The last one whole, and the low half of each.
    Two,
}

impl Format {
    fn hash_bytes(self, count: u32) -> usize {
        match self {
            Self::One => count as usize * HASH_BYTES,
            Self::Two => HASH_BYTES + count as usize * LOW_BYTES,
        }
    }
}

/// Reads an unpacked chunk frame by frame.
#[derive(Clone, Debug)]
pub(crate) struct ChunkCursor {
    pub(crate) first: Tick,
    pub(crate) count: u32,
    /// How many frames were read.
    read: u32,
    format: Format,
    /// Where the next frame starts.
    at: usize,
    frame: Frame,
    bits: u32,
}

impl ChunkCursor {
    /// A cursor before the first frame of `raw`, a chunk of a file of this version.
    pub(crate) fn open(raw: &[u8], version: u16, seats: u8, bits: u32) -> Result<Self, &'static str> {
        let head = raw.first_chunk::<HEAD_BYTES>().ok_or("a chunk is cut short")?;
        let first = Tick(u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
        let count = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if count == 0 || count > CHUNK_FRAMES {
            return Err("a chunk has an impossible number of frames");
        }
        let format = if version == 1 { Format::One } else { Format::Two };
        let at = HEAD_BYTES + format.hash_bytes(count);
        if raw.len() < at {
            return Err("a chunk ends within its hashes");
        }
        let cursor = Self { first, count, read: 0, format, at, frame: Frame::absent(first, seats), bits };
        match (cursor.hash(raw, count - 1), cursor.low_of_last(raw)) {
            (Some(TickHash::Full(last)), Some(low)) if last as u32 == low => Ok(cursor),
            _ => Err("a chunk keeps two different hashes of its last tick"),
        }
    }

    /// Whether every frame was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.read == self.count
    }

    /// The tick of the next frame.
    pub(crate) fn next_tick(&self) -> Tick {
        self.first.later(self.read)
    }

    /// What is kept of the hash after the frame of that number.
    fn hash(&self, raw: &[u8], number: u32) -> Option<TickHash> {
        let whole = |at: usize| raw.get(at..)?.first_chunk().map(|hash| u64::from_le_bytes(*hash));
        match self.format {
            Format::One => whole(HEAD_BYTES + number as usize * HASH_BYTES).map(TickHash::Full),
            Format::Two if number + 1 == self.count => whole(HEAD_BYTES).map(TickHash::Full),
            Format::Two => low_at(raw, number).map(TickHash::Low),
        }
    }

    /// The low half of the last hash, which format 2 keeps twice.
    fn low_of_last(&self, raw: &[u8]) -> Option<u32> {
        match self.format {
            Format::One => self.hash(raw, self.count - 1).map(TickHash::low),
            Format::Two => low_at(raw, self.count - 1),
        }
    }

    /// The next frame and the hash after it; `None` after the last. `raw` is the chunk it was opened on.
    pub(crate) fn next(&mut self, raw: &[u8]) -> Option<Result<(&Frame, TickHash), &'static str>> {
        if self.read == self.count {
            return None;
        }
        let hash = self.hash(raw, self.read)?;
        let rest = raw.get(self.at..).unwrap_or_default();
        let Ok(used) = decode_frame(rest, &mut self.frame, self.bits) else {
            return Some(Err("a chunk holds bytes that are no frame"));
        };
        self.frame.tick = self.first.later(self.read);
        self.at += used;
        self.read += 1;
        Some(Ok((&self.frame, hash)))
    }

    /// Reads to the end, where all bytes must be used; gives the last hash.
    pub(crate) fn check(&mut self, raw: &[u8]) -> Result<u64, &'static str> {
        let mut last = 0;
        while let Some(frame) = self.next(raw) {
            if let TickHash::Full(hash) = frame?.1 {
                last = hash;
            }
        }
        if self.at == raw.len() { Ok(last) } else { Err("bytes follow the last frame of a chunk") }
    }
}

fn low_at(raw: &[u8], number: u32) -> Option<u32> {
    let at = HEAD_BYTES + HASH_BYTES + number as usize * LOW_BYTES;
    raw.get(at..)?.first_chunk().map(|low| u32::from_le_bytes(*low))
}

#[cfg(test)]
mod tests {
    use framekeep_sim::{Frame, SeatInput, Tick};

    use super::{ChunkBuilder, ChunkCursor};
    use crate::TickHash;

    const DOCUMENT: &str = include_str!("../../docs/PROTOCOL.md");

    fn two_frames() -> Vec<u8> {
        let (mut builder, mut frame, mut raw) =
            (ChunkBuilder::new(Tick(0), 1, 8), Frame::absent(Tick(0), 1), Vec::new());
        for hash in [0x1122_3344_5566_7788, 0x99aa_bbcc_ddee_ff00] {
            frame.set(0, SeatInput::arrived(0x21));
            builder.push(&frame, hash);
            frame.tick = frame.tick.next();
        }
        builder.take(&mut raw);
        raw
    }

    #[test]
    fn the_document_shows_a_chunk() {
        let hex: Vec<_> = two_frames().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(DOCUMENT.contains(&hex.join(" ")), "docs/PROTOCOL.md does not show {}", hex.join(" "));
    }

    #[test]
    fn the_last_hash_is_whole_and_the_others_half() {
        let raw = two_frames();
        let mut cursor = ChunkCursor::open(&raw, 2, 1, 8).unwrap();
        assert_eq!(cursor.next(&raw).unwrap().unwrap().1, TickHash::Low(0x5566_7788));
        assert_eq!(cursor.next(&raw).unwrap().unwrap().1, TickHash::Full(0x99aa_bbcc_ddee_ff00));
        let mut other = raw.clone();
        other[20] ^= 1;
        assert!(ChunkCursor::open(&other, 2, 1, 8).is_err(), "two hashes of one tick");
    }
}
