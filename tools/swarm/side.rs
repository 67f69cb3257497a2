//! `Side`, a bot's part in a match of any game, with or without a simulation.

use std::time::Duration;

use framekeep_protocol::{DesyncAnswer, DesyncAsk, Epoch, MatchEnd, MatchStart, Snapshot};
use framekeep_rollback::{
    Injected, MatchStats, RollbackConfig, RollbackEvent, RollbackMatch, StartError, ThinMatch,
};
use framekeep_sim::{Input, Tick};

use crate::player::Player;

/// A bot's part in a match. What is of no use is counted in the match's own figures.
pub(crate) trait Side {
    fn handle_frames(&mut self, now: Duration, packet: &[u8]);

    /// Says whether the snapshot was taken over.
    fn handle_snapshot(&mut self, now: Duration, snapshot: &Snapshot) -> bool;

    /// What to answer when the server asks where the state began to differ.
    fn explain(&self, ask: DesyncAsk) -> Vec<DesyncAnswer>;

    /// Flips a bit of the state, chosen by `seed`, at the next tick that can take it; says whether there is a state.
    fn flip_bit(&mut self, seed: u64) -> bool;

    /// The bit that was flipped, once.
    fn take_injected(&mut self) -> Option<Injected>;

    fn finish(&mut self, end: &MatchEnd);

    /// Makes the inputs that are due; says whether to ask the server for a snapshot.
    fn advance(&mut self, now: Duration) -> bool;

    fn poll_transmit(&mut self, now: Duration, out: &mut Vec<u8>) -> bool;

    fn wake_at(&self) -> Duration;

    fn epoch(&self) -> Epoch;

    /// The tick of the frame that is needed next.
    fn next(&self) -> Tick;

    fn stats(&self) -> &MatchStats;

    fn stats_mut(&mut self) -> &mut MatchStats;

    /// Whether the match is known well enough to go on with it.
    fn is_ready(&self) -> bool;

    /// The hash of the confirmed state; `None` if nothing is simulated.
    fn confirmed_hash(&self) -> Option<u64>;
}

/// Makes the part of a bot that simulates.
pub(crate) fn simulating<P: Player + 'static>(
    start: &MatchStart,
    seed: u64,
    now: Duration,
    rtt: Duration,
) -> Result<Box<dyn Side>, StartError> {
    let play = RollbackMatch::new(start, RollbackConfig::default(), now, rtt)?;
    Ok(Box::new(Full { play, player: P::new(seed) }))
}

/// Makes the part of a bot that only sends inputs and takes frames.
pub(crate) fn blind<P: Player + 'static>(
    start: &MatchStart,
    seed: u64,
    now: Duration,
    rtt: Duration,
) -> Box<dyn Side> {
    let play = ThinMatch::new(start, RollbackConfig::default(), now, rtt);
    Box::new(Thin { play, player: P::new(seed) })
}

struct Full<P: Player> {
    play: RollbackMatch<P::Game>,
    player: P,
}

impl<P: Player> Side for Full<P> {
    fn handle_frames(&mut self, now: Duration, packet: &[u8]) {
        let _ = self.play.handle_frames(now, packet);
    }

    fn handle_snapshot(&mut self, now: Duration, snapshot: &Snapshot) -> bool {
        self.play.handle_snapshot(now, snapshot).is_ok()
    }

    fn explain(&self, ask: DesyncAsk) -> Vec<DesyncAnswer> {
        self.play.explain(ask)
    }

    fn flip_bit(&mut self, seed: u64) -> bool {
        self.play.flip_bit(seed);
        true
    }

    fn take_injected(&mut self) -> Option<Injected> {
        self.play.take_injected()
    }

    fn finish(&mut self, end: &MatchEnd) {
        self.play.finish(end);
    }

    fn advance(&mut self, now: Duration) -> bool {
        let Self { play, player } = self;
        let seat = play.seat().unwrap_or(0);
        play.advance_with(now, |tick, predicted| player.input(predicted, seat, tick));
        let mut wanted = false;
        while let Some(event) = play.poll_event() {
            wanted |= matches!(event, RollbackEvent::NeedSnapshot { .. });
        }
        wanted
    }

    fn poll_transmit(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        self.play.poll_transmit(now, out)
    }

    fn wake_at(&self) -> Duration {
        self.play.wake_at()
    }

    fn epoch(&self) -> Epoch {
        self.play.epoch()
    }

    fn next(&self) -> Tick {
        self.play.confirmed().tick()
    }

    fn stats(&self) -> &MatchStats {
        self.play.stats()
    }

    fn stats_mut(&mut self) -> &mut MatchStats {
        self.play.stats_mut()
    }

    fn is_ready(&self) -> bool {
        !self.play.is_waiting()
    }

    fn confirmed_hash(&self) -> Option<u64> {
        Some(self.play.confirmed_hash())
    }
}

struct Thin<P> {
    play: ThinMatch,
    player: P,
}

impl<P: Player> Side for Thin<P> {
    fn handle_frames(&mut self, now: Duration, packet: &[u8]) {
        let _ = self.play.handle_frames(now, packet, |_| {});
    }

    fn handle_snapshot(&mut self, now: Duration, snapshot: &Snapshot) -> bool {
        self.play.handle_snapshot(now, snapshot);
        true
    }

    fn explain(&self, _: DesyncAsk) -> Vec<DesyncAnswer> {
        Vec::new()
    }

    fn flip_bit(&mut self, _: u64) -> bool {
        false
    }

    fn take_injected(&mut self) -> Option<Injected> {
        None
    }

    fn finish(&mut self, end: &MatchEnd) {
        self.play.finish(end);
    }

    fn advance(&mut self, now: Duration) -> bool {
        let Self { play, player } = self;
        play.advance(now, |tick| player.blind_input(tick).pack());
        play.needs_snapshot(now)
    }

    fn poll_transmit(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        self.play.poll_transmit(now, out)
    }

    fn wake_at(&self) -> Duration {
        self.play.wake_at()
    }

    fn epoch(&self) -> Epoch {
        self.play.epoch()
    }

    fn next(&self) -> Tick {
        self.play.next()
    }

    fn stats(&self) -> &MatchStats {
        self.play.stats()
    }

    fn stats_mut(&mut self) -> &mut MatchStats {
        self.play.stats_mut()
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn confirmed_hash(&self) -> Option<u64> {
        None
    }
}
