//! `Frames`, the frames of a replay one after the other.

use framekeep_sim::{Frame, Tick};

use crate::chunk::ChunkCursor;
use crate::{Replay, TickHash};

/// The frames of a replay and the hash after each; unpacks one chunk at a time.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    replay: &'a Replay,
    raw: Vec<u8>,
    cursor: Option<ChunkCursor>,
    next_chunk: usize,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(replay: &'a Replay, from: Tick) -> Self {
        let mut frames = Self { replay, raw: Vec::new(), cursor: None, next_chunk: replay.chunk_of(from) };
        while frames.next_tick().is_some_and(|tick| tick < from) {
            frames.next_frame();
        }
        frames
    }

    /// The next frame and the hash of the state after it; `None` after the last.
    pub fn next_frame(&mut self) -> Option<(&Frame, TickHash)> {
        self.next_tick()?;
        self.cursor.as_mut()?.next(&self.raw)?.ok()
    }

    /// The tick of the next frame.
    fn next_tick(&mut self) -> Option<Tick> {
        if self.cursor.as_ref().is_none_or(ChunkCursor::is_at_end) {
            self.cursor = self.replay.open_chunk(self.next_chunk, &mut self.raw);
            self.next_chunk += 1;
        }
        self.cursor.as_ref().map(ChunkCursor::next_tick)
    }
}
