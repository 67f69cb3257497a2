//! `Backlog`, frames that have arrived and are not simulated yet.

use std::collections::VecDeque;

use framekeep_sim::{Frame, Tick};

use crate::limits::BACKLOG_TICKS_MAX;

/// Frames that have arrived and are not simulated yet, in order. As a rule there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backlog {
    waiting: VecDeque<Frame>,
    spare: Vec<Frame>,
}

impl Backlog {
    pub(crate) fn push(&mut self, frame: &Frame) {
        let mut place = self.spare.pop().unwrap_or_default();
        place.copy_from(frame);
        self.waiting.push_back(place);
    }

    pub(crate) fn first(&self) -> Option<&Frame> {
        self.waiting.front()
    }

    pub(crate) fn pop(&mut self) {
        self.spare.extend(self.waiting.pop_front());
    }

    pub(crate) fn forget_before(&mut self, tick: Tick) {
        while self.first().is_some_and(|frame| frame.tick < tick) {
            self.pop();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether one has to go before the next packet.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() > BACKLOG_TICKS_MAX
    }
}
