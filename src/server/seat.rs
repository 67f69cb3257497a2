//! Seats: a player's place in a room.

use std::time::Duration;

use bevy_ecs::prelude::{Component, Entity};
use framekeep_protocol::{Epoch, PlayerId, Redundancy};
use framekeep_sim::Tick;

use crate::input_buffer::InputBuffer;
use crate::limits::JUDGED_AFTER;

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
    /// How early inputs arrive, in eighths of a tick: the worst since the last report.
    pub(crate) lead: Option<i8>,
    /// What was reported last.
    reported_lead: i8,
    /// How often frames are sent to the client again.
    pub(crate) redundancy: Redundancy,
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
            lead: None,
            reported_lead: 0,
            redundancy: Redundancy::default(),
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

    /// Notes what the client has received, and whether frames were lost or late on their way: then it acknowledges more
    /// frames with one packet than it has made inputs since the one before.
    pub(crate) fn note_ack(&mut self, newest: Tick, ack: Tick, now: Duration) {
        let inputs = self.newest.map_or(u32::MAX, |seen| newest.since(seen));
        let frames = ack.since(self.acked);
        if inputs > 0 && frames > inputs.max(1) {
            self.redundancy.note_loss(now);
        }
        self.acked = self.acked.max(ack);
    }

    /// Notes how early the input of `newest` has arrived, if it is the first time that it does.
    pub(crate) fn note_arrival(&mut self, newest: Tick, now: Duration) {
        if self.newest.is_some_and(|seen| newest <= seen) {
            return;
        }
        self.newest = Some(newest);
        let ticks_ahead = i64::from(newest.0) - i64::from(self.inputs.next().0);
        let period_us = (self.period.as_micros() as i64).max(1);
        let early_us = self.deadline.as_micros() as i64 - now.as_micros() as i64 + ticks_ahead * period_us;
        let eighths = (early_us * 8).div_euclid(period_us).clamp(-127, 127) as i8;
        self.lead = Some(self.lead.map_or(eighths, |lead| lead.min(eighths)));
    }
}
