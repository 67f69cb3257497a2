//! `Play`, a bot's part in a match and how that match ended.

use std::time::Duration;

use framekeep_protocol::{DesyncAnswer, DesyncAsk, Epoch, MatchEnd, MatchStart, Snapshot};
use framekeep_rollback::{Injected, MatchStats, StartError};
use framekeep_sim::Tick;

use crate::player::GameChoice;
use crate::side::Side;

/// A bot's part in a match.
pub(crate) struct Play {
    side: Box<dyn Side>,
    end: Option<MatchEnd>,
}

impl Play {
    pub(crate) fn new(
        game: GameChoice,
        start: &MatchStart,
        thin: bool,
        seed: u64,
        now: Duration,
        rtt: Duration,
    ) -> Result<Self, StartError> {
        Ok(Self { side: game.side(start, thin, seed, now, rtt)?, end: None })
    }

    pub(crate) fn handle_frames(&mut self, now: Duration, packet: &[u8]) {
        self.side.handle_frames(now, packet);
    }

    /// Says whether the snapshot was taken over.
    pub(crate) fn handle_snapshot(&mut self, now: Duration, snapshot: &Snapshot) -> bool {
        self.side.handle_snapshot(now, snapshot)
    }

    /// What to answer when the server asks where the state began to differ.
    pub(crate) fn explain(&self, ask: DesyncAsk) -> Vec<DesyncAnswer> {
        self.side.explain(ask)
    }

    /// Flips a bit of the state, chosen by `seed`; says whether there is a state.
    pub(crate) fn flip_bit(&mut self, seed: u64) -> bool {
        self.side.flip_bit(seed)
    }

    /// The bit that was flipped, once.
    pub(crate) fn take_injected(&mut self) -> Option<Injected> {
        self.side.take_injected()
    }

    pub(crate) fn finish(&mut self, end: MatchEnd) {
        self.side.finish(&end);
        self.end = Some(end);
    }

    /// Makes the inputs that are due; says whether to ask the server for a snapshot.
    pub(crate) fn advance(&mut self, now: Duration) -> bool {
        self.side.advance(now)
    }

    pub(crate) fn poll_transmit(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        self.side.poll_transmit(now, out)
    }

    pub(crate) fn wake_at(&self) -> Duration {
        self.side.wake_at()
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.side.epoch()
    }

    /// The tick of the frame that is needed next.
    pub(crate) fn next(&self) -> Tick {
        self.side.next()
    }

    pub(crate) fn stats(&self) -> &MatchStats {
        self.side.stats()
    }

    pub(crate) fn stats_mut(&mut self) -> &mut MatchStats {
        self.side.stats_mut()
    }

    /// Whether the state is here and frames move it on.
    pub(crate) fn is_running(&self) -> bool {
        self.side.is_ready() && self.stats().frames > 0
    }

    /// Whether the match is over.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// How the match ended, if it did.
    pub(crate) fn end(&self) -> Option<&MatchEnd> {
        self.end.as_ref()
    }

    /// Once the match is over and every frame is here: whether the state equals the server's. A bot that does not
    /// simulate takes its word for it.
    pub(crate) fn verdict(&self) -> Option<bool> {
        let end = self.end.as_ref().filter(|end| self.next() >= end.ticks)?;
        Some(self.side.confirmed_hash().is_none_or(|hash| hash == end.hash))
    }

    /// How many frames of a match that is over are not here.
    pub(crate) fn missing(&self) -> u64 {
        self.end.as_ref().map_or(0, |end| end.ticks.since(self.next()).into())
    }
}
