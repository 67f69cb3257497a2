//! `Recall`, the last ticks of a running match: from it the server makes its own state of a past tick again.

use std::collections::VecDeque;
use std::sync::Arc;

use bevy_ecs::prelude::{Component, Query, Res};
use framekeep_protocol::{decode_frame, encode_frame};
use framekeep_sim::{Frame, Tick};

use crate::Stage;
use crate::limits::{RECALL_BLOCK_TICKS, RECALL_BLOCKS, RECALL_BYTES_MAX};
use crate::schedule::DueRooms;

/// A state, and the frames that follow it.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The tick of the first frame.
    pub(super) first: Tick,
    /// The canonical encoding of the state before it.
    pub(super) state: Vec<u8>,
    /// The frame before it.
    before: Frame,
    /// The frames, each coded against the one before it.
    deltas: Vec<u8>,
    /// How many there are.
    ticks: u32,
}

impl Block {
    fn new(first: Tick, before: &Frame, state: &[u8]) -> Self {
        Self { first, state: state.to_vec(), before: before.clone(), deltas: Vec::new(), ticks: 0 }
    }

    /// The tick after the last frame.
    fn end(&self) -> Tick {
        self.first.later(self.ticks)
    }

    /// Hands every frame on, in order.
    fn each_frame(&self, bits: u32, mut each: impl FnMut(&Frame)) {
        let (mut frame, mut rest) = (self.before.clone(), &self.deltas[..]);
        for index in 0..self.ticks {
            let Ok(used) = decode_frame(rest, &mut frame, bits) else { return };
            rest = rest.get(used..).unwrap_or_default();
            frame.tick = self.first.later(index);
            each(&frame);
        }
    }
}

/// The last ticks of a running match: at least [`RECALL_BLOCKS`] blocks of [`RECALL_BLOCK_TICKS`] ticks, fewer where
/// states are large.
#[derive(Component, Debug, Default)]
pub(crate) struct Recall {
    closed: VecDeque<Arc<Block>>,
    open: Option<Block>,
}

impl Recall {
    /// What a match begins with: its state before the frame of `first`.
    pub(crate) fn begin(first: Tick, before: &Frame, state: &[u8]) -> Self {
        Self { closed: VecDeque::new(), open: Some(Block::new(first, before, state)) }
    }

    /// Adds a frame, the one before it, and the state after it.
    fn push(&mut self, before: &Frame, frame: &Frame, bits: u32, state: &[u8]) {
        let next = frame.tick.next();
        let Some(open) = self.open.as_mut().filter(|open| open.end() == frame.tick) else {
            *self = Self::begin(next, frame, state);
            return;
        };
        encode_frame(before, frame, bits, &mut open.deltas);
        open.ticks += 1;
        if open.ticks < RECALL_BLOCK_TICKS {
            return;
        }
        let full = std::mem::replace(open, Block::new(next, frame, state));
        self.closed.push_back(Arc::new(full));
        let fitting = (RECALL_BYTES_MAX / state.len().max(1)).clamp(1, RECALL_BLOCKS);
        while self.closed.len() > fitting {
            self.closed.pop_front();
        }
    }

    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let blocks = self.closed.iter().map(AsRef::as_ref).chain(&self.open);
        blocks.map(|block| size_of::<Block>() + block.state.capacity() + block.deltas.capacity()).sum()
    }

    /// What is known now, to be looked at while the match goes on.
    pub(super) fn blocks(&self) -> Vec<Arc<Block>> {
        self.closed.iter().cloned().chain(self.open.clone().map(Arc::new)).collect()
    }
}

/// The frames from the latest known state at or before `from`, up to `end`: that state's block, and the frames.
pub(super) fn frames_between(
    blocks: &[Arc<Block>],
    from: Tick,
    end: Tick,
    bits: u32,
) -> Option<(&Block, Vec<Frame>)> {
    let at = blocks.iter().rposition(|block| block.first <= from).unwrap_or(0);
    let start = blocks.get(at).filter(|block| block.first <= end)?;
    let mut frames = Vec::new();
    for block in &blocks[at..] {
        block.each_frame(bits, |frame| {
            if frame.tick < end {
                frames.push(frame.clone());
            }
        });
    }
    (start.first.later(frames.len() as u32) == end).then_some((start.as_ref(), frames))
}

/// Adds the frames of this pump.
pub(super) fn remember_frames(due: Res<DueRooms>, mut rooms: Query<(&Stage, &mut Recall)>) {
    for &room in &due.due {
        let Ok((stage, mut recall)) = rooms.get_mut(room) else { continue };
        if stage.fresh && stage.holds_frame() {
            recall.push(&stage.previous, &stage.frame, stage.game.input_bits(), &stage.state);
        }
    }
}

#[cfg(test)]
mod tests {
    use framekeep_sim::SeatInput;

    use super::*;

    fn frame(tick: u32) -> Frame {
        let mut frame = Frame::absent(Tick(tick), 2);
        if !tick.is_multiple_of(3) {
            frame.set(1, SeatInput::arrived(u64::from(tick % 7)));
        }
        frame
    }

    fn played(ticks: u32) -> Recall {
        let mut recall = Recall::begin(Tick(0), &Frame::absent(Tick(0), 2), &[0]);
        for tick in 0..ticks {
            let before = if tick == 0 { Frame::absent(Tick(0), 2) } else { frame(tick - 1) };
            recall.push(&before, &frame(tick), 12, &(tick + 1).to_le_bytes());
        }
        recall
    }

    #[test]
    fn the_last_frames_come_back_from_the_latest_state_before_them() {
        let blocks = played(1_000).blocks();
        assert_eq!(blocks.len(), RECALL_BLOCKS + 1);
        for (from, end) in [(850, 990), (999, 1_000), (1_000, 1_000), (800, 801)] {
            let (block, frames) = frames_between(&blocks, Tick(from), Tick(end), 12).unwrap();
            assert!(block.first <= Tick(from));
            assert_eq!(block.state, block.first.0.to_le_bytes(), "a state is the one before its block");
            let expected: Vec<Frame> = (block.first.0..end).map(frame).collect();
            assert_eq!(frames, expected);
        }
        assert!(frames_between(&blocks, Tick(900), Tick(1_001), 12).is_none(), "not played yet");
        let oldest = blocks[0].first;
        let (block, _) = frames_between(&blocks, Tick(1), oldest.later(5), 12).unwrap();
        assert_eq!(block.first, oldest, "as far back as it goes");
        assert!(frames_between(&blocks, Tick(1), Tick(2), 12).is_none(), "forgotten");
    }

    #[test]
    fn a_missing_frame_begins_anew() {
        let mut recall = played(10);
        recall.push(&frame(19), &frame(20), 12, &[9]);
        let blocks = recall.blocks();
        assert_eq!((blocks.len(), blocks[0].first, blocks[0].state[0]), (1, Tick(21), 9));
    }

    #[test]
    fn large_states_are_kept_less_often() {
        let mut recall = Recall::begin(Tick(0), &Frame::absent(Tick(0), 2), &[0]);
        let large = vec![0; RECALL_BYTES_MAX / 2];
        for tick in 0..RECALL_BLOCK_TICKS * 6 {
            recall.push(&frame(tick.saturating_sub(1)), &frame(tick), 12, &large);
        }
        assert_eq!(recall.blocks().len(), 3);
    }
}
