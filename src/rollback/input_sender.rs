//! `InputSender`, a seat's own inputs until the server has them.

use core::time::Duration;

use framekeep_protocol::{INPUTS_PER_PACKET_MAX, InputHead, encode_inputs};
use framekeep_sim::{Tick, input_mask};

use crate::limits::OWN_INPUTS_MAX;

#[derive(Clone, Copy, Debug, Default)]
struct Made {
    bits: u64,
    at: Duration,
}

/// A seat's own inputs, kept until the server has them: every packet holds all that are not yet acknowledged, so a
/// lost packet costs nothing but the wait for the next.
#[derive(Clone, Debug)]
pub struct InputSender {
    bits: u32,
    /// By tick modulo the length; valid for `first..next`, and never more than the length.
    made: Vec<Made>,
    first: Tick,
    next: Tick,
    /// The server has, or no longer wants, every input below this.
    acknowledged: Tick,
    packet: Vec<u64>,
}

impl InputSender {
    /// No input yet; the first is for `next`. `bits` is the width of one input.
    #[must_use]
    pub fn new(bits: u32, next: Tick) -> Self {
        Self {
            bits,
            made: vec![Made::default(); OWN_INPUTS_MAX],
            first: next,
            next,
            acknowledged: next,
            packet: Vec::with_capacity(INPUTS_PER_PACKET_MAX),
        }
    }

    /// The tick the next input is for.
    #[must_use]
    pub fn next(&self) -> Tick {
        self.next
    }

    /// Adds the input of the next tick; `bits` beyond the width are cut off.
    pub fn push(&mut self, now: Duration, bits: u64) {
        self.made[slot(self.next)] = Made { bits: bits & input_mask(self.bits), at: now };
        self.next = self.next.next();
        self.first = self.first.max(self.next.earlier(OWN_INPUTS_MAX as u32));
    }

    /// Makes the next input one for `tick`, if that is later; the ticks between get none.
    pub fn skip_to(&mut self, tick: Tick) {
        if tick > self.next {
            (self.first, self.next, self.acknowledged) = (tick, tick, tick);
        }
    }

    /// Inputs below `tick` need not be sent again: the server has them, or their frames are committed.
    pub fn forget_before(&mut self, tick: Tick) {
        self.acknowledged = self.acknowledged.max(tick.min(self.next));
    }

    /// Whether there are inputs of which the server has not said that it has them.
    #[must_use]
    pub fn has_unacknowledged(&self) -> bool {
        self.acknowledged < self.next
    }

    /// The input made for a tick, if it is remembered.
    #[must_use]
    pub fn get(&self, tick: Tick) -> Option<u64> {
        (self.first..self.next).contains(&tick).then(|| self.made[slot(tick)].bits)
    }

    /// When the input for a tick was made, if it is remembered.
    #[must_use]
    pub fn made_at(&self, tick: Tick) -> Option<Duration> {
        (self.first..self.next).contains(&tick).then(|| self.made[slot(tick)].at)
    }

    /// Appends the packet with every input that is not acknowledged, the newest [`INPUTS_PER_PACKET_MAX`] if there
    /// are more. `head.newest` is filled in here if there are any.
    pub fn write(&mut self, head: InputHead, out: &mut Vec<u8>) {
        let first = self.acknowledged.max(self.next.earlier(INPUTS_PER_PACKET_MAX as u32)).max(self.first);
        self.packet.clear();
        for tick in first.0..self.next.0 {
            self.packet.push(self.made[slot(Tick(tick))].bits);
        }
        let newest = if self.packet.is_empty() { head.newest } else { self.next.earlier(1) };
        encode_inputs(&InputHead { newest, ..head }, self.bits, &self.packet, out);
    }
}

fn slot(tick: Tick) -> usize {
    tick.0 as usize % OWN_INPUTS_MAX
}
