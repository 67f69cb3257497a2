//! `InputBuffer`, the inputs of one seat that have arrived and are not committed yet.

use framekeep_protocol::INPUT_AHEAD_TICKS_MAX;
use framekeep_sim::Tick;

/// Slots of the ring; a power of two, at least as many as a client may be ahead.
const SLOTS: usize = 64;
const _: () = assert!(INPUT_AHEAD_TICKS_MAX as usize <= SLOTS);

/// The inputs of one seat that have arrived for ticks not committed yet: a ring of 64 ticks.
#[derive(Clone, Debug)]
pub struct InputBuffer {
    inputs: [u64; SLOTS],
    /// Bit `tick % 64` tells whether that slot holds an input.
    present: u64,
    next: Tick,
}

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is kept for its tick.
    New,
    /// The tick had one already; the first counts.
    Again,
    /// The tick's frame is committed.
    Late,
    /// The tick is too far ahead.
    Early,
}

impl InputBuffer {
    /// An empty buffer whose next tick to commit is `next`.
    #[must_use]
    pub fn new(next: Tick) -> Self {
        Self { inputs: [0; SLOTS], present: 0, next }
    }

    /// The next tick to commit.
    #[must_use]
    pub fn next(&self) -> Tick {
        self.next
    }

    /// Keeps the input of a tick.
    pub fn insert(&mut self, tick: Tick, bits: u64) -> Inserted {
        if tick < self.next {
            return Inserted::Late;
        }
        if tick.since(self.next) >= INPUT_AHEAD_TICKS_MAX {
            return Inserted::Early;
        }
        let slot = tick.0 as usize % SLOTS;
        if self.present & (1 << slot) != 0 {
            return Inserted::Again;
        }
        self.present |= 1 << slot;
        self.inputs[slot] = bits;
        Inserted::New
    }

    /// Takes the input of the next tick, if it has arrived, and moves on to the tick after it.
    pub fn take(&mut self) -> Option<u64> {
        let slot = self.next.0 as usize % SLOTS;
        let arrived = self.present & (1 << slot) != 0;
        self.present &= !(1 << slot);
        self.next = self.next.next();
        arrived.then(|| self.inputs[slot])
    }

    /// The inputs that wait, by tick.
    pub fn waiting(&self) -> impl Iterator<Item = (Tick, u64)> + '_ {
        let ticks = (0..SLOTS as u32).map(|ahead| self.next.later(ahead));
        ticks.filter_map(|tick| {
            let slot = tick.0 as usize % SLOTS;
            (self.present & (1 << slot) != 0).then(|| (tick, self.inputs[slot]))
        })
    }

    /// The first tick, not yet committed, whose input is missing.
    #[must_use]
    pub fn missing(&self) -> Tick {
        let turned = self.present.rotate_right(self.next.0 % SLOTS as u32);
        self.next.later(turned.trailing_ones())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_come_out_at_their_tick_and_once() {
        let mut buffer = InputBuffer::new(Tick(60));
        assert_eq!(buffer.insert(Tick(61), 7), Inserted::New);
        assert_eq!(buffer.insert(Tick(61), 9), Inserted::Again);
        assert_eq!(buffer.insert(Tick(59), 1), Inserted::Late);
        assert_eq!(buffer.insert(Tick(60 + INPUT_AHEAD_TICKS_MAX), 1), Inserted::Early);
        assert_eq!(buffer.missing(), Tick(60));
        assert_eq!(buffer.take(), None);
        assert_eq!(buffer.missing(), Tick(62));
        assert_eq!(buffer.take(), Some(7));
        assert_eq!(buffer.take(), None);
        assert_eq!(buffer.next(), Tick(63));
    }

    #[test]
    fn a_full_ring_is_missing_the_tick_after_it() {
        let mut buffer = InputBuffer::new(Tick(1_000));
        for ahead in 0..INPUT_AHEAD_TICKS_MAX {
            assert_eq!(buffer.insert(Tick(1_000 + ahead), u64::from(ahead)), Inserted::New);
        }
        assert_eq!(buffer.missing(), Tick(1_000 + INPUT_AHEAD_TICKS_MAX));
        for ahead in 0..u64::from(INPUT_AHEAD_TICKS_MAX) {
            assert_eq!(buffer.take(), Some(ahead));
        }
    }
}
