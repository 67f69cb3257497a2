//! `Stage`, the running match of a room.

use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::prelude::Component;
use framekeep_protocol::{EndReason, Epoch};
use framekeep_sim::{AnyGame, AnyMatch, Frame, Outcome, Tick};

use crate::limits::HASHES_KEPT;

/// The running match of a room: one plain value, and what is needed to step it.
#[derive(Component)]
pub struct Stage {
    pub(crate) game: Arc<dyn AnyGame>,
    pub(crate) play: Box<dyn AnyMatch>,
    /// Which match of the room, modulo 16.
    pub(crate) epoch: Epoch,
    pub(crate) seed: u64,
    /// When it started, since the Unix epoch.
    pub(crate) started_at: Duration,
    pub(crate) content: Arc<[u8]>,
    /// The frame committed last.
    pub(crate) frame: Frame,
    /// The frame before it.
    pub(crate) previous: Frame,
    pub(crate) hashes: HashRing,
    pub(crate) timing: Timing,
    pub(crate) ending: Option<Ending>,
    /// Whether this pump committed a frame for the room.
    pub(crate) fresh: bool,
    /// The game panicked in its last step.
    pub(crate) panicked: bool,
}

/// When frames are committed and sent.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// When the next frame is committed.
    pub(crate) due: Duration,
    /// Time between two frames.
    pub(crate) period: Duration,
    pub(crate) rate_hz: u16,
    pub(crate) send_every_ticks: u8,
    pub(crate) repeat_ticks_max: u8,
}

/// A match that is over and still sends its last frames.
#[derive(Clone, Debug)]
pub struct Ending {
    pub(crate) reason: EndReason,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) hash: u64,
    pub(crate) until: Duration,
}

impl Stage {
    /// How many frames are committed; the tick of the next one.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.play.tick()
    }

    /// Whether the match is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ending.is_some()
    }

    /// The hash of the state after all frames before `tick`, while it is kept.
    #[must_use]
    pub fn hash_at(&self, tick: Tick) -> Option<u64> {
        self.hashes.get(tick)
    }

    /// The match itself: state, outcome, view.
    #[must_use]
    pub fn play(&self) -> &dyn AnyMatch {
        self.play.as_ref()
    }
}

/// The hashes of the last ticks.
#[derive(Clone, Debug)]
pub(crate) struct HashRing {
    hashes: Box<[u64]>,
    /// The tick after the newest.
    end: Tick,
}

impl HashRing {
    pub(crate) fn new() -> Self {
        Self { hashes: vec![0; HASHES_KEPT].into_boxed_slice(), end: Tick(0) }
    }

    /// Adds the hash of the state after all frames before `tick`; ticks come in order from 0.
    pub(crate) fn push(&mut self, tick: Tick, hash: u64) {
        self.hashes[tick.0 as usize % HASHES_KEPT] = hash;
        self.end = tick.next();
    }

    pub(crate) fn get(&self, tick: Tick) -> Option<u64> {
        let kept = tick < self.end && self.end.since(tick) <= HASHES_KEPT as u32;
        kept.then(|| self.hashes[tick.0 as usize % HASHES_KEPT])
    }
}
