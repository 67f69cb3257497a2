//! `Held`, frames that are not sent before they are durable.

use std::collections::VecDeque;
use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity, Resource};
use framekeep_sim::Tick;

/// What the journal has of a room.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journaled {
    /// Frames before this tick may be sent.
    pub(crate) sendable: Tick,
    /// Frames go out without waiting for the disk, which was too slow or lost records of the room.
    pub(crate) is_behind: bool,
    /// The last batch with a frame that was sent before it was durable.
    pub(super) unheld: u64,
    /// Every frame before this tick was durable when it was sent; of a room that is behind.
    pub(super) durable_to: Tick,
    /// How often records had been lost when the room was told whole.
    pub(super) told: u64,
}

impl Journaled {
    /// A room whose journal begins when records had been lost so often.
    pub(super) fn new(told: u64) -> Self {
        let (sendable, durable_to) = (Tick(u32::MAX), Tick(0));
        Self { sendable, is_behind: false, unheld: 0, durable_to, told }
    }

    /// Whether all that was sent is durable, if that is so up to this batch and records were lost so often.
    pub(super) fn is_durable(&self, durable: u64, holes: u64) -> bool {
        !self.is_behind && self.told == holes && self.unheld <= durable
    }

    /// Frames are sent from now on that are not durable; gives whether all were before.
    pub(super) fn fall_behind(&mut self, durable: u64) -> bool {
        let is_news = !self.is_behind && self.unheld <= durable;
        if is_news {
            self.durable_to = self.sendable;
        }
        self.is_behind = true;
        is_news
    }
}

/// Rooms that send frames in this pump.
#[derive(Resource, Default)]
pub(crate) struct Outgoing(pub(crate) Vec<Entity>);

/// A room and its newest frame in a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldFrame {
    pub(super) room: Entity,
    /// The tick after the frame.
    pub(super) next: Tick,
    /// How long it may be held: a tick of the room.
    pub(super) period: Duration,
}

/// A batch that is not durable yet.
struct HeldBatch {
    number: u64,
    at: Duration,
    frames: Vec<HeldFrame>,
}

/// Batches on the way to the disk, with the frames that wait for them.
#[derive(Default)]
pub(super) struct Held {
    batches: VecDeque<HeldBatch>,
    spare: Vec<Vec<HeldFrame>>,
    /// Frames of the batch that is being filled.
    pub(super) filling: Vec<HeldFrame>,
}

impl Held {
    /// The batch that was being filled is handed over.
    pub(super) fn hand_over(&mut self, number: u64, at: Duration) {
        let next = self.spare.pop().unwrap_or_default();
        let frames = std::mem::replace(&mut self.filling, next);
        self.batches.push_back(HeldBatch { number, at, frames });
    }

    /// Gives the frames of batches that are durable.
    pub(super) fn release(&mut self, durable: u64, mut release: impl FnMut(HeldFrame)) {
        while self.batches.front().is_some_and(|batch| batch.number <= durable) {
            let Some(mut batch) = self.batches.pop_front() else { return };
            batch.frames.drain(..).for_each(&mut release);
            if self.spare.len() < 8 {
                self.spare.push(batch.frames);
            }
        }
    }

    /// Gives the frames that have been held for as long as they may be, and the number of their batch.
    pub(super) fn release_late(&mut self, now: Duration, mut release: impl FnMut(HeldFrame, u64)) {
        for batch in &mut self.batches {
            let (held, number) = (now.saturating_sub(batch.at), batch.number);
            batch.frames.retain(|frame| {
                let is_late = held >= frame.period;
                if is_late {
                    release(*frame, number);
                }
                !is_late
            });
        }
    }

    /// For how long the oldest batch has been on its way to the disk.
    pub(super) fn lag(&self, now: Duration) -> Duration {
        self.batches.front().map_or(Duration::ZERO, |batch| now.saturating_sub(batch.at))
    }

    /// Whether a frame waits.
    pub(super) fn holds_any(&self) -> bool {
        self.batches.iter().any(|batch| !batch.frames.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn frame(room: u32, next: u32) -> HeldFrame {
        let room = Entity::from_raw_u32(room).unwrap();
        HeldFrame { room, next: Tick(next), period: ms(33) }
    }

    #[test]
    fn frames_are_held_until_their_batch_is_durable_and_a_tick_at_most() {
        let mut held = Held::default();
        for number in 1..=4_u32 {
            held.filling.push(frame(number, number));
            held.hand_over(number.into(), ms(10 * u64::from(number)));
        }
        let mut out = Vec::new();
        held.release(2, |frame| out.push(frame.next.0));
        assert_eq!(out, [1, 2]);
        assert_eq!(held.lag(ms(50)), ms(20));
        held.release_late(ms(64), |frame, number| {
            assert_eq!(number, u64::from(frame.next.0));
            out.push(frame.next.0);
        });
        assert_eq!(out, [1, 2, 3], "the third has waited for 34 ms, the fourth for 24");
        assert!(held.holds_any());
        held.release(4, |frame| out.push(frame.next.0));
        assert_eq!(out, [1, 2, 3, 4], "none is given twice");
        assert_eq!(held.lag(ms(99)), ms(0));
    }
}
