//! `ThinMatch`, a client's match without a simulation.

use core::time::Duration;

use framekeep_protocol::{Epoch, MatchEnd, MatchStart, Snapshot};
use framekeep_sim::{Frame, Tick};

use crate::exchange::Exchange;
use crate::limits::{ADVANCE_TICKS_MAX, ROLLBACK_TICKS_MAX};
use crate::{LeadClock, MatchStats, RollbackConfig, StreamError};

/// A client's match that sends inputs and checks that every frame arrives, for load tests, relays and clients that
/// draw what others simulate. The same packets, clock and redundancy as [`crate::RollbackMatch`]; no game, no hash.
#[derive(Clone, Debug)]
pub struct ThinMatch {
    exchange: Exchange,
}

impl ThinMatch {
    /// A match as the server announced it, at `now`; `rtt` is what is known of the round trip.
    #[must_use]
    pub fn new(start: &MatchStart, config: RollbackConfig, now: Duration, rtt: Duration) -> Self {
        Self { exchange: Exchange::new(start, &config.clamped(), now, rtt) }
    }

    /// Takes a hot-lane packet of frames and shows every new frame, in order.
    ///
    /// # Errors
    /// [`StreamError`] if it was of no use; the match goes on.
    pub fn handle_frames(
        &mut self,
        now: Duration,
        packet: &[u8],
        deliver: impl FnMut(&Frame),
    ) -> Result<(), StreamError> {
        self.exchange.handle_frames(now, packet, deliver)
    }

    /// Goes on after a snapshot, of which only the tick and the frame before it are of use here.
    pub fn handle_snapshot(&mut self, now: Duration, snapshot: &Snapshot) {
        let ours = snapshot.epoch == self.exchange.stream.epoch();
        if ours && snapshot.tick > self.exchange.stream.next() {
            self.exchange.restart(now, snapshot.tick, &snapshot.frame_before());
        }
        self.exchange.waiting &= !ours;
    }

    /// The match is over: no input is made for a tick past its last. Frames that are still missing may follow.
    pub fn finish(&mut self, end: &MatchEnd) {
        if end.epoch == self.exchange.stream.epoch() {
            self.exchange.finish(end.ticks);
        }
    }

    /// Whether the match is over and every frame of it has arrived.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.exchange.is_complete()
    }

    /// Makes every input that is due. `local` is asked once for each tick, in order, for packed bits.
    ///
    /// Gives how many were made.
    pub fn advance(&mut self, now: Duration, mut local: impl FnMut(Tick) -> u64) -> u32 {
        let limit = self.limit();
        let mut made = 0;
        while made < ADVANCE_TICKS_MAX {
            let Some(tick) = self.exchange.input_due(now, limit) else { break };
            self.exchange.push(now, local(tick));
            made += 1;
        }
        made
    }

    /// Appends the packet that is due to `out`, if one is: a whole hot-lane payload. At most one is due at a time.
    pub fn poll_transmit(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        self.exchange.poll_transmit(now, None, out)
    }

    /// Whether to ask the server for a snapshot now; true at most once a second.
    pub fn needs_snapshot(&mut self, now: Duration) -> bool {
        self.exchange.needs_snapshot(now)
    }

    /// When to call `advance` and `poll_transmit` next if nothing arrives until then.
    #[must_use]
    pub fn wake_at(&self) -> Duration {
        self.exchange.wake_at(self.limit())
    }

    /// The tick of the frame that is needed next: every frame below it has arrived.
    #[must_use]
    pub fn next(&self) -> Tick {
        self.exchange.stream.next()
    }

    /// The match within the room.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.exchange.stream.epoch()
    }

    /// The own seat; `None` for a spectator.
    #[must_use]
    pub fn seat(&self) -> Option<u8> {
        self.exchange.seat
    }

    /// Figures so far.
    #[must_use]
    pub fn stats(&self) -> &MatchStats {
        &self.exchange.stats
    }

    /// Figures so far, to be cleared.
    pub fn stats_mut(&mut self) -> &mut MatchStats {
        &mut self.exchange.stats
    }

    /// The clock that paces the inputs.
    #[must_use]
    pub fn clock(&self) -> &LeadClock {
        &self.exchange.clock
    }

    fn limit(&self) -> Tick {
        self.exchange.stream.next().later(ROLLBACK_TICKS_MAX)
    }
}
