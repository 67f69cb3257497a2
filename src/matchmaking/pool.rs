//! `Pool`, the tickets of a mode and tick rate, and how long they waited.

use std::collections::VecDeque;

use crate::QueueView;
use crate::limits::{CONTENTS_MAX, WAITS_KEPT};
use crate::rules::Rules;

/// The tickets of a mode and tick rate.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub(crate) rules: usize,
    pub(crate) tick_rate_hz: u16,
    /// By region and content.
    lanes: Vec<[Option<u32>; CONTENTS_MAX]>,
    pub(crate) tickets: u64,
    pub(crate) players: u64,
    pub(crate) formed: u64,
    matched: u64,
    pub(crate) expired: u64,
    /// How long the last ones waited, in milliseconds.
    waits: VecDeque<u64>,
}

impl Pool {
    pub(crate) fn new(rules: usize, tick_rate_hz: u16) -> Self {
        Self {
            rules,
            tick_rate_hz,
            lanes: Vec::new(),
            tickets: 0,
            players: 0,
            formed: 0,
            matched: 0,
            expired: 0,
            waits: VecDeque::new(),
        }
    }

    /// The lane of a region and content, if there is one.
    pub(crate) fn lane(&self, region: u8, content: u8) -> Option<u32> {
        self.lanes.get(usize::from(region))?.get(usize::from(content)).copied().flatten()
    }

    /// Notes the lane of a region and content.
    pub(crate) fn set_lane(&mut self, region: u8, content: u8, lane: u32) {
        if self.lanes.len() <= usize::from(region) {
            self.lanes.resize(usize::from(region) + 1, [None; CONTENTS_MAX]);
        }
        self.lanes[usize::from(region)][usize::from(content)] = Some(lane);
    }

    /// A ticket has its match.
    pub(crate) fn note_wait(&mut self, waited_ms: u64) {
        self.matched += 1;
        if self.waits.len() == WAITS_KEPT {
            self.waits.pop_front();
        }
        self.waits.push_back(waited_ms);
    }

    /// What so many of 100 of the last tickets waited at most.
    pub(crate) fn wait_ms(&self, of_hundred: usize) -> Option<u64> {
        let mut waits: Vec<u64> = self.waits.iter().copied().collect();
        waits.sort_unstable();
        let last = waits.len().checked_sub(1)?;
        waits.get((waits.len() * of_hundred / 100).min(last)).copied()
    }

    pub(crate) fn view(&self, rules: &Rules) -> QueueView {
        QueueView {
            game: rules.mode.game.clone(),
            mode: rules.mode.name.clone(),
            tick_rate_hz: self.tick_rate_hz,
            tickets: self.tickets,
            players: self.players,
            formed: self.formed,
            matched: self.matched,
            expired: self.expired,
            wait_ms_p50: self.wait_ms(50),
            wait_ms_p99: self.wait_ms(99),
        }
    }
}
