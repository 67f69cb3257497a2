//! Seats: a player's place in a room.

use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity};
use framekeep_protocol::{Epoch, PlayerId, Redundancy};
use framekeep_sim::Tick;

use crate::input_buffer::InputBuffer;
use crate::limits::JUDGED_AFTER;
use crate::way::Way;

/// An acknowledgement this late says nothing of the way.
const AGE_MAX: Duration = Duration::from_secs(10);
/// Ticks without a packet after which its seat was away.
const GAP_MAX: u32 = 64;
/// How long after the server held frames back itself gaps are no sign of the way.
const EXCUSED: Duration = Duration::from_secs(1);

/// The room a seat is in.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = Seats)]
pub struct SeatOf(pub Entity);

/// The seats of a room that are taken; they go when the room goes.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = SeatOf, linked_spawn)]
pub struct Seats(Vec<Entity>);

impl Seats {
    /// The seats of a room; a room whose last seat is freed has no such component.
    pub fn entities(seats: Option<&Self>) -> impl Iterator<Item = Entity> {
        seats.map_or(&[][..], |seats| &seats.0).iter().copied()
    }
}

/// A player's place in a room. It belongs to the player, not to a connection.
#[derive(Component, Clone, Debug)]
pub struct Seat {
    /// The seat's number.
    pub index: u8,
    /// Whose it is.
    pub player: PlayerId,
    /// The player's link, while there is one.
    pub link: Option<Entity>,
    /// When the link was lost; the seat is held for a while after.
    pub lost_at: Option<Duration>,
}

/// A seat's part in the running match: its inputs and what its client has received.
#[derive(Component, Clone, Debug)]
pub struct SeatPlay {
    /// Which match of the room.
    pub(crate) epoch: Epoch,
    /// Size of an input.
    pub(crate) input_bits: u32,
    /// Inputs that are not committed yet.
    pub(crate) inputs: InputBuffer,
    /// The last input that arrived in time, and how often it was repeated since.
    pub(crate) last: Option<(u64, u8)>,
    /// The client has all frames before this tick.
    pub(crate) acked: Tick,
    /// The client's hash of its state at a tick, not yet compared.
    pub(crate) claim: Option<(Tick, u32)>,
    /// The newest tick whose hash was compared, and the newest that was ours.
    pub(crate) compared: Option<Tick>,
    /// See `compared`.
    pub(crate) agreed: Option<Tick>,
    /// Since when its hashes are not ours.
    pub(crate) differs_since: Option<Duration>,
    /// The newest tick the client sent an input for.
    pub(crate) newest: Option<Tick>,
    /// Bytes of inputs that came and of frames that were sent in this match, over UDP.
    pub(crate) traffic: [u64; 2],
    /// What is known of the way to the client.
    pub(crate) way: Way,
    /// How early inputs arrive, in eighths of a tick: the worst since the last report.
    pub(crate) lead: Option<i8>,
    /// What was reported last.
    reported_lead: i8,
    /// How often frames are sent to the client again.
    pub(crate) redundancy: Redundancy,
    /// Ticks from one packet to the next, the fewest there were; 0 before the second.
    packet_ticks: u32,
    /// The first frame that was not sent yet, and when one was last held back for longer than the room's interval.
    unsent: Tick,
    held_back_at: Option<Duration>,
    /// When the frame of `inputs.next()` is committed, and the time between two frames.
    pub(crate) deadline: Duration,
    pub(crate) period: Duration,
    /// When an input came last that differs from the one before it.
    pub(crate) acted_at: Duration,
    /// Since when packets that cannot be meant are held against the link.
    pub(crate) judged_from: Duration,
    /// A snapshot is owed to the client.
    pub(crate) snapshot_owed: bool,
    /// When the last snapshot was sent.
    pub(crate) snapshot_at: Option<Duration>,
}

impl SeatPlay {
    /// A seat that enters a match whose next frame, due at `deadline`, is `next`.
    pub(crate) fn new(
        epoch: Epoch,
        input_bits: u32,
        next: Tick,
        deadline: Duration,
        period: Duration,
    ) -> Self {
        Self {
            epoch,
            input_bits,
            inputs: InputBuffer::new(next),
            last: None,
            acked: next,
            claim: None,
            compared: None,
            agreed: None,
            differs_since: None,
            newest: None,
            traffic: [0; 2],
            way: Way::default(),
            lead: None,
            reported_lead: 0,
            redundancy: Redundancy::default(),
            packet_ticks: 0,
            unsent: next,
            held_back_at: None,
            deadline,
            period,
            acted_at: deadline,
            judged_from: deadline + JUDGED_AFTER,
            snapshot_owed: false,
            snapshot_at: None,
        }
    }

    /// Whether the input of a tick that came too late was not seen before: redundant copies are not counted again.
    pub(crate) fn is_first_sight(&self, tick: u32) -> bool {
        self.newest.is_none_or(|newest| tick > newest.0)
    }

    /// How early inputs arrive; what was reported before if none has arrived since.
    pub(crate) fn report_lead(&mut self) -> i8 {
        self.reported_lead = self.lead.take().unwrap_or(self.reported_lead);
        self.reported_lead
    }

