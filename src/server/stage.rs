//! `Stage`, the running match of a room.

use std::sync::Arc;
use std::time::Duration;

use bevy_ecs::prelude::Component;
use framekeep_protocol::{EndReason, Epoch};
use framekeep_sim::{AnyGame, AnyMatch, Frame, Outcome, SeatInput, Tick};

use crate::Failure;
use crate::desync::Recall;
use crate::limits::HASHES_KEPT;

/// The running match of a room: one plain value, and what is needed to step it.
#[derive(Component)]
#[require(Recall)]
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
    /// When its last step had ended, since the Unix epoch.
    pub(crate) stepped_at: Duration,
    /// The canonical encoding of the state after the last frame that could be stepped: what is sent and stored, and
    /// what the match is rebuilt from.
    pub(crate) state: Vec<u8>,
    /// The result, once that state has one.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) health: Health,
    /// It stands still until the first of its players is back: its server was killed.
    pub(crate) is_asleep: bool,
    /// It stands still because its room moves to another node.
    pub(crate) is_held: bool,
}

/// How a match's game behaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// What ends the match.
    pub(crate) failure: Option<Failure>,
    /// The panic after which the match was rebuilt and went on, until it is logged.
    pub(crate) recovered: Option<Failure>,
    /// How often it was rebuilt.
    pub(crate) rebuilds: u32,
    /// How much time the match has taken over its share, less what later steps left of theirs.
    pub(crate) over: Duration,
    /// It has used up so much of its budget that it is slowed itself, lest it slow others.
    pub(crate) is_slowed: bool,
    /// How long the last step took, and what was asked of the match since the one before.
    pub(crate) step_took: Duration,
    /// How long the match took to answer since the last step.
    pub(crate) asked_took: Duration,
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
    /// How long after its time a frame may wait for connected seats; zero where it never does.
    pub(crate) wait_max: Duration,
    /// The next frame waits, or has waited.
    pub(crate) waited: bool,
    /// When seats are told next that it does.
    pub(crate) pause_told_at: Duration,
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
    /// How many frames the match has; the tick of the next one. A frame that the game failed at is not part of it.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.hashes.newest()
    }

    /// What ends the match early, if anything does.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.health.failure.as_ref()
    }

    /// Whether the frame committed last could be stepped, and is part of the match.
    pub(crate) fn holds_frame(&self) -> bool {
        self.tick() == self.frame.tick.next()
    }

    /// The last frame that is part of the match.
    #[must_use]
    pub fn last_frame(&self) -> &Frame {
        if self.holds_frame() { &self.frame } else { &self.previous }
    }

    /// How much memory it takes, about. What a game takes cannot be asked; it is counted as much as its encoding.
    pub(crate) fn bytes(&self) -> usize {
        let frames = 2 * usize::from(self.frame.seat_count()) * size_of::<SeatInput>();
        let state = self.state.capacity() + self.state.len();
        size_of::<Self>() + size_of_val(&*self.hashes.hashes) + frames + state + self.content.len()
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

    /// The match itself: state, outcome, view. After a [`failure`](Self::failure) it may be anything.
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

    /// The tick whose hash was added last.
    pub(crate) fn newest(&self) -> Tick {
        Tick(self.end.0.saturating_sub(1))
    }

    pub(crate) fn get(&self, tick: Tick) -> Option<u64> {
        let kept = tick < self.end && self.end.since(tick) <= HASHES_KEPT as u32;
        kept.then(|| self.hashes[tick.0 as usize % HASHES_KEPT])
    }
}
