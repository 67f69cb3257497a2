//! A chunk: up to [`CHUNK_FRAMES`] frames and the hash after each.
//!
//! Unpacked: `first tick u32, count u32, count hashes u64, frames`. The first frame is coded against the absent
//! frame, so every chunk can be read alone; each further one against the frame before it.

use framekeep_protocol::{decode_frame, encode_frame};
use framekeep_sim::{Frame, Mark, SeatInput, Tick};

use crate::CHUNK_FRAMES;

const HEAD_BYTES: usize = 8;

/// Frames and hashes on their way into a chunk.
#[derive(Clone, Debug)]
pub(crate) struct ChunkBuilder {
    first: Tick,
    count: u32,
    hashes: Vec<u8>,
    frames: Vec<u8>,
    previous: Frame,
    bits: u32,
}

impl ChunkBuilder {
    pub(crate) fn new(seats: u8, bits: u32) -> Self {
        let previous = Frame::absent(Tick(0), seats);
        Self { first: Tick(0), count: 0, hashes: Vec::new(), frames: Vec::new(), previous, bits }
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
        self.hashes.extend_from_slice(&hash.to_le_bytes());
        self.count += 1;
    }

    /// Overwrites `raw` with the chunk and starts the next one.
    pub(crate) fn take(&mut self, raw: &mut Vec<u8>) {
        raw.clear();
        raw.extend_from_slice(&self.first.0.to_le_bytes());
        raw.extend_from_slice(&self.count.to_le_bytes());
        raw.extend_from_slice(&self.hashes);
        raw.extend_from_slice(&self.frames);
        self.first = self.next();
        self.count = 0;
        self.hashes.clear();
        self.frames.clear();
        self.previous = Frame::absent(Tick(0), self.previous.seat_count());
    }
}

/// Reads an unpacked chunk frame by frame.
#[derive(Clone, Debug)]
pub(crate) struct ChunkCursor {
    pub(crate) first: Tick,
    pub(crate) count: u32,
    /// How many frames were read.
    read: u32,
    /// Where the next frame starts.
    at: usize,
    frame: Frame,
    bits: u32,
}

impl ChunkCursor {
    /// A cursor before the first frame of `raw`.
    pub(crate) fn open(raw: &[u8], seats: u8, bits: u32) -> Result<Self, &'static str> {
        let head = raw.first_chunk::<HEAD_BYTES>().ok_or("a chunk is cut short")?;
        let first = Tick(u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
        let count = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if count == 0 || count > CHUNK_FRAMES {
            return Err("a chunk has an impossible number of frames");
        }
        let at = HEAD_BYTES + count as usize * 8;
        if raw.len() < at {
            return Err("a chunk ends within its hashes");
        }
        Ok(Self { first, count, read: 0, at, frame: Frame::absent(first, seats), bits })
    }

    /// Whether every frame was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.read == self.count
    }

    /// The tick of the next frame.
    pub(crate) fn next_tick(&self) -> Tick {
        self.first.later(self.read)
    }

    /// The next frame and the hash after it; `None` after the last. `raw` is the chunk it was opened on.
    pub(crate) fn next(&mut self, raw: &[u8]) -> Option<Result<(&Frame, u64), &'static str>> {
        if self.read == self.count {
            return None;
        }
        let hash = raw.get(HEAD_BYTES + self.read as usize * 8..).and_then(<[u8]>::first_chunk);
        let hash = u64::from_le_bytes(*hash?);
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
            last = frame?.1;
        }
        if self.at == raw.len() { Ok(last) } else { Err("bytes follow the last frame of a chunk") }
    }
}
