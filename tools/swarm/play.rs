//! `Play`, a bot's part in a match, with or without a simulation.

use std::time::Duration;

use framekeep_games::arena::{Arena, ArenaBot};
use framekeep_protocol::{Epoch, MatchEnd, MatchStart, Snapshot};
use framekeep_rollback::{MatchStats, RollbackConfig, RollbackEvent, RollbackMatch, StartError, ThinMatch};
use framekeep_sim::{Input, Tick};

/// A bot's part in a match.
pub(crate) struct Play {
    side: Side,
    bot: ArenaBot,
    end: Option<MatchEnd>,
}

enum Side {
    Full(Box<RollbackMatch<Arena>>),
    Thin(Box<ThinMatch>),
}

impl Play {
    pub(crate) fn new(
        start: &MatchStart,
        thin: bool,
        seed: u64,
        now: Duration,
        rtt: Duration,
    ) -> Result<Self, StartError> {
        let config = RollbackConfig::default();
        let side = if thin {
            Side::Thin(Box::new(ThinMatch::new(start, config, now, rtt)))
        } else {
            Side::Full(Box::new(RollbackMatch::new(start, config, now, rtt)?))
        };
        Ok(Self { side, bot: ArenaBot::new(seed), end: None })
    }

    pub(crate) fn handle_frames(&mut self, now: Duration, packet: &[u8]) {
        // What is of no use is counted in the match's own figures.
        let _ = match &mut self.side {
            Side::Full(play) => play.handle_frames(now, packet),
            Side::Thin(play) => play.handle_frames(now, packet, |_| {}),
        };
    }

    /// Says whether the snapshot was taken over.
    pub(crate) fn handle_snapshot(&mut self, now: Duration, snapshot: &Snapshot) -> bool {
        match &mut self.side {
            Side::Full(play) => play.handle_snapshot(now, snapshot).is_ok(),
            Side::Thin(play) => {
                play.handle_snapshot(now, snapshot);
                true
            }
        }
    }

    pub(crate) fn finish(&mut self, end: MatchEnd) {
        match &mut self.side {
            Side::Full(play) => play.finish(&end),
            Side::Thin(play) => play.finish(&end),
        }
        self.end = Some(end);
    }

    /// Makes the inputs that are due; says whether to ask the server for a snapshot.
    pub(crate) fn advance(&mut self, now: Duration) -> bool {
        let bot = &mut self.bot;
        match &mut self.side {
            Side::Full(play) => {
                let seat = play.seat().unwrap_or(0);
                play.advance_with(now, |tick, predicted| bot.input(predicted.state(), seat, tick.0));
                let mut wanted = false;
                while let Some(event) = play.poll_event() {
                    wanted |= matches!(event, RollbackEvent::NeedSnapshot { .. });
                }
                wanted
            }
            Side::Thin(play) => {
                play.advance(now, |tick| bot.blind_input(tick.0).pack());
                play.needs_snapshot(now)
            }
        }
    }

    pub(crate) fn poll_transmit(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        match &mut self.side {
            Side::Full(play) => play.poll_transmit(now, out),
            Side::Thin(play) => play.poll_transmit(now, out),
        }
    }

    pub(crate) fn wake_at(&self) -> Duration {
        match &self.side {
            Side::Full(play) => play.wake_at(),
            Side::Thin(play) => play.wake_at(),
        }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        match &self.side {
            Side::Full(play) => play.epoch(),
            Side::Thin(play) => play.epoch(),
        }
    }

    /// The tick of the frame that is needed next.
    pub(crate) fn next(&self) -> Tick {
        match &self.side {
            Side::Full(play) => play.confirmed().tick(),
            Side::Thin(play) => play.next(),
        }
    }

    pub(crate) fn stats(&self) -> &MatchStats {
        match &self.side {
            Side::Full(play) => play.stats(),
            Side::Thin(play) => play.stats(),
        }
    }

    pub(crate) fn stats_mut(&mut self) -> &mut MatchStats {
        match &mut self.side {
            Side::Full(play) => play.stats_mut(),
            Side::Thin(play) => play.stats_mut(),
        }
    }

    /// Whether the match is over.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Once the match is over and every frame is here: whether the state equals the server's. A bot that does not
    /// simulate takes its word for it.
    pub(crate) fn verdict(&self) -> Option<bool> {
        let end = self.end.as_ref().filter(|end| self.next() >= end.ticks)?;
        match &self.side {
            Side::Full(play) => Some(play.confirmed_hash() == end.hash),
            Side::Thin(_) => Some(true),
        }
    }

    /// How many frames of a match that is over are not here.
    pub(crate) fn missing(&self) -> u64 {
        self.end.as_ref().map_or(0, |end| end.ticks.since(self.next()).into())
    }
}