    /// How early inputs arrive, in eighths of a tick, as far as is known.
    pub(crate) fn lead_eighths(&self) -> i8 {
        self.lead.unwrap_or(self.reported_lead)
    }

    /// The match goes on with a frame that is due at `deadline`.
    pub(crate) fn begin_at(&mut self, deadline: Duration, now: Duration) {
        (self.deadline, self.acted_at, self.judged_from) = (deadline, now, now + JUDGED_AFTER);
    }

    /// How early inputs arrive, as `report_lead` would say it, in milliseconds.
    pub(crate) fn lead_ms(&self) -> i32 {
        let eighths = i32::from(self.lead.unwrap_or(self.reported_lead));
        eighths * i32::try_from(self.period.as_millis()).unwrap_or_default() / 8
    }

    /// Notes that a packet of frames up to `until` is sent, of which `every` are new as a rule.
    pub(crate) fn note_sent(&mut self, until: Tick, every: u32, now: Duration) {
        if until.since(self.unsent) > every {
            self.held_back_at = Some(now);
        }
        self.unsent = self.unsent.max(until);
    }

    /// The client says that frames came late or not at all: packets are sent again from now on, unless it was the
    /// server itself that held frames back.
    pub(crate) fn note_gap(&mut self, now: Duration) {
        if self.held_back_at.is_none_or(|at| now >= at + EXCUSED) {
            self.redundancy.note_loss(now);
        }
    }

    /// Notes what the client has received, and whether frames were lost or late on their way: then it acknowledges more
    /// frames with one packet than it has made inputs since the one before. Gives how many were.
    pub(crate) fn note_ack(&mut self, newest: Tick, ack: Tick) -> u32 {
        let inputs = self.newest.map_or(u32::MAX, |seen| newest.since(seen));
        let frames = ack.since(self.acked);
        self.acked = self.acked.max(ack);
        if inputs == 0 || frames <= inputs.max(1) {
            return 0;
        }
        frames - inputs.max(1)
    }

    /// How long ago the newest frame was due that is acknowledged for the first time: the round trip, the client's wait
    /// for its next packet included.
    pub(crate) fn age_of(&self, ack: Tick, now: Duration) -> Option<Duration> {
        if ack <= self.acked {
            return None;
        }
        let due = self.deadline.checked_sub(self.period * (self.inputs.next().since(ack) + 1))?;
        now.checked_sub(due).filter(|age| *age < AGE_MAX)
    }

    /// How many packets of inputs are missing before one that brings the input of `newest`: lost, late, or not sent.
    pub(crate) fn packets_missing(&mut self, newest: Tick) -> u32 {
        let Some(gap) = self.newest.map(|seen| newest.since(seen)).filter(|gap| *gap > 0) else { return 0 };
        if self.packet_ticks == 0 || gap < self.packet_ticks {
            self.packet_ticks = gap;
        }
        // Who was away for long has lost nothing.
        if gap > GAP_MAX { 0 } else { gap / self.packet_ticks - 1 }
    }

    /// Notes how early the input of `newest` has arrived, if it is the first time that it does.
    pub(crate) fn note_arrival(&mut self, newest: Tick, now: Duration) {
        if self.newest.is_some_and(|seen| newest <= seen) {
            return;
        }
        self.newest = Some(newest);
        let eighths = self.early_eighths(newest, now);
        self.lead = Some(self.lead.map_or(eighths, |lead| lead.min(eighths)));
    }

    /// Notes how early the input of a tick has come from a client that is not told: the last one counts.
    pub(crate) fn note_web_arrival(&mut self, tick: Tick, now: Duration) {
        self.reported_lead = self.early_eighths(tick, now);
    }

    fn early_eighths(&self, tick: Tick, now: Duration) -> i8 {
        let ticks_ahead = i64::from(tick.0) - i64::from(self.inputs.next().0);
        let period_us = (self.period.as_micros() as i64).max(1);
        let early_us = self.deadline.as_micros() as i64 - now.as_micros() as i64 + ticks_ahead * period_us;
        (early_us * 8).div_euclid(period_us).clamp(-127, 127) as i8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(33);

    fn seat() -> SeatPlay {
        SeatPlay::new(Epoch::new(1), 12, Tick(100), 10 * PERIOD, PERIOD)
    }

    #[test]
    fn a_gap_on_the_way_asks_for_copies_and_one_of_the_server_itself_does_not() {
        let (mut held, mut sent) = (seat(), seat());
        for tick in 101..110 {
            held.note_sent(Tick(tick), 1, PERIOD * tick);
            sent.note_sent(Tick(tick), 1, PERIOD * tick);
        }
        let now = PERIOD * 112;
        held.note_sent(Tick(112), 1, now);
        held.note_gap(now + PERIOD);
        assert_eq!(held.redundancy.wanted(), 0, "the server has sent two frames late");
        held.note_gap(now + EXCUSED);
        assert_eq!(held.redundancy.wanted(), 1);
        sent.note_gap(now);
        assert_eq!(sent.redundancy.wanted(), 1);
    }
}
